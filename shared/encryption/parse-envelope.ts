import { EnvelopeMalformedError, EnvelopeUnsupportedError } from "./envelope-errors.ts";
import type { EncryptionContext } from "./keys.ts";
import { decodeMetadataValue, readUserMetadata, type UserMetadata } from "./user-metadata.ts";

/** What the metadata say about the body. Every member was checked; none of it is authentic yet. */
export type Envelope =
  | { readonly kind: "none" }
  | (WrappedKey & { readonly kind: "gcm"; readonly iv: Uint8Array })
  | (WrappedKey & { readonly kind: "cbc"; readonly iv: Uint8Array })
  | (WrappedKey & { readonly kind: "committed"; readonly messageId: Uint8Array; readonly commitment: Uint8Array });

interface WrappedKey {
  readonly wrap: "kms" | "kms+context";
  readonly encryptedKey: Uint8Array;
  /** All of it goes to the key service, `kms_cmk_id` included. */
  readonly context: EncryptionContext;
  /** The plaintext's length where the writer noted it: not authentic, so a check and never a promise. */
  readonly plainBytes: number | undefined;
}

/** Octets, text, or nothing there. */
export type ReadInstructionFile = () => Promise<Uint8Array | string | undefined>;

/** Names as in the S3 encryption client's content metadata; V1, V2 and V3 are its format versions. */
const v1Key = "x-amz-key";
const v2Only = ["x-amz-key-v2", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len"];
/** About the body, and always with the object: an instruction file that brings its own is forged. */
const v3InObject = ["x-amz-c", "x-amz-d", "x-amz-i"];
const v3Only = [...v3InObject, "x-amz-3", "x-amz-w", "x-amz-t", "x-amz-m"];
const lengthName = "x-amz-unencrypted-content-length";
/** Any of these says that the object is encrypted, even where the rest is elsewhere or lost. */
const envelopeNames = [v1Key, ...v2Only, ...v3Only, "x-amz-iv", "x-amz-matdesc", lengthName];

const gcm = "AES/GCM/NoPadding";
/** For a 16-octet block both names mean the same padding; Ruby's client knows the second. */
const cbc = ["AES/CBC/PKCS5Padding", "AES/CBC/PKCS7Padding"];
/** ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY, 0x0073. */
const committedSuite = "115";
const contextAlgorithm = "aws:x-amz-cek-alg";
/** What the clients know beside KMS: each needs a key that only the writer's side has. */
const foreignWraps = ["AES/GCM", "AESWrap", "RSA-OAEP-SHA1", "RSA/ECB/OAEPWithSHA-256AndMGF1Padding", "AES", "RSA"];
const v3Wraps = new Map([
  ["02", "AES/GCM"],
  ["12", "kms+context"],
  ["22", "RSA-OAEP-SHA1"],
]);

/** An instruction file holds the 2 KB of an object's user metadata, and its writer's JSON. */
const maxInstructionBytes = 65_536;
/** KMS's own limit for CiphertextBlob. */
const maxEncryptedKeyBytes = 6_144;

/**
 * Reads the S3 encryption client's envelope (ses-receiving.md §7): from the object's metadata where the data key is in
 * them, else from the instruction file, which is asked for only then.
 *
 * @throws {EnvelopeMalformedError} for whatever is missing, contradictory, or out of shape
 * @throws {EnvelopeUnsupportedError} for V1, raw keys, other tag lengths and unknown algorithms, each by name
 */
export async function parseEnvelope(
  userMetadata: Readonly<Record<string, string>>,
  readInstructionFile?: ReadInstructionFile,
): Promise<Envelope> {
  const metadata = readUserMetadata(userMetadata);
  if (metadata.has("x-amz-crypto-instr-file")) {
    throw new EnvelopeUnsupportedError("The object is the instruction file of another object, not a message");
  }
  refuseUnknownVersion(metadata);
  const whole = hasDataKey(metadata) ? metadata : await completeFromFile(metadata, readInstructionFile);
  if (whole === undefined) return { kind: "none" };

  const v2 = v2Only.filter((name) => whole.has(name));
  const v3 = v3Only.filter((name) => whole.has(name));
  const key = whole.has(v1Key) ? [v1Key] : [];
  const contradiction = [key, v2, v3].filter((names) => names.length > 0);
  // V1 objects of some clients name their content algorithm too, so only a second data key contradicts there.
  if (key.length > 0 && !whole.has("x-amz-key-v2") && v3.length === 0) {
    throw new EnvelopeUnsupportedError(
      "The envelope has format V1 (x-amz-key): its data key is wrapped under the writer's own key",
    );
  }
  if (contradiction.length > 1) {
    const names = contradiction.map(([name]) => name).join(" and ");
    throw new EnvelopeMalformedError(`The envelope mixes format versions (${names})`);
  }
  return v3.length > 0 ? parseV3(whole) : parseV2(whole);
}

function refuseUnknownVersion(metadata: UserMetadata): void {
  for (const name of metadata.keys()) {
    if (name.startsWith("x-amz-key-") && name !== "x-amz-key-v2") {
      throw new EnvelopeUnsupportedError(`The envelope has an unknown format version (${printable(name)})`);
    }
  }
}

function hasDataKey(metadata: UserMetadata): boolean {
  return metadata.has(v1Key) || metadata.has("x-amz-key-v2") || metadata.has("x-amz-3");
}

/** The metadata with what the instruction file adds; undefined when the object is plain. */
async function completeFromFile(
  metadata: UserMetadata,
  readInstructionFile: ReadInstructionFile | undefined,
): Promise<UserMetadata | undefined> {
  const present = envelopeNames.filter((name) => metadata.has(name));
  // Formats V1 and V2 put all of the envelope into one place; only the length may stay behind (Ruby's client).
  const scattered = present.find((name) => name !== lengthName && !v3InObject.includes(name));
  if (scattered !== undefined) {
    throw new EnvelopeMalformedError(`The metadata have "${scattered}" but no encrypted data key`);
  }
  const content = await readInstructionFile?.();
  if (content === undefined) {
    if (present.length === 0) return undefined;
    throw new EnvelopeMalformedError(
      `The metadata have "${present[0]}" but no encrypted data key, and there is no instruction file`,
    );
  }
  const instruction = parseInstructionFile(content);
  if (!hasDataKey(instruction)) throw new EnvelopeMalformedError("The instruction file holds no encrypted data key");
  refuseUnknownVersion(instruction);
  const misplaced = v3InObject.find((name) => instruction.has(name));
  if (misplaced !== undefined) {
    throw new EnvelopeMalformedError(`The instruction file has "${misplaced}", which belongs to the object itself`);
  }
  return new Map([...metadata, ...instruction]);
}

function parseInstructionFile(content: Uint8Array | string): UserMetadata {
  if (content.length > maxInstructionBytes) {
    throw new EnvelopeMalformedError(`The instruction file has more than ${maxInstructionBytes} octets`);
  }
  const text = typeof content === "string" ? content : Buffer.from(content).toString("utf8");
  const entries: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseJsonObject(text, "The instruction file"))) {
    // Go's client writes absent members as "", other clients write lengths as numbers.
    if (value === "" || value === null) continue;
    if (typeof value !== "string" && !Number.isSafeInteger(value)) {
      throw new EnvelopeMalformedError(`The instruction file's "${printable(name)}" is no string`);
    }
    entries[name] = String(value);
  }
  return readUserMetadata(entries);
}

function parseV2(metadata: UserMetadata): Envelope {
  const wrap = required(metadata, "x-amz-wrap-alg");
  const algorithm = required(metadata, "x-amz-cek-alg");
  if (wrap !== "kms" && wrap !== "kms+context") throw unsupportedWrap(wrap);

  const context = parseContext(required(metadata, "x-amz-matdesc"), "x-amz-matdesc");
  // What the key service vouches for outranks the metadata, whatever these say about the wrapping: a writer of
  // kms+context names the algorithm in the context, so that nobody can make GCM into CBC.
  if (Object.hasOwn(context, contextAlgorithm)) {
    if (wrap === "kms") {
      throw new EnvelopeMalformedError(`The context has "${contextAlgorithm}", which wrapping "kms" never writes`);
    }
    if (context[contextAlgorithm] !== algorithm) throw algorithmMismatch("x-amz-cek-alg");
  } else if (wrap === "kms+context") {
    throw new EnvelopeMalformedError(`The context lacks "${contextAlgorithm}", which wrapping "kms+context" needs`);
  }

  const wrapped = {
    wrap,
    context,
    encryptedKey: parseEncryptedKey(metadata, "x-amz-key-v2"),
    plainBytes: parseLength(metadata),
  } as const;
  if (algorithm === gcm) {
    requireTagLength(required(metadata, "x-amz-tag-len"));
    return { kind: "gcm", ...wrapped, iv: parseOctets(metadata, "x-amz-iv", 12) };
  }
  if (cbc.includes(algorithm) && wrap === "kms") {
    if (metadata.has("x-amz-tag-len")) {
      throw new EnvelopeMalformedError("The envelope says AES/CBC and gives a tag length, which CBC does not have");
    }
    return { kind: "cbc", ...wrapped, iv: parseOctets(metadata, "x-amz-iv", 16) };
  }
  throw new EnvelopeUnsupportedError(
    `The content algorithm "${printable(algorithm)}" under wrapping "${wrap}" is not known here`,
  );
}

function parseV3(metadata: UserMetadata): Envelope {
  const suite = required(metadata, "x-amz-c");
  if (suite !== committedSuite) {
    throw new EnvelopeUnsupportedError(`The content algorithm "${printable(suite)}" (x-amz-c) is not known here`);
  }
  const compressed = required(metadata, "x-amz-w");
  const wrap = v3Wraps.get(compressed) ?? compressed;
  if (wrap !== "kms+context") throw unsupportedWrap(wrap);
  const context = parseContext(required(metadata, "x-amz-t"), "x-amz-t");
  if (context[contextAlgorithm] !== committedSuite) throw algorithmMismatch("x-amz-c");
  return {
    kind: "committed",
    wrap,
    context,
    encryptedKey: parseEncryptedKey(metadata, "x-amz-3"),
    plainBytes: parseLength(metadata),
    messageId: parseOctets(metadata, "x-amz-i", 28),
    commitment: parseOctets(metadata, "x-amz-d", 28),
  };
}

function required(metadata: UserMetadata, name: string): string {
  const value = metadata.get(name);
  if (value === undefined || value === "") throw new EnvelopeMalformedError(`The envelope lacks "${name}"`);
  return value;
}

function unsupportedWrap(wrap: string): EnvelopeUnsupportedError {
  return new EnvelopeUnsupportedError(
    foreignWraps.includes(wrap)
      ? `The data key is wrapped by "${wrap}", which needs the writer's own key`
      : `The data key is wrapped by "${printable(wrap)}", which is not known here`,
  );
}

function algorithmMismatch(name: string): EnvelopeMalformedError {
  return new EnvelopeMalformedError(
    `The metadata's "${name}" is not the algorithm that the encryption context names: an attempt to downgrade`,
  );
}

function requireTagLength(bits: string): void {
  if (bits === "128") return;
  if (!/^[0-9]{1,4}$/.test(bits)) throw new EnvelopeMalformedError('The envelope\'s "x-amz-tag-len" is no number');
  throw new EnvelopeUnsupportedError(`A tag of ${bits} bits (x-amz-tag-len) is not the 128 that every client writes`);
}

function parseLength(metadata: UserMetadata): number | undefined {
  const text = metadata.get(lengthName);
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(text)) throw new EnvelopeMalformedError(`The envelope's "${lengthName}" is no number`);
  return Number(text);
}

function parseEncryptedKey(metadata: UserMetadata, name: string): Uint8Array {
  const octets = parseBase64(required(metadata, name), name);
  if (octets.length > maxEncryptedKeyBytes) {
    throw new EnvelopeMalformedError(`The envelope's "${name}" has more than ${maxEncryptedKeyBytes} octets`);
  }
  return octets;
}

function parseOctets(metadata: UserMetadata, name: string, length: number): Uint8Array {
  const octets = parseBase64(required(metadata, name), name);
  if (octets.length === length) return octets;
  throw new EnvelopeMalformedError(`The envelope's "${name}" has ${octets.length} octets instead of ${length}`);
}

/** Node skips what is no base64; here it must be all of it, and the one way to write it. */
function parseBase64(text: string, name: string): Uint8Array {
  const octets = Buffer.from(text, "base64");
  if (octets.toString("base64") === text) return octets;
  throw new EnvelopeMalformedError(`The envelope's "${name}" is no base64`);
}

function parseContext(text: string, name: string): EncryptionContext {
  const entries = Object.entries(parseJsonObject(decodeMetadataValue(text), `The envelope's "${name}"`));
  for (const [member, value] of entries) {
    if (typeof value !== "string") {
      throw new EnvelopeMalformedError(
        `The envelope's "${name}" has a member "${printable(member)}" that is no string`,
      );
    }
  }
  return Object.fromEntries(entries) as EncryptionContext;
}

function parseJsonObject(text: string, what: string): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new EnvelopeMalformedError(`${what} is no JSON`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new EnvelopeMalformedError(`${what} is no JSON object`);
  }
  return parsed;
}

/** A stranger's text in an error: short, and no line breaks or terminal codes. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, "?").slice(0, 60);
}
