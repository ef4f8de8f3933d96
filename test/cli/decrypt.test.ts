import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Keys } from "../../shared/encryption/keys.ts";
import { startKmsStub } from "../shared/encryption/kms-stub.ts";
import { createMemoryKeys } from "../shared/encryption/memory-keys.ts";
import { type Format, keyArn, type WrittenObject, writeEnvelope } from "../shared/encryption/write-envelope.ts";

const program = fileURLToPath(new URL("../../cli/mailweir.mjs", import.meta.url));
const mail = Buffer.from("From: ann@a.example\r\nSubject: hello\r\n\r\nA line of text.\r\n");

interface Outcome {
  code: number;
  stdout: Buffer;
  stderr: string;
}

let folder: string;
let keys: Keys;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-decrypt-"));
  keys = createMemoryKeys(keyArn);
  env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_")));
});
afterEach(() => rm(folder, { recursive: true }));

function decrypt(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env, encoding: "buffer", maxBuffer: 1e8 } as const;
    execFile(process.execPath, [program, "decrypt", ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr: stderr.toString() });
    });
  });
}

/** Puts `object`, `metadata.json` and `keys.json` into the folder. */
async function save({ metadata, body }: WrittenObject): Promise<void> {
  const blob = metadata["x-amz-key-v2"] ?? metadata["x-amz-3"];
  const context = JSON.parse(metadata["x-amz-matdesc"] ?? metadata["x-amz-t"] ?? "{}");
  const key = blob === undefined ? undefined : await keys.decrypt(Buffer.from(blob, "base64"), context);
  const entry = key && blob ? { [blob]: { key: Buffer.from(key).toString("base64"), context } } : {};
  await writeFile(join(folder, "object"), body);
  await writeFile(join(folder, "metadata.json"), JSON.stringify(metadata));
  await writeFile(join(folder, "keys.json"), JSON.stringify(entry));
}

const withKeys = ["object", "--metadata", "metadata.json", "--keys", "keys.json"];
const intoOut = [...withKeys, "--out", "out"];
const out = () => readFile(join(folder, "out"));
const nothingElse = async () =>
  expect((await readdir(folder)).sort()).toEqual(["keys.json", "metadata.json", "object"]);
/** The whole of stderr: one line, `CODE: text, remedy`, and no stack. */
const refusal = (code: string) => expect.stringMatching(new RegExp(`^${code}: [^\\n]+, [^\\n]+\\n$`));

describe("what opens", () => {
  test.for<Format>([
    "v2 kms gcm",
    "v2 kms+context gcm",
    "v3 kms+context gcm",
  ])("%s, to standard output", async (format) => {
    await save(await writeEnvelope(format, mail, keys));
    const { code, stdout, stderr } = await decrypt(...withKeys);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.equals(mail)).toBe(true);
  });

  test("AES/CBC, with a note that it proves nothing", async () => {
    await save(await writeEnvelope("v2 kms cbc", mail, keys));
    const { code, stderr } = await decrypt(...intoOut);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/^note: AES\/CBC[^\n]+\n$/) });
    expect((await out()).equals(mail)).toBe(true);
  });

  test("a large one into a file, which is its owner's only and comes alone", async () => {
    const plain = randomBytes(3_000_000);
    await save(await writeEnvelope("v2 kms gcm", plain, keys));
    expect(await decrypt(...intoOut)).toMatchObject({ code: 0, stderr: "" });
    expect((await out()).equals(plain)).toBe(true);
    expect((await stat(join(folder, "out"))).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).sort()).toEqual(["keys.json", "metadata.json", "object", "out"]);
  });

  test("metadata with the prefix of the headers, in any case, and as head-object prints them", async () => {
    const object = await writeEnvelope("v2 kms gcm", mail, keys);
    await save(object);
    const headers = Object.entries(object.metadata).map(([name, value]) => [`X-Amz-Meta-${name}`, value]);
    for (const shape of [Object.fromEntries(headers), { ContentLength: 1, Metadata: object.metadata }]) {
      await writeFile(join(folder, "metadata.json"), JSON.stringify(shape));
      expect((await decrypt(...withKeys)).stdout.equals(mail)).toBe(true);
    }
  });

  test("an object with an instruction file beside it", async () => {
    const object = await writeEnvelope("v2 kms gcm", mail, keys);
    await save(object);
    await writeFile(join(folder, "metadata.json"), "{}");
    await writeFile(join(folder, "object.instruction"), JSON.stringify(object.metadata));
    expect(await decrypt(...intoOut)).toMatchObject({ code: 0, stderr: "" });
    expect((await out()).equals(mail)).toBe(true);
  });

  test("a plain object is copied, byte by byte, and needs no keys", async () => {
    const plain = randomBytes(200_000);
    await save({ metadata: { colour: "blue" }, body: plain });
    expect(await decrypt(...intoOut)).toMatchObject({ code: 0, stderr: "" });
    expect((await out()).equals(plain)).toBe(true);
    const { code, stdout } = await decrypt("object", "--metadata", "metadata.json");
    expect(code).toBe(0);
    expect(stdout.equals(plain)).toBe(true);
  });

  test("an empty plain object is copied, too", async () => {
    await save({ metadata: {}, body: new Uint8Array() });
    expect(await decrypt(...intoOut)).toMatchObject({ code: 0, stderr: "" });
    expect(await out()).toHaveLength(0);
  });

  test("an existing file is replaced by the whole of the new one", async () => {
    await save(await writeEnvelope("v2 kms gcm", mail, keys));
    await writeFile(join(folder, "out"), "x".repeat(10_000));
    expect((await decrypt(...intoOut)).code).toBe(0);
    expect((await out()).equals(mail)).toBe(true);
  });
});

describe("what is refused: exit status 1, one line, no file", () => {
  const change = async (changes: Record<string, string>, body?: (octets: Uint8Array) => Uint8Array) => {
    const object = await writeEnvelope("v2 kms gcm", mail, keys);
    await save(object);
    await writeFile(join(folder, "metadata.json"), JSON.stringify({ ...object.metadata, ...changes }));
    if (body !== undefined) await writeFile(join(folder, "object"), body(Uint8Array.from(object.body)));
  };

  test.for<[string, string, () => Promise<void>]>([
    [
      "a changed body",
      "ERR_BODY_NOT_AUTHENTIC",
      () => change({}, (octets) => octets.map((octet, at) => (at === 5 ? octet ^ 1 : octet))),
    ],
    ["a cut body", "ERR_BODY_LENGTH", () => change({}, (octets) => octets.subarray(0, -1))],
    ["an empty body", "ERR_BODY_LENGTH", () => change({}, () => new Uint8Array())],
    [
      "a context that differs",
      "ERR_INVALID_CIPHERTEXT",
      () => change({ "x-amz-matdesc": '{"aws:ses:rule-name":"x"}' }),
    ],
    ["a key that is not in the file", "ERR_INVALID_CIPHERTEXT", () => change({ "x-amz-key-v2": "AAAA" })],
    ["a missing member", "ERR_ENVELOPE_MALFORMED", () => change({ "x-amz-iv": "" })],
    ["an unknown wrapping", "ERR_ENVELOPE_UNSUPPORTED", () => change({ "x-amz-wrap-alg": "AESWrap" })],
    [
      "a V1 envelope",
      "ERR_ENVELOPE_UNSUPPORTED",
      () => save({ metadata: { "x-amz-key": "AAAA", "x-amz-iv": "AAAA", "x-amz-matdesc": "{}" }, body: mail }).then(),
    ],
    [
      "keys that are no keys file",
      "ERR_KEYS_FILE",
      async () => {
        await change({});
        await writeFile(join(folder, "keys.json"), '{"AAAA":{"key":"?"}}');
      },
    ],
    [
      "metadata that are no JSON",
      "ERR_DECRYPT_INPUT",
      async () => {
        await change({});
        await writeFile(join(folder, "metadata.json"), "x-amz-iv: AAAA\nx-amz-key: BBBB");
      },
    ],
    [
      "metadata that are a list",
      "ERR_DECRYPT_INPUT",
      async () => {
        await change({});
        await writeFile(join(folder, "metadata.json"), "[]");
      },
    ],
  ])("%s", async ([, code, arrange]) => {
    await arrange();
    expect(await decrypt(...intoOut)).toMatchObject({ code: 1, stdout: Buffer.alloc(0), stderr: refusal(code) });
    await nothingElse();
  });

  test("an existing file stays as it was", async () => {
    await change({}, (octets) => octets.subarray(1));
    await writeFile(join(folder, "out"), "as it was");
    expect((await decrypt(...intoOut)).code).toBe(1);
    expect((await out()).toString()).toBe("as it was");
  });

  test("AES/CBC where authentication is asked for", async () => {
    await save(await writeEnvelope("v2 kms cbc", mail, keys));
    expect(await decrypt(...intoOut, "--authenticated")).toMatchObject({
      code: 1,
      stderr: refusal("ERR_ENVELOPE_UNAUTHENTICATED"),
    });
    await nothingElse();
  });

  test.for<[string, string[]]>([
    ["no metadata", ["object", "--keys", "keys.json"]],
    ["an encrypted object without keys", ["object", "--metadata", "metadata.json"]],
    ["two sources of keys", [...withKeys, "--kms", "http://127.0.0.1:1"]],
    ["an object that is not there", ["other", "--metadata", "metadata.json", "--keys", "keys.json"]],
    ["an object that is a folder", [".", "--metadata", "metadata.json", "--keys", "keys.json"]],
    ["a keys file that is not there", ["object", "--metadata", "metadata.json", "--keys", "other"]],
    ["a KMS endpoint that is none", ["object", "--metadata", "metadata.json", "--kms", "kms"]],
    [
      "a KMS endpoint that would tell the key to the network",
      ["object", "--metadata", "metadata.json", "--kms", "http://kms.example"],
    ],
    ["a KMS endpoint without credentials", ["object", "--metadata", "metadata.json", "--kms", "https://kms.example"]],
  ])("%s", async ([, args]) => {
    await save(await writeEnvelope("v2 kms gcm", mail, keys));
    expect(await decrypt(...args, "--out", "out")).toMatchObject({ code: 1, stderr: refusal("ERR_DECRYPT_INPUT") });
    await nothingElse();
  });

  test.for<[string, string]>([
    ["a folder that is not there", "none/out"],
    ["a folder", "."],
    ["a device, which a rename would replace", "/dev/null"],
  ])("an output that is %s", async ([, path]) => {
    await save(await writeEnvelope("v2 kms gcm", mail, keys));
    expect(await decrypt(...withKeys, "--out", path)).toMatchObject({ code: 1, stderr: refusal("ERR_DECRYPT_OUTPUT") });
    await nothingElse();
    expect((await stat("/dev/null")).isCharacterDevice()).toBe(true);
  });

  test("an output that is a link is not followed", async () => {
    await save(await writeEnvelope("v2 kms gcm", mail, keys));
    await symlink("keys.json", join(folder, "out"));
    expect((await decrypt(...intoOut)).stderr).toEqual(refusal("ERR_DECRYPT_OUTPUT"));
  });
});

describe("--kms", () => {
  const withKms = (url: string) => ["object", "--metadata", "metadata.json", "--kms", url];

  test("asks Decrypt with the object's context, signed, in the region of its key", async () => {
    const stub = await startKmsStub(keys, keyArn);
    try {
      const object = await writeEnvelope("v2 kms gcm", mail, keys);
      await save(object);
      const { code, stdout, stderr } = await decrypt(...withKms(stub.url));
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout.equals(mail)).toBe(true);
      expect(stub.requests).toMatchObject([
        {
          headers: {
            "x-amz-target": "TrentService.Decrypt",
            authorization: expect.stringMatching(
              /^AWS4-HMAC-SHA256 Credential=test\/\d{8}\/us-east-1\/kms\/aws4_request,/,
            ),
          },
          body: { EncryptionContext: JSON.parse(object.metadata["x-amz-matdesc"] ?? "") },
        },
      ]);
    } finally {
      await stub.close();
    }
  });

  test("a context that differs is KMS's refusal, and no service is one that may come back", async () => {
    const stub = await startKmsStub(keys, keyArn);
    const object = await writeEnvelope("v2 kms gcm", mail, keys);
    await save(object);
    const other = { ...object.metadata, "x-amz-matdesc": '{"aws:ses:rule-name":"other"}' };
    await writeFile(join(folder, "metadata.json"), JSON.stringify(other));
    const refused = await decrypt(...withKms(stub.url), "--out", "out");
    await stub.close();
    expect(refused).toMatchObject({ code: 1, stderr: refusal("ERR_INVALID_CIPHERTEXT") });
    expect(await decrypt(...withKms(stub.url), "--out", "out")).toMatchObject({
      code: 1,
      stderr: refusal("ERR_KEYS_UNAVAILABLE"),
    });
    await nothingElse();
  });

  test("credentials and region come from the environment", async () => {
    const stub = await startKmsStub(keys, keyArn);
    try {
      await save(await writeEnvelope("v2 kms gcm", mail, keys));
      env = {
        ...env,
        AWS_ACCESS_KEY_ID: "AKID",
        AWS_SECRET_ACCESS_KEY: "s",
        AWS_SESSION_TOKEN: "t",
        AWS_REGION: "eu-west-1",
      };
      expect((await decrypt(...withKms(stub.url))).code).toBe(0);
      expect(stub.requests[0]?.headers).toMatchObject({
        "x-amz-security-token": "t",
        authorization: expect.stringMatching(/Credential=AKID\/\d{8}\/eu-west-1\/kms/),
      });
    } finally {
      await stub.close();
    }
  });
});

// Objects of AWS's Go and Ruby clients, good and broken, through the whole command line.
const corpus = new URL("../../../shared/corpus/s3-encryption/", import.meta.url);
const inCorpus = existsSync(new URL("manifest.json", corpus));

interface Vector {
  name: string;
  metadata: Record<string, string>;
  body: string;
  kms?: { ciphertextBlob: string; encryptionContext: Record<string, string>; plaintextKey: string };
  expect: { outcome: "ok" | "plain" | "error"; sha256?: string };
}

test.skipIf(!inCorpus)(
  "vectors of other clients (skipped where ../shared/corpus/s3-encryption is missing)",
  async () => {
    const { vectors }: { vectors: Vector[] } = JSON.parse(await readFile(new URL("manifest.json", corpus), "utf8"));
    expect(vectors.length).toBeGreaterThanOrEqual(19);
    for (const vector of vectors) {
      const { kms } = vector;
      const entry = kms && { [kms.ciphertextBlob]: { key: kms.plaintextKey, context: kms.encryptionContext } };
      await writeFile(join(folder, "metadata.json"), JSON.stringify(vector.metadata));
      await writeFile(join(folder, "keys.json"), JSON.stringify(entry ?? {}));
      await writeFile(join(folder, "object"), await readFile(new URL(vector.body, corpus)));
      const { code, stdout, stderr } = await decrypt(...intoOut);
      if (vector.expect.outcome === "error") {
        expect({ code, stdout, stderr }, vector.name).toEqual({
          code: 1,
          stdout: Buffer.alloc(0),
          stderr: refusal("ERR_[A-Z_]+"),
        });
        await nothingElse();
      } else {
        expect(code, `${vector.name}: ${stderr}`).toBe(0);
        const sha256 = createHash("sha256")
          .update(await out())
          .digest("hex");
        expect(sha256, vector.name).toBe(vector.expect.sha256);
        await rm(join(folder, "out"));
      }
    }
  },
);
