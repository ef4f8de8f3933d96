import { createDecipheriv, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { encryptForSes, type SesEncryption } from "../../../shared/encryption/encrypt-for-ses.ts";
import { openEnvelope } from "../../../shared/encryption/open-envelope.ts";
import { createMemoryKeys } from "./memory-keys.ts";

const keyArn = "arn:aws:kms:us-east-1:111122223333:key/0000aaaa-11bb-22cc-33dd-444444eeeeee";
const ses: SesEncryption = {
  keyArn,
  ruleName: "store",
  account: "111122223333",
  sesMessageId: "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
};
const random = (length: number) => new Uint8Array(randomBytes(length));

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("the metadata are the seven members that SES writes, and the body is ciphertext and tag", async () => {
  const keys = createMemoryKeys(keyArn);
  const plain = randomBytes(100);
  const object = await encryptForSes(plain, ses, keys, () => new Uint8Array(12).fill(9));
  const context = {
    "aws:ses:message-id": "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
    "aws:ses:rule-name": "store",
    "aws:ses:source-account": "111122223333",
    kms_cmk_id: keyArn,
  };
  expect(object.metadata).toEqual({
    "x-amz-key-v2": expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
    "x-amz-iv": "CQkJCQkJCQkJCQkJ",
    "x-amz-matdesc": JSON.stringify(context),
    "x-amz-wrap-alg": "kms",
    "x-amz-cek-alg": "AES/GCM/NoPadding",
    "x-amz-tag-len": "128",
    "x-amz-unencrypted-content-length": "100",
  });
  const body = await collect(object.body);
  expect(body).toHaveLength(116);
  expect(object.sizeBytes).toBe(116);

  // The steps of ses-receiving.md §7.3, without our reader.
  const blob = Buffer.from(object.metadata["x-amz-key-v2"] ?? "", "base64");
  const decipher = createDecipheriv("aes-256-gcm", await keys.decrypt(blob, context), Buffer.alloc(12, 9));
  decipher.setAuthTag(body.subarray(-16));
  expect(Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]).equals(plain)).toBe(true);
});

test.for([0, 1, 65_535, 65_536, 65_537, 300_001])("our reader opens what it wrote: %i octets", async (size) => {
  const keys = createMemoryKeys(keyArn);
  const plain = randomBytes(size);
  for (const source of [plain, cut(plain, 1000)]) {
    const object = await encryptForSes(source, { ...ses, sizeBytes: size }, keys, random);
    const opened = await openEnvelope(
      { ...object, expected: { account: ses.account, sesMessageId: ses.sesMessageId } },
      keys,
      { accept: { plain: false } },
    );
    expect(opened.envelope).toBe("v2 kms gcm");
    expect((await collect(await opened.open())).equals(plain)).toBe(true);
  }
});

test("every object has its own data key and nonce", async () => {
  const keys = createMemoryKeys(keyArn);
  const objects = await Promise.all(
    Array.from({ length: 20 }, () => encryptForSes(new Uint8Array(5), ses, keys, random)),
  );
  for (const name of ["x-amz-key-v2", "x-amz-iv"]) {
    expect(new Set(objects.map(({ metadata }) => metadata[name])).size).toBe(20);
  }
});

test("a source that is shorter or longer than announced fails, and the object does not end in a tag", async () => {
  const keys = createMemoryKeys(keyArn);
  for (const sizeBytes of [9, 11]) {
    const object = await encryptForSes(cut(randomBytes(10), 4), { ...ses, sizeBytes }, keys, random);
    await expect(collect(object.body)).rejects.toMatchObject({ code: "ERR_BODY_LENGTH", retryable: true });
  }
});

test("a stream without its size is refused before the key service is asked", async () => {
  const keys = { generateDataKey: async () => expect.fail("asked") };
  await expect(encryptForSes(cut(randomBytes(10), 4), ses, keys, random)).rejects.toThrow(RangeError);
});

test("a key that does not exist is the key service's error", async () => {
  await expect(encryptForSes(new Uint8Array(1), ses, createMemoryKeys(), random)).rejects.toMatchObject({
    code: "ERR_KEY_NOT_FOUND",
  });
});
