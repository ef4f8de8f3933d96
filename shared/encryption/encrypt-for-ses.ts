import { createCipheriv } from "node:crypto";
import { BodyLengthError } from "./envelope-errors.ts";
import { fixedChunks } from "./fixed-chunks.ts";
import type { EncryptionContext, Keys } from "./keys.ts";

export interface SesEncryption {
  /** The rule's KmsKeyArn: a key's ARN, or the one of the alias `aws/ses`. */
  readonly keyArn: string;
  readonly ruleName: string;
  /** The account that receives: 12 digits. */
  readonly account: string;
  readonly sesMessageId: string;
  /** The plaintext's size, which the metadata state: needed for a stream, checked when it ends. */
  readonly sizeBytes?: number;
}

export interface EncryptedObject {
  /** User metadata, names in lower case without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Ciphertext and tag, to be read once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The body's size: the plaintext's and 16. */
  readonly sizeBytes: number;
}

/**
 * The object that SES writes for an S3 action with a KmsKeyArn (ses-receiving.md §7.1, §7.2): format V2, wrapping
 * `kms`, AES/GCM with a 128-bit tag at the end, no additional data. Streams; holds one chunk.
 *
 * @param random - `length` octets from a cryptographic source; 12 are asked for, the nonce
 * @throws the errors of `Keys.generateDataKey`
 * The body fails with {BodyLengthError} when the source has another size than `sizeBytes`.
 */
export async function encryptForSes(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  { keyArn, ruleName, account, sesMessageId, sizeBytes: stated }: SesEncryption,
  keys: Pick<Keys, "generateDataKey">,
  random: (length: number) => Uint8Array,
): Promise<EncryptedObject> {
  const sizeBytes = stated ?? (source instanceof Uint8Array ? source.length : undefined);
  if (sizeBytes === undefined || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new RangeError("a stream needs its sizeBytes beforehand: the metadata, which state it, are written first");
  }
  const context: EncryptionContext = {
    "aws:ses:message-id": sesMessageId,
    "aws:ses:rule-name": ruleName,
    "aws:ses:source-account": account,
    kms_cmk_id: keyArn,
  };
  const { plaintext: key, ciphertextBlob } = await keys.generateDataKey(keyArn, context);
  const iv = random(12);
  return {
    metadata: {
      "x-amz-key-v2": Buffer.from(ciphertextBlob).toString("base64"),
      "x-amz-iv": Buffer.from(iv).toString("base64"),
      "x-amz-matdesc": JSON.stringify(context),
      "x-amz-wrap-alg": "kms",
      "x-amz-cek-alg": "AES/GCM/NoPadding",
      "x-amz-tag-len": "128",
      "x-amz-unencrypted-content-length": String(sizeBytes),
    },
    body: encrypt(source, sizeBytes, key, iv),
    sizeBytes: sizeBytes + 16,
  };
}

async function* encrypt(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  sizeBytes: number,
  key: Uint8Array,
  iv: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: 16 });
  // A generator runs once, so this key and nonce encrypt one thing only.
  key.fill(0);
  let read = 0;
  for await (const chunk of fixedChunks(source)) {
    read += chunk.length;
    if (read > sizeBytes) break;
    yield cipher.update(chunk);
  }
  if (read !== sizeBytes) {
    throw new BodyLengthError(`The message has other than the ${sizeBytes} octets that were announced`, "transfer");
  }
  const last = cipher.final();
  if (last.length > 0) yield last;
  yield cipher.getAuthTag();
}
