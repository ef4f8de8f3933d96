import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { encryptForSes } from "../../../shared/encryption/encrypt-for-ses.ts";
import type { DataKey, EncryptionContext } from "../../../shared/encryption/keys.ts";
import type { ObjectRef, ObjectStore, StoredObject } from "../../../shared/ports.ts";
import { ObjectNotFoundError } from "../../../shared/streams/errors.ts";
import { messageContent } from "../../../shared/streams/message-content.ts";
import { testId } from "./stream-fixture.ts";

const id = testId(1);
const place = { kind: "s3", bucket: "mail", key: `inbound/${id}` } as const;
const head = "From: Ann <ann@sender.example>\r\nMessage-ID: <m1@sender.example>\r\n\r\n";
const block = "Return-Path: <ann@sender.example>\r\nReceived: from a by b;\r\n Tue, 04 Aug 2026 09:15:02 +0000\r\n";
const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");

/** One object, handed out in chunks of 64 KB, and how often it was opened. */
function storeWith(bytes: Uint8Array, metadata: Readonly<Record<string, string>> = {}) {
  let opened = 0;
  let chunksRead = 0;
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += 65_536) {
      chunksRead++;
      yield bytes.subarray(at, at + 65_536);
    }
  }
  const objects: Pick<ObjectStore, "open"> = {
    open: async (ref: ObjectRef): Promise<StoredObject> => {
      if (ref.key !== place.key) throw new ObjectNotFoundError(ref);
      opened++;
      return { sizeBytes: bytes.length, metadata, lastModified: new Date(0), body: chunks() };
    },
  };
  return { objects: objects as ObjectStore, opened: () => opened, chunksRead: () => chunksRead };
}

/** A key service with one key, which remembers what it was asked for. */
function keys() {
  const key = Buffer.alloc(32, 7);
  const blobs = new Map<string, EncryptionContext>();
  return {
    generateDataKey: async (_arn: string, context: EncryptionContext): Promise<DataKey> => {
      const ciphertextBlob = Buffer.from(`blob ${blobs.size}`);
      blobs.set(ciphertextBlob.toString(), context);
      return { plaintext: Buffer.from(key), ciphertextBlob };
    },
    decrypt: async (): Promise<Uint8Array> => Buffer.from(key),
  };
}

async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of body) all.push(chunk);
  return Buffer.concat(all);
}

test("a small mail is read once for everybody who asks", async () => {
  const store = storeWith(Buffer.from(`${block}${head}Hello\r\n`));
  const content = messageContent({ objects: store.objects, keys: keys() }, id, place);
  expect((await read(await content.raw())).toString()).toBe(`${block}${head}Hello\r\n`);
  expect(await content.bodySha256()).toBe(sha256("Hello\r\n"));
  expect((await content.headers()).map(({ name }) => name)).toEqual(["Return-Path", "Received", "From", "Message-ID"]);
  expect(await content.sizeBytes()).toBe(block.length + head.length + 7);
  expect(store.opened()).toBe(1);
});

test("the body's hash is the same with and without SES's block, at any size", async () => {
  for (const body of ["", "Hello\r\n", "x".repeat(3_000_000)]) {
    for (const text of [`${head}${body}`, `${block}${head}${body}`]) {
      const store = storeWith(Buffer.from(text));
      const content = messageContent({ objects: store.objects, keys: keys() }, id, place);
      expect(await content.bodySha256()).toBe(sha256(body));
    }
  }
});

test("a large mail is not kept: each reader opens it, the first one for free, and headers read only its beginning", async () => {
  const store = storeWith(Buffer.from(`${head}${"x".repeat(5_000_000)}`));
  const content = messageContent({ objects: store.objects, keys: keys() }, id, place);
  expect(await content.sizeBytes()).toBe(5_000_000 + head.length);
  expect(store.opened()).toBe(1);
  await content.headers();
  expect(store.opened()).toBe(1);
  expect(store.chunksRead()).toBeLessThanOrEqual(17);
  expect((await read(await content.raw())).length).toBe(5_000_000 + head.length);
  expect(store.opened()).toBe(2);
});

test("an encrypted mail is opened; one that was encrypted for another message is refused", async () => {
  const service = keys();
  const plain = Buffer.from(`${block}${head}Hello\r\n`);
  const encrypt = (sesMessageId: string) =>
    encryptForSes(
      plain,
      { keyArn: "arn:aws:kms:us-east-1:111122223333:key/1", ruleName: "store", account: "111122223333", sesMessageId },
      service,
      (length) => Buffer.alloc(length, 3),
    );
  const own = await encrypt(id);
  const bytes = await read(own.body);
  expect(bytes.includes("Hello")).toBe(false);
  const ports = { objects: storeWith(bytes, own.metadata).objects, keys: service };
  expect((await read(await messageContent(ports, id, place).raw())).equals(plain)).toBe(true);

  const other = await encrypt(testId(2));
  const copied = { objects: storeWith(await read(other.body), other.metadata).objects, keys: service };
  await expect(messageContent(copied, id, place).raw()).rejects.toMatchObject({ code: "ERR_ENVELOPE_CONTEXT" });
});

test("inline content needs no store; a missing object says where it should be", async () => {
  const store = storeWith(Buffer.alloc(0));
  const ports = { objects: store.objects, keys: keys() };
  const inline = { kind: "inline", base64: Buffer.from(`${head}Caf\xe9`, "latin1").toString("base64") } as const;
  expect((await read(await messageContent(ports, id, inline).raw())).toString("latin1")).toBe(`${head}Caf\xe9`);
  expect(store.opened()).toBe(0);
  await expect(messageContent(ports, id, { ...place, key: "inbound/gone" }).bodySha256()).rejects.toThrow(
    'No object "inbound/gone" in bucket "mail"',
  );
});
