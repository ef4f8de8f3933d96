import { decryptBody, plainBytesOf } from "./decrypt-body.ts";
import { committedIv, committedSuiteId, deriveCommittedKey } from "./derive-committed-key.ts";
import {
  BodyLengthError,
  BodyTooLargeError,
  EnvelopeContextError,
  EnvelopeMalformedError,
  EnvelopeUnauthenticatedError,
  EnvelopeUncommittedError,
  ObjectNotEncryptedError,
} from "./envelope-errors.ts";
import type { EncryptionContext, Keys } from "./keys.ts";
import { type Envelope, parseEnvelope, type ReadInstructionFile } from "./parse-envelope.ts";

/** An object as a store hands it out (`StoredObject` of the ports is one), encrypted or not. */
export interface SealedObject {
  /** User metadata in any case, with or without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Read once, by `open()`, and not before. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  /** The stored size (S3's ContentLength), tag and padding included. */
  readonly sizeBytes: number;
  /** Reads `<key>.instruction`; asked only when the metadata hold no data key. Leave it out where no such files are. */
  readonly instructionFile?: ReadInstructionFile;
  /** What the object must have been encrypted for, where the caller knows: a copied object is then refused. */
  readonly expected?: { readonly account?: string; readonly sesMessageId?: string };
}

export interface OpenEnvelopeOptions {
  readonly accept?: {
    /** Objects without an envelope. Default true: buckets hold both, since a rule's KmsKeyArn can come and go. */
    readonly plain?: boolean;
    /** AES/CBC, which SES never writes. Default false. */
    readonly unauthenticated?: boolean;
    /** Formats without key commitment, SES's own among them. Default true. */
    readonly uncommitted?: boolean;
  };
  /** The longest plaintext, in octets: all of it is in memory at once. */
  readonly maxBytes?: number;
}

export type EnvelopeName = "none" | "v2 kms gcm" | "v2 kms cbc" | "v2 kms+context gcm" | "v3 kms+context gcm";

export interface OpenedEnvelope {
  readonly envelope: EnvelopeName;
  /** False for what proves nothing about its writer: plain objects and AES/CBC. */
  readonly authenticated: boolean;
  /** The plaintext's length in octets, undefined where only decryption tells (AES/CBC without a noted length). */
  readonly plainBytes: number | undefined;
  /**
   * The plaintext, in chunks, to be read once. Resolves only when all of it is authentic; a plain object's body is
   * handed on as it is. Asks the key service.
   */
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/** SES's limit of 40 MB for a message, and room for the header block that it puts on top. */
export const defaultMaxBytes = 40 * 1024 * 1024 + 65_536;

/**
 * Opens an object of Amazon's S3 encryption clients under a KMS key, or passes a plain one on (ses-receiving.md §7).
 * Looks at metadata, sizes and policy at once; asks the key service and reads the body in `open()`.
 *
 * @throws {EnvelopeMalformedError | EnvelopeUnsupportedError | EnvelopeContextError}
 * @throws {ObjectNotEncryptedError | EnvelopeUnauthenticatedError | EnvelopeUncommittedError} by `accept`
 * @throws {BodyLengthError | BodyTooLargeError}
 * `open()` rejects with those of `Keys.decrypt`, and {BodyNotAuthenticError | BodyLengthError | KeyCommitmentError}
 */
export async function openEnvelope(
  object: SealedObject,
  keys: Pick<Keys, "decrypt">,
  { accept = {}, maxBytes = defaultMaxBytes }: OpenEnvelopeOptions = {},
): Promise<OpenedEnvelope> {
  requireWholeNumber(object.sizeBytes, "sizeBytes");
  requireWholeNumber(maxBytes, "maxBytes");
  const envelope = await parseEnvelope(object.metadata, object.instructionFile);
  const readOnce = onlyOnce();

  if (envelope.kind === "none") {
    if (accept.plain === false) throw new ObjectNotEncryptedError();
    const open = async () => {
      readOnce();
      return toIterable(object.body);
    };
    return { envelope: "none", authenticated: false, plainBytes: object.sizeBytes, open };
  }
  if (envelope.kind === "cbc" && accept.unauthenticated !== true) throw new EnvelopeUnauthenticatedError();
  if (envelope.kind !== "committed" && accept.uncommitted === false) throw new EnvelopeUncommittedError();
  requireContext(envelope.context, "aws:ses:source-account", object.expected?.account);
  requireContext(envelope.context, "aws:ses:message-id", object.expected?.sesMessageId);

  const bodyKind = envelope.kind === "cbc" ? "cbc" : "gcm";
  const held = plainBytesOf(bodyKind, object.sizeBytes);
  if (held !== undefined && envelope.plainBytes !== undefined && held !== envelope.plainBytes) {
    throw new BodyLengthError(
      `The body holds ${held} octets of plaintext where the envelope says ${envelope.plainBytes}`,
      "object",
    );
  }
  const atMost = held ?? object.sizeBytes;
  if (atMost > maxBytes) throw new BodyTooLargeError(atMost, maxBytes);

  const open = async () => {
    readOnce();
    const chunks = await decryptWith(keys, envelope, object);
    const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (envelope.plainBytes !== undefined && total !== envelope.plainBytes) {
      throw new BodyLengthError(`The plaintext has ${total} octets instead of ${envelope.plainBytes}`, "object");
    }
    return handOut(chunks);
  };
  return {
    envelope: nameOf(envelope),
    authenticated: bodyKind === "gcm",
    plainBytes: held ?? envelope.plainBytes,
    open,
  };
}

type Encrypted = Exclude<Envelope, { kind: "none" }>;

function nameOf(envelope: Encrypted): EnvelopeName {
  if (envelope.kind === "committed") return "v3 kms+context gcm";
  if (envelope.kind === "cbc") return "v2 kms cbc";
  return `v2 ${envelope.wrap} gcm`;
}

async function decryptWith(keys: Pick<Keys, "decrypt">, envelope: Encrypted, object: SealedObject) {
  const dataKey = await keys.decrypt(envelope.encryptedKey, envelope.context);
  let contentKey = dataKey;
  try {
    if (dataKey.length !== 32) {
      throw new EnvelopeMalformedError(`The data key has ${dataKey.length} octets instead of 32`);
    }
    if (envelope.kind === "cbc") {
      return await decryptBody(object.body, object.sizeBytes, { kind: "cbc", key: dataKey, iv: envelope.iv });
    }
    if (envelope.kind === "committed") {
      contentKey = deriveCommittedKey(dataKey, envelope.messageId, envelope.commitment);
    }
    const committed = envelope.kind === "committed";
    return await decryptBody(object.body, object.sizeBytes, {
      kind: "gcm",
      key: contentKey,
      iv: committed ? committedIv : envelope.iv,
      additionalData: committed ? committedSuiteId : undefined,
    });
  } finally {
    dataKey.fill(0);
    contentKey.fill(0);
  }
}

function requireContext(context: EncryptionContext, member: string, expected: string | undefined): void {
  if (expected !== undefined && context[member] !== expected) throw new EnvelopeContextError(member);
}

/** A limit that is NaN or a string would switch itself off. */
function requireWholeNumber(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} must be a whole number of octets`);
}

function onlyOnce(): () => void {
  let read = false;
  return () => {
    if (read) throw new Error("open() was called before: a body can be read once");
    read = true;
  };
}

async function* toIterable(body: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

/** Lets go of each chunk as it is taken. */
async function* handOut(chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  chunks.reverse();
  for (let chunk = chunks.pop(); chunk !== undefined; chunk = chunks.pop()) yield chunk;
}
