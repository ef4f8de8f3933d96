import { createCipheriv, createDecipheriv, createHash, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import {
  type EncryptionContext,
  InvalidCiphertextError,
  KeyNotFoundError,
  type Keys,
} from "../../shared/encryption/keys.ts";
import type { Random } from "../../shared/ports.ts";
import { DataFolderError } from "./errors.ts";
import { errorCode, type FileSystem, makeFolder, readKept, replaceFile } from "./files.ts";

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
const version = 1;

/**
 * A key store that stands for KMS: one master key in a file of mode 0600, made at first use. A data key is wrapped with
 * AES-256-GCM; ARN and encryption context are authenticated with it, so another context opens nothing.
 *
 * Blob: version (1 octet), length of the ARN (2), ARN, nonce (12), wrapped key (32), tag (16).
 *
 * @param keyArns - the keys that exist; without, every ARN names one. Blobs open whatever the list says by then.
 */
export function createKeyStore(fs: FileSystem, folder: string, random: Random, keyArns?: readonly string[]): Keys {
  let master: Promise<Buffer> | undefined;
  const masterKey = () => {
    master ??= loadMasterKey(fs, folder, random);
    // A folder that could not be read now may be readable later.
    master.catch(() => {
      master = undefined;
    });
    return master;
  };
  return {
    async generateDataKey(keyArn, context) {
      if (keyArns && !keyArns.includes(keyArn)) throw new KeyNotFoundError(keyArn);
      const plaintext = Buffer.from(random.bytes(keyBytes));
      const header = headerOf(keyArn);
      const iv = Buffer.from(random.bytes(ivBytes));
      const cipher = createCipheriv("aes-256-gcm", await masterKey(), iv, { authTagLength: tagBytes });
      cipher.setAAD(boundTo(header, context));
      const wrapped = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return { plaintext, ciphertextBlob: Buffer.concat([header, iv, wrapped, cipher.getAuthTag()]) };
    },
    async decrypt(ciphertextBlob, context) {
      const blob = Buffer.from(ciphertextBlob);
      const headerBytes = blob.length > 3 && blob[0] === version ? 3 + blob.readUInt16BE(1) : 0;
      if (headerBytes === 0 || blob.length !== headerBytes + ivBytes + keyBytes + tagBytes)
        throw new InvalidCiphertextError();
      const header = blob.subarray(0, headerBytes);
      const iv = blob.subarray(headerBytes, headerBytes + ivBytes);
      const decipher = createDecipheriv("aes-256-gcm", await masterKey(), iv, { authTagLength: tagBytes });
      decipher.setAAD(boundTo(header, context));
      decipher.setAuthTag(blob.subarray(-tagBytes));
      try {
        return Buffer.concat([decipher.update(blob.subarray(headerBytes + ivBytes, -tagBytes)), decipher.final()]);
      } catch (cause) {
        throw new InvalidCiphertextError({ cause });
      }
    },
  };
}

function headerOf(keyArn: string): Buffer {
  const arn = Buffer.from(keyArn, "utf8");
  if (arn.length === 0 || arn.length > 2048) throw new RangeError("a key ARN has 1 to 2048 octets");
  const header = Buffer.alloc(3 + arn.length);
  header[0] = version;
  header.writeUInt16BE(arn.length, 1);
  arn.copy(header, 3);
  return header;
}

/** Members in one order: KMS compares contexts as sets. */
function boundTo(header: Buffer, context: EncryptionContext): Buffer {
  const members = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([header, Buffer.from(JSON.stringify(members), "utf8")]);
}

/** JSON with the key and its own hash, so that a damaged file is told from a wrong one. */
async function loadMasterKey(fs: FileSystem, folder: string, random: Random): Promise<Buffer> {
  const path = join(folder, "master.json");
  let text: string;
  try {
    text = (await readKept(fs, path)).toString();
  } catch (error) {
    if (errorCode(error) !== "ENOENT")
      throw new DataFolderError(folder, "does not let its master key be read", { cause: error });
    await makeFolder(fs, folder);
    const key = Buffer.from(random.bytes(keyBytes));
    await replaceFile(
      fs,
      path,
      JSON.stringify({ version, key: key.toString("base64"), sha256: digest(key).toString("hex") }),
    );
    return key;
  }
  const key = parseMasterKey(text);
  if (!key) throw new DataFolderError(folder, "has a damaged master.json: put back the copy from your backup");
  return key;
}

function parseMasterKey(text: string): Buffer | undefined {
  let value: { key?: unknown; sha256?: unknown } | null;
  try {
    value = JSON.parse(text) as { key?: unknown; sha256?: unknown } | null;
  } catch {
    // Not JSON: damaged.
    return undefined;
  }
  const key = Buffer.from(String(value?.key), "base64");
  const expected = Buffer.from(String(value?.sha256), "hex");
  const actual = digest(key);
  return key.length === keyBytes && expected.length === actual.length && timingSafeEqual(expected, actual)
    ? key
    : undefined;
}

const digest = (key: Uint8Array) => createHash("sha256").update(key).digest();
