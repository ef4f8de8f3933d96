import { createCipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { EncryptionContext, Keys } from "../../../shared/encryption/keys.ts";

/** Objects as the S3 encryption clients write them, from the formats' description and independent of our writer. */
export interface WrittenObject {
  metadata: Record<string, string>;
  body: Uint8Array;
}

export type Format = "v2 kms gcm" | "v2 kms cbc" | "v2 kms+context gcm" | "v3 kms+context gcm";

export const keyArn = "arn:aws:kms:us-east-1:111122223333:key/0000aaaa-11bb-22cc-33dd-444444eeeeee";

export const sesContext = {
  "aws:ses:message-id": "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
  "aws:ses:rule-name": "store",
  "aws:ses:source-account": "111122223333",
};

export async function writeEnvelope(
  format: Format,
  plain: Uint8Array,
  keys: Keys,
  members: EncryptionContext = sesContext,
): Promise<WrittenObject> {
  if (format === "v3 kms+context gcm") return writeV3(plain, keys, members);
  const content = format === "v2 kms cbc" ? "AES/CBC/PKCS5Padding" : "AES/GCM/NoPadding";
  const wrap = format === "v2 kms+context gcm" ? "kms+context" : "kms";
  const context: EncryptionContext =
    wrap === "kms" ? { ...members, kms_cmk_id: keyArn } : { "aws:x-amz-cek-alg": content, ...members };
  const { plaintext: key, ciphertextBlob } = await keys.generateDataKey(keyArn, context);
  const metadata = {
    "x-amz-key-v2": base64(ciphertextBlob),
    "x-amz-matdesc": JSON.stringify(context),
    "x-amz-wrap-alg": wrap,
    "x-amz-cek-alg": content,
    "x-amz-unencrypted-content-length": String(plain.length),
  };
  if (format === "v2 kms cbc") {
    const iv = randomBytes(16);
    const cipher = createCipheriv("aes-256-cbc", key, iv);
    return {
      metadata: { ...metadata, "x-amz-iv": base64(iv) },
      body: Buffer.concat([cipher.update(plain), cipher.final()]),
    };
  }
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  return {
    metadata: { ...metadata, "x-amz-iv": base64(iv), "x-amz-tag-len": "128" },
    body: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
  };
}

async function writeV3(plain: Uint8Array, keys: Keys, members: EncryptionContext): Promise<WrittenObject> {
  const context = { "aws:x-amz-cek-alg": "115", ...members };
  const { plaintext: dataKey, ciphertextBlob } = await keys.generateDataKey(keyArn, context);
  const messageId = randomBytes(28);
  const expand = (label: string, length: number) =>
    Buffer.from(hkdfSync("sha512", dataKey, messageId, Buffer.from(`\0s${label}`, "latin1"), length));
  const cipher = createCipheriv("aes-256-gcm", expand("DERIVEKEY", 32), Buffer.alloc(12, 1));
  cipher.setAAD(Buffer.from([0, 0x73]));
  return {
    metadata: {
      "x-amz-c": "115",
      "x-amz-d": base64(expand("COMMITKEY", 28)),
      "x-amz-i": base64(messageId),
      "x-amz-3": base64(ciphertextBlob),
      "x-amz-w": "12",
      "x-amz-t": JSON.stringify(context),
    },
    body: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
  };
}

export const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString("base64");
