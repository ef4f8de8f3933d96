import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { EncryptionContext, Keys } from "../../../shared/encryption/keys.ts";
import { type OpenEnvelopeOptions, openEnvelope, type SealedObject } from "../../../shared/encryption/open-envelope.ts";
import { MailweirError } from "../../../shared/errors.ts";
import { fc } from "../../property.ts";
import { createMemoryKeys } from "./memory-keys.ts";
import { base64, type Format, keyArn, sesContext, type WrittenObject, writeEnvelope } from "./write-envelope.ts";

const mail = Buffer.from("From: ann@a.example\r\nSubject: hello\r\n\r\nA line of text.\r\n");
const formats: Format[] = ["v2 kms gcm", "v2 kms cbc", "v2 kms+context gcm", "v3 kms+context gcm"];
const anything: OpenEnvelopeOptions = { accept: { unauthenticated: true } };

async function read(
  object: Omit<SealedObject, "sizeBytes"> & { sizeBytes?: number },
  keys: Pick<Keys, "decrypt">,
  options: OpenEnvelopeOptions = anything,
): Promise<Buffer> {
  const sizeBytes = object.sizeBytes ?? (object.body as Uint8Array).length;
  const opened = await openEnvelope({ ...object, sizeBytes }, keys, options);
  const chunks: Uint8Array[] = [];
  for await (const chunk of await opened.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const without = ({ metadata, body }: WrittenObject, ...names: string[]): WrittenObject => ({
  metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => !names.includes(name))),
  body,
});
const withMetadata = ({ metadata, body }: WrittenObject, changes: Record<string, string>): WrittenObject => ({
  metadata: { ...metadata, ...changes },
  body,
});

describe.for(formats)("%s", (format) => {
  const keys = createMemoryKeys(keyArn);
  const sizes = [0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 200_000];

  test("opens, whatever its size, and says what it is", async () => {
    for (const size of sizes) {
      const plain = randomBytes(size);
      const object = await writeEnvelope(format, plain, keys);
      const opened = await openEnvelope({ ...object, sizeBytes: object.body.length }, keys, anything);
      expect(opened).toMatchObject({ envelope: format, plainBytes: size, authenticated: format !== "v2 kms cbc" });
      expect((await read(object, keys)).equals(plain), `${size} octets`).toBe(true);
    }
  });

  test("opens however the stream is cut, and hands out chunks of at most 64 KB", async () => {
    const plain = randomBytes(140_000);
    const object = await writeEnvelope(format, plain, keys);
    for (const size of [1, 7, 4096, 65_536, 100_000, 1_000_000]) {
      const stored = { ...object, body: cut(object.body, size), sizeBytes: object.body.length };
      const opened = await openEnvelope(stored, keys, anything);
      const chunks = [];
      for await (const chunk of await opened.open()) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(plain), `cut to ${size}`).toBe(true);
      expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(65_536);
      expect(chunks.length).toBeLessThanOrEqual(4);
    }
  });

  test("asks the key service with the whole context, only in open(), and once", async () => {
    const asked = createMemoryKeys(keyArn);
    const object = await writeEnvelope(format, mail, asked);
    const opened = await openEnvelope({ ...object, sizeBytes: object.body.length }, asked, anything);
    expect(asked.calls).toEqual([]);
    await opened.open();
    const stored = object.metadata["x-amz-matdesc"] ?? object.metadata["x-amz-t"] ?? "";
    expect(asked.calls).toEqual([JSON.parse(stored)]);
    await expect(opened.open()).rejects.toThrow("once");
  });

  test("refuses a body cut at any length, told its true size or not", async () => {
    const object = await writeEnvelope(format, mail, keys);
    for (let length = 0; length < object.body.length; length += 1) {
      const body = object.body.subarray(0, length);
      // The store itself reports the shorter object. Format V3 notes no length, and CBC hides its own: there the tag
      // or the padding tells.
      const error: unknown = await read({ ...object, body }, keys).then(
        () => "opened",
        (reason) => reason,
      );
      const noted = format === "v2 kms gcm" || format === "v2 kms+context gcm";
      const codes = noted ? ["ERR_BODY_LENGTH"] : ["ERR_BODY_LENGTH", "ERR_BODY_NOT_AUTHENTIC"];
      expect(error, `${length} octets`).toMatchObject({ code: expect.toBeOneOf(codes), retryable: false });
      // The connection broke.
      await expect(read({ ...object, body, sizeBytes: object.body.length }, keys)).rejects.toMatchObject({
        code: "ERR_BODY_LENGTH",
        retryable: true,
      });
    }
  });

  test("refuses a body that goes on, and reads no further than that", async () => {
    const object = await writeEnvelope(format, mail, keys);
    let asked = 0;
    async function* endless() {
      yield object.body;
      for (;;) {
        asked += 1;
        yield new Uint8Array(65_536);
      }
    }
    await expect(read({ ...object, body: endless(), sizeBytes: object.body.length }, keys)).rejects.toMatchObject({
      code: "ERR_BODY_LENGTH",
      retryable: true,
    });
    expect(asked).toBeLessThan(3);
  });

  test("refuses another master key, and a missing key", async () => {
    const object = await writeEnvelope(format, mail, keys);
    for (const other of [createMemoryKeys(keyArn), createMemoryKeys()]) {
      await expect(read(object, other)).rejects.toMatchObject({ code: "ERR_INVALID_CIPHERTEXT" });
    }
  });

  test("refuses a data key that is not 32 octets long", async () => {
    const object = await writeEnvelope(format, mail, keys);
    for (const length of [0, 16, 24, 31, 33]) {
      const odd = { decrypt: async () => new Uint8Array(length) };
      await expect(read(object, odd), `${length}`).rejects.toMatchObject({ code: "ERR_ENVELOPE_MALFORMED" });
    }
  });

  test("overwrites the data key when it has opened the object", async () => {
    const object = await writeEnvelope(format, mail, keys);
    let key: Uint8Array | undefined;
    const watched = {
      decrypt: async (blob: Uint8Array, context: EncryptionContext) => {
        key = await keys.decrypt(blob, context);
        return key;
      },
    };
    expect((await read(object, watched)).equals(mail)).toBe(true);
    expect(key).toEqual(new Uint8Array(32));
  });

  test("overwrites the data key, and closes the stream when it gives up", async () => {
    const object = await writeEnvelope(format, mail, keys);
    let closed = false;
    async function* body() {
      try {
        yield object.body.subarray(0, 20);
        throw new Error("connection lost");
      } finally {
        closed = true;
      }
    }
    const key = new Uint8Array(32).fill(7);
    const opened = openEnvelope(
      { ...object, body: body(), sizeBytes: object.body.length },
      { decrypt: async () => key },
      anything,
    );
    await expect(opened.then(({ open }) => open())).rejects.toThrow();
    expect(key.every((octet) => octet === 0)).toBe(true);
    // Format V3 refuses the key before it touches the body.
    expect(closed).toBe(format !== "v3 kms+context gcm");
  });

  test("the context must name the message and the account that the caller expects", async () => {
    const object = await writeEnvelope(format, mail, keys);
    const account = "111122223333";
    const sesMessageId = sesContext["aws:ses:message-id"];
    expect((await read({ ...object, expected: { account, sesMessageId } }, keys)).equals(mail)).toBe(true);
    const refused = { code: "ERR_ENVELOPE_CONTEXT", retryable: false };
    for (const expected of [{ account: "444455556666" }, { sesMessageId: "other" }, { account, sesMessageId: "" }]) {
      await expect(read({ ...object, expected }, keys)).rejects.toMatchObject(refused);
    }
    const elsewhere = await writeEnvelope(format, mail, keys, { tenant: "acme" });
    await expect(read({ ...elsewhere, expected: { account } }, keys)).rejects.toMatchObject(refused);
  });

  test("reads metadata in upper case and with the prefix of the HTTP headers", async () => {
    const object = await writeEnvelope(format, mail, keys);
    const headers = Object.entries(object.metadata).map(([name, value]) => [`X-Amz-Meta-${name.toUpperCase()}`, value]);
    expect((await read({ ...object, metadata: Object.fromEntries(headers) }, keys)).equals(mail)).toBe(true);
  });

  test("reads the envelope from the instruction file, when the metadata do not have it", async () => {
    const object = await writeEnvelope(format, mail, keys);
    const { metadata, instruction } = separate(object.metadata);
    for (const content of [JSON.stringify(instruction), Buffer.from(JSON.stringify(instruction))]) {
      expect((await read({ ...object, metadata, instructionFile: async () => content }, keys)).equals(mail)).toBe(true);
    }
    const never = async () => expect.fail("the instruction file was asked for");
    expect((await read({ ...object, instructionFile: never }, keys)).equals(mail)).toBe(true);
  });

  test("refuses a missing member of the envelope, each by its name", async () => {
    const object = await writeEnvelope(format, mail, keys);
    for (const name of Object.keys(object.metadata)) {
      if (name === "x-amz-unencrypted-content-length") continue;
      const attempt = read(without(object, name), keys);
      await expect(attempt, name).rejects.toMatchObject({ code: "ERR_ENVELOPE_MALFORMED", retryable: false });
      if (!/key-v2|x-amz-3/.test(name)) await expect(attempt, name).rejects.toThrow(name);
    }
  });

  test("any change to any member of the envelope is a named refusal, never other bytes", async () => {
    const object = await writeEnvelope(format, mail, keys);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(object.metadata)),
        fc.nat(),
        fc.constantFrom("A", "0", "9", "", "=", " ", "é", "}"),
        async (name, position, replacement) => {
          const value = object.metadata[name] ?? "";
          const at = position % value.length;
          const changed = value.slice(0, at) + replacement + value.slice(at + 1);
          fc.pre(changed !== value);
          const error = await read(withMetadata(object, { [name]: changed }), keys).then(
            (bytes) => {
              // AES/CBC: a changed IV changes the first block and nothing tells. That is why it needs an option.
              expect([format, name]).toEqual(["v2 kms cbc", "x-amz-iv"]);
              expect(bytes.subarray(16).equals(mail.subarray(16))).toBe(true);
            },
            (reason: unknown) => reason,
          );
          if (error !== undefined) expect(error).toBeInstanceOf(MailweirError);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("tampering", () => {
  test.for<Format>([
    "v2 kms gcm",
    "v2 kms+context gcm",
    "v3 kms+context gcm",
  ])("%s: a change to any single octet of the body is refused", async (format) => {
    const keys = createMemoryKeys(keyArn);
    const object = await writeEnvelope(format, mail, keys);
    for (let at = 0; at < object.body.length; at += 1) {
      const body = Uint8Array.from(object.body);
      body[at] = body[at]! ^ (1 << (at % 8));
      await expect(read({ ...object, body }, keys), `octet ${at}`).rejects.toMatchObject({
        code: "ERR_BODY_NOT_AUTHENTIC",
        retryable: false,
      });
    }
  });

  test("nothing is handed out before the last octet has come and the tag is right", async () => {
    const keys = createMemoryKeys(keyArn);
    const object = await writeEnvelope("v2 kms gcm", randomBytes(300_000), keys);
    const gate = Promise.withResolvers<void>();
    async function* body() {
      yield object.body.subarray(0, -1);
      await gate.promise;
      yield object.body.subarray(-1);
    }
    const opened = await openEnvelope({ ...object, body: body(), sizeBytes: object.body.length }, keys);
    let released = false;
    const opening = opened.open().then(() => {
      released = true;
    });
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    expect(released).toBe(false);
    gate.resolve();
    await opening;
    expect(released).toBe(true);
  });

  test("V3: a data key that the object does not commit to is refused, though the body would fit nothing else", async () => {
    const keys = createMemoryKeys(keyArn);
    const object = await writeEnvelope("v3 kms+context gcm", mail, keys);
    const other = await writeEnvelope("v3 kms+context gcm", mail, keys);
    const exchanged = withMetadata(object, { "x-amz-3": other.metadata["x-amz-3"] ?? "" });
    await expect(read(exchanged, keys)).rejects.toMatchObject({ code: "ERR_KEY_COMMITMENT", retryable: false });
    const commitment = withMetadata(object, { "x-amz-d": other.metadata["x-amz-d"] ?? "" });
    await expect(read(commitment, keys)).rejects.toMatchObject({ code: "ERR_KEY_COMMITMENT" });
  });

  test("V2: body and data key of two objects do not go together", async () => {
    const keys = createMemoryKeys(keyArn);
    const [one, two] = [await writeEnvelope("v2 kms gcm", mail, keys), await writeEnvelope("v2 kms gcm", mail, keys)];
    await expect(read({ ...one, body: two.body }, keys)).rejects.toMatchObject({ code: "ERR_BODY_NOT_AUTHENTIC" });
  });
});

describe("AES/CBC, which has no tag", () => {
  const keys = createMemoryKeys(keyArn);

  test("is refused by name unless accepted", async () => {
    const object = await writeEnvelope("v2 kms cbc", mail, keys);
    await expect(read(object, keys, {})).rejects.toMatchObject({
      code: "ERR_ENVELOPE_UNAUTHENTICATED",
      retryable: false,
      message: expect.stringContaining("AES/CBC"),
    });
  });

  test("opens under its other name, and without a noted length", async () => {
    const object = without(await writeEnvelope("v2 kms cbc", mail, keys), "x-amz-unencrypted-content-length");
    expect((await read(object, keys)).equals(mail)).toBe(true);
    expect((await read(withMetadata(object, { "x-amz-cek-alg": "AES/CBC/PKCS7Padding" }), keys)).equals(mail)).toBe(
      true,
    );
  });

  test("with a tag length, which it cannot have, is refused", async () => {
    const object = withMetadata(await writeEnvelope("v2 kms cbc", mail, keys), { "x-amz-tag-len": "128" });
    await expect(read(object, keys)).rejects.toMatchObject({ code: "ERR_ENVELOPE_MALFORMED" });
  });

  test("wrong padding is not authentic, and a shortened plaintext has the wrong length", async () => {
    const object = without(await writeEnvelope("v2 kms cbc", mail, keys), "x-amz-unencrypted-content-length");
    const body = Uint8Array.from(object.body);
    body[body.length - 1] = body[body.length - 1]! ^ 0x80;
    body[body.length - 17] = body[body.length - 17]! ^ 0x80;
    await expect(read({ ...object, body }, keys)).rejects.toMatchObject({ code: "ERR_BODY_NOT_AUTHENTIC" });
    const shorter = withMetadata(object, { "x-amz-unencrypted-content-length": String(mail.length - 1) });
    await expect(read(shorter, keys)).rejects.toMatchObject({ code: "ERR_BODY_LENGTH", retryable: false });
  });
});

describe("what a writer to the bucket may try", () => {
  const keys = createMemoryKeys(keyArn);
  test.for<[string, Format, Record<string, string>, string]>([
    [
      "GCM becomes CBC under kms+context",
      "v2 kms+context gcm",
      { "x-amz-cek-alg": "AES/CBC/PKCS5Padding" },
      "ERR_ENVELOPE_MALFORMED",
    ],
    [
      "kms+context becomes kms, and GCM becomes CBC",
      "v2 kms+context gcm",
      { "x-amz-wrap-alg": "kms", "x-amz-cek-alg": "AES/CBC/PKCS5Padding" },
      "ERR_ENVELOPE_MALFORMED",
    ],
    ["kms+context becomes kms", "v2 kms+context gcm", { "x-amz-wrap-alg": "kms" }, "ERR_ENVELOPE_MALFORMED"],
    ["kms becomes kms+context", "v2 kms gcm", { "x-amz-wrap-alg": "kms+context" }, "ERR_ENVELOPE_MALFORMED"],
    [
      "GCM becomes CBC under kms: the tag length stayed",
      "v2 kms gcm",
      { "x-amz-cek-alg": "AES/CBC/PKCS5Padding" },
      "ERR_ENVELOPE_MALFORMED",
    ],
    ["a shorter tag", "v2 kms gcm", { "x-amz-tag-len": "96" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["a tag of no length", "v2 kms gcm", { "x-amz-tag-len": "0" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["a tag length that is no number", "v2 kms gcm", { "x-amz-tag-len": "128.0" }, "ERR_ENVELOPE_MALFORMED"],
    ["a stream mode", "v2 kms gcm", { "x-amz-cek-alg": "AES/CTR/NoPadding" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["no encryption", "v2 kms gcm", { "x-amz-cek-alg": "none" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["a wrapping under a raw AES key", "v2 kms gcm", { "x-amz-wrap-alg": "AES/GCM" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["a wrapping under an RSA key", "v2 kms gcm", { "x-amz-wrap-alg": "RSA-OAEP-SHA1" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["a wrapping nobody knows", "v2 kms gcm", { "x-amz-wrap-alg": "KMS" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["V3 under a raw AES key", "v3 kms+context gcm", { "x-amz-w": "02" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["V3 under an RSA key", "v3 kms+context gcm", { "x-amz-w": "22" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["V3 under wrapping kms", "v3 kms+context gcm", { "x-amz-w": "11" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["V3 with another suite", "v3 kms+context gcm", { "x-amz-c": "114" }, "ERR_ENVELOPE_UNSUPPORTED"],
    [
      "V3 whose context names another suite",
      "v3 kms+context gcm",
      { "x-amz-t": '{"aws:x-amz-cek-alg":"114"}' },
      "ERR_ENVELOPE_MALFORMED",
    ],
    ["V3 without the suite in its context", "v3 kms+context gcm", { "x-amz-t": "{}" }, "ERR_ENVELOPE_MALFORMED"],
    ["a V2 key beside V3", "v3 kms+context gcm", { "x-amz-key-v2": "AAAA" }, "ERR_ENVELOPE_MALFORMED"],
    ["V3's members beside V2", "v2 kms gcm", { "x-amz-d": "AAAA" }, "ERR_ENVELOPE_MALFORMED"],
    ["a V1 key beside V2", "v2 kms gcm", { "x-amz-key": "AAAA" }, "ERR_ENVELOPE_MALFORMED"],
    ["a version to come", "v2 kms gcm", { "x-amz-key-v9": "AAAA" }, "ERR_ENVELOPE_UNSUPPORTED"],
    ["an empty data key", "v2 kms gcm", { "x-amz-key-v2": "" }, "ERR_ENVELOPE_MALFORMED"],
    [
      "a data key longer than KMS makes them",
      "v2 kms gcm",
      { "x-amz-key-v2": "AAAA".repeat(2049) },
      "ERR_ENVELOPE_MALFORMED",
    ],
    ["base64 without its padding", "v2 kms gcm", { "x-amz-key-v2": "AAA" }, "ERR_ENVELOPE_MALFORMED"],
    ["base64url", "v2 kms gcm", { "x-amz-iv": "____________----" }, "ERR_ENVELOPE_MALFORMED"],
    ["a nonce of 16 octets", "v2 kms gcm", { "x-amz-iv": base64(new Uint8Array(16)) }, "ERR_ENVELOPE_MALFORMED"],
    [
      "a commitment of 27 octets",
      "v3 kms+context gcm",
      { "x-amz-d": base64(new Uint8Array(27)) },
      "ERR_ENVELOPE_MALFORMED",
    ],
    ["a message id of no octets", "v3 kms+context gcm", { "x-amz-i": "" }, "ERR_ENVELOPE_MALFORMED"],
    ["a context that is a list", "v2 kms gcm", { "x-amz-matdesc": "[]" }, "ERR_ENVELOPE_MALFORMED"],
    ["a context with a number", "v2 kms gcm", { "x-amz-matdesc": '{"a":1}' }, "ERR_ENVELOPE_MALFORMED"],
    ["a context that is no JSON", "v2 kms gcm", { "x-amz-matdesc": "{a:b}" }, "ERR_ENVELOPE_MALFORMED"],
    [
      "a context with the prototype's name",
      "v2 kms gcm",
      { "x-amz-matdesc": '{"__proto__":"x"}' },
      "ERR_INVALID_CIPHERTEXT",
    ],
    ["a length that is not the body's", "v2 kms gcm", { "x-amz-unencrypted-content-length": "1" }, "ERR_BODY_LENGTH"],
    ["a negative length", "v2 kms gcm", { "x-amz-unencrypted-content-length": "-1" }, "ERR_ENVELOPE_MALFORMED"],
    ["the same name twice, by its prefix", "v2 kms gcm", { "x-amz-meta-x-amz-iv": "AAAA" }, "ERR_ENVELOPE_MALFORMED"],
    [
      "the object says that it is an instruction file",
      "v2 kms gcm",
      { "x-amz-crypto-instr-file": "" },
      "ERR_ENVELOPE_UNSUPPORTED",
    ],
  ])("%s: refused", async ([, format, changes, code]) => {
    const object = await writeEnvelope(format, mail, keys);
    await expect(read(withMetadata(object, changes), keys)).rejects.toMatchObject({ code });
  });

  test("GCM becomes CBC under kms with all metadata changed: refused by default, and fails where CBC is accepted", async () => {
    const object = without(await writeEnvelope("v2 kms gcm", mail, keys), "x-amz-tag-len");
    const changes = { "x-amz-cek-alg": "AES/CBC/PKCS5Padding", "x-amz-iv": base64(new Uint8Array(16)) };
    const body = object.body.subarray(0, 64);
    const forged = { ...withMetadata(object, changes), body };
    await expect(read(forged, keys, {})).rejects.toMatchObject({ code: "ERR_ENVELOPE_UNAUTHENTICATED" });
    await expect(read(forged, keys)).rejects.toBeInstanceOf(MailweirError);
  });

  test("a V1 envelope is recognised and refused by name", async () => {
    const metadata = { "x-amz-key": "AAAA", "x-amz-iv": base64(new Uint8Array(16)), "x-amz-matdesc": "{}" };
    for (const more of [
      {},
      { "x-amz-unencrypted-content-length": "1024" },
      { "x-amz-cek-alg": "AES/CBC/PKCS5Padding" },
    ]) {
      await expect(read({ metadata: { ...metadata, ...more }, body: mail }, keys)).rejects.toMatchObject({
        code: "ERR_ENVELOPE_UNSUPPORTED",
        message: expect.stringContaining("V1"),
      });
    }
  });

  test("control characters in what a stranger wrote do not reach the error's text", async () => {
    const object = await writeEnvelope("v2 kms gcm", mail, keys);
    const forged = withMetadata(object, { "x-amz-wrap-alg": `\u001b[2J\r\n${"x".repeat(500)}` });
    const error: Error = await read(forged, keys).then(
      () => expect.fail(),
      (reason) => reason,
    );
    expect(error.message).toMatch(/^[ -~]{1,250}$/);
  });
});

describe("policy", () => {
  const keys = createMemoryKeys(keyArn);

  test("a plain object is passed on untouched, and the key service is not asked", async () => {
    const asked = createMemoryKeys();
    const object = { metadata: { "x-amz-meta-colour": "blue" }, body: mail };
    const opened = await openEnvelope({ ...object, sizeBytes: mail.length }, asked);
    expect(opened).toMatchObject({ envelope: "none", plainBytes: mail.length, authenticated: false });
    expect((await read(object, asked)).equals(mail)).toBe(true);
    expect(asked.calls).toEqual([]);
  });

  test("a plain object is refused where only encrypted ones may be", async () => {
    await expect(read({ metadata: {}, body: mail }, keys, { accept: { plain: false } })).rejects.toMatchObject({
      code: "ERR_OBJECT_NOT_ENCRYPTED",
    });
  });

  test("formats without key commitment are refused where commitment is asked for", async () => {
    const policy = { accept: { uncommitted: false, unauthenticated: true } };
    for (const format of formats) {
      const attempt = read(await writeEnvelope(format, mail, keys), keys, policy);
      if (format === "v3 kms+context gcm") expect((await attempt).equals(mail)).toBe(true);
      else await expect(attempt).rejects.toMatchObject({ code: "ERR_ENVELOPE_UNCOMMITTED" });
    }
  });

  test("an object over the limit is refused before the key service is asked and the body is read", async () => {
    const asked = createMemoryKeys(keyArn);
    const object = await writeEnvelope("v2 kms gcm", mail, asked);
    const untouched = (async function* () {
      expect.fail("the body was read");
      yield mail;
    })();
    const stored = { ...object, body: untouched, sizeBytes: object.body.length };
    await expect(read(stored, asked, { maxBytes: mail.length - 1 })).rejects.toMatchObject({
      code: "ERR_BODY_TOO_LARGE",
      retryable: false,
    });
    expect(asked.calls).toEqual([]);
    expect((await read(object, asked, { maxBytes: mail.length })).equals(mail)).toBe(true);
  });

  test.for([Number.NaN, -1, 1.5, "10" as unknown as number])("a limit of %s is no limit", async (maxBytes) => {
    await expect(read({ metadata: {}, body: mail }, keys, { maxBytes })).rejects.toThrow(RangeError);
    await expect(read({ metadata: {}, body: mail, sizeBytes: maxBytes }, keys)).rejects.toThrow(RangeError);
  });
});

describe("instruction files", () => {
  const keys = createMemoryKeys(keyArn);
  const json = (value: unknown) => async () => JSON.stringify(value);

  test("numbers and empty members, as Go's client writes them, are read", async () => {
    const { metadata, body } = await writeEnvelope("v2 kms cbc", mail, keys);
    const instruction = { ...metadata, "x-amz-tag-len": "", "x-amz-unencrypted-content-length": mail.length };
    expect((await read({ metadata: {}, body, instructionFile: json(instruction) }, keys)).equals(mail)).toBe(true);
  });

  test("the length may stay with the object, as Ruby's client leaves it, and is compared", async () => {
    const { metadata, body } = await writeEnvelope("v2 kms gcm", mail, keys);
    const { "x-amz-unencrypted-content-length": length = "", ...instruction } = metadata;
    const stored = { body, instructionFile: json(instruction) };
    const noted = { "x-amz-unencrypted-content-length": length };
    expect((await read({ ...stored, metadata: noted }, keys)).equals(mail)).toBe(true);
    const wrong = { "x-amz-unencrypted-content-length": "3" };
    await expect(read({ ...stored, metadata: wrong }, keys)).rejects.toMatchObject({ code: "ERR_BODY_LENGTH" });
  });

  test("an object that says it is encrypted and has lost its instruction file is never taken for a plain one", async () => {
    for (const format of formats) {
      const object = await writeEnvelope(format, mail, keys);
      for (const [name, value] of Object.entries(object.metadata)) {
        if (name === "x-amz-key-v2") continue;
        for (const instructionFile of [async () => undefined, undefined]) {
          const stored = { metadata: { [name]: value }, body: object.body };
          const attempt = read(instructionFile === undefined ? stored : { ...stored, instructionFile }, keys);
          await expect(attempt, name).rejects.toMatchObject({ code: "ERR_ENVELOPE_MALFORMED" });
        }
      }
    }
  });

  test("a plain object whose instruction file does not exist is plain", async () => {
    const stored = { metadata: {}, body: mail, instructionFile: async () => undefined };
    expect((await read(stored, keys)).equals(mail)).toBe(true);
  });

  test.for<[string, unknown]>([
    ["no JSON object", []],
    ["an empty object", {}],
    ["a member that is an object", { "x-amz-key-v2": {} }],
    ["another format version than the object", { "x-amz-3": "AAAA", "x-amz-w": "12", "x-amz-t": "{}" }],
    ["a suite, which belongs to the object", { "x-amz-3": "AAAA", "x-amz-c": "115" }],
    ["too much", { "x-amz-key-v2": "A".repeat(70_000) }],
  ])("with %s: refused", async ([, content]) => {
    await expect(read({ metadata: {}, body: mail, instructionFile: json(content) }, keys)).rejects.toMatchObject({
      code: "ERR_ENVELOPE_MALFORMED",
    });
  });

  test("a sound one that is too long is refused all the same", async () => {
    const { metadata, body } = await writeEnvelope("v2 kms gcm", mail, keys);
    const stored = { metadata: {}, body, instructionFile: json({ ...metadata, padding: "x".repeat(65_536) }) };
    await expect(read(stored, keys)).rejects.toMatchObject({ code: "ERR_ENVELOPE_MALFORMED" });
  });

  test("formats V1 and V2 are in one place: a sound one beside a part in the metadata is refused", async () => {
    const { metadata, body } = await writeEnvelope("v2 kms gcm", mail, keys);
    const part = { "x-amz-iv": metadata["x-amz-iv"] ?? "" };
    await expect(read({ metadata: part, body, instructionFile: json(metadata) }, keys)).rejects.toMatchObject({
      code: "ERR_ENVELOPE_MALFORMED",
    });
  });

  test("a V2 one for a V3 object is refused", async () => {
    const { metadata } = await writeEnvelope("v2 kms gcm", mail, keys);
    const committed = await writeEnvelope("v3 kms+context gcm", mail, keys);
    const stored = { metadata: separate(committed.metadata).metadata, body: committed.body };
    await expect(read({ ...stored, instructionFile: json(metadata) }, keys)).rejects.toMatchObject({
      code: "ERR_ENVELOPE_MALFORMED",
    });
  });

  test("one that is no text at all is refused", async () => {
    const instructionFile = async () => Buffer.from([0xff, 0xfe, 0x00]);
    await expect(read({ metadata: {}, body: mail, instructionFile }, keys)).rejects.toMatchObject({
      code: "ERR_ENVELOPE_MALFORMED",
    });
  });

  test("V3: the commitment and the message id must be with the object", async () => {
    const { metadata, body } = await writeEnvelope("v3 kms+context gcm", mail, keys);
    await expect(read({ metadata: {}, body, instructionFile: json(metadata) }, keys)).rejects.toMatchObject({
      code: "ERR_ENVELOPE_MALFORMED",
      message: expect.stringContaining("belongs to the object"),
    });
  });
});

/** Splits as the clients do: V3 keeps what is about the body with the object. */
function separate(metadata: Record<string, string>) {
  const entries = Object.entries(metadata);
  const stays = ([name]: [string, string]) => ["x-amz-c", "x-amz-d", "x-amz-i"].includes(name);
  return {
    metadata: Object.fromEntries(entries.filter(stays)),
    instruction: Object.fromEntries(entries.filter((entry) => !stays(entry))),
  };
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
