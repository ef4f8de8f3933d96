import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createKmsEndpointKeys, type KmsEndpoint } from "../../../shared/encryption/kms-endpoint.ts";
import { keysContract } from "../../contract/keys.ts";
import { startKmsStub } from "./kms-stub.ts";
import { createMemoryKeys } from "./memory-keys.ts";

const keyArn = "arn:aws:kms:us-east-1:111122223333:key/0000aaaa-11bb-22cc-33dd-444444eeeeee";
const missingKeyArn = "arn:aws:kms:us-east-1:111122223333:key/ffffffff-11bb-22cc-33dd-444444eeeeee";
const defaults = {
  region: "us-east-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
  fetch: globalThis.fetch,
  now: () => new Date("2026-02-03T04:05:06.789Z"),
  timeoutMs: 5_000,
} as const;

keysContract("the JSON protocol of KMS", async () => {
  const stub = await startKmsStub(createMemoryKeys(keyArn), keyArn);
  return {
    keys: createKmsEndpointKeys({ ...defaults, endpoint: new URL(stub.url) }),
    keyArn,
    missingKeyArn,
    close: stub.close,
  };
});

describe("what goes over the wire", () => {
  let stub: Awaited<ReturnType<typeof startKmsStub>>;
  beforeEach(async () => {
    stub = await startKmsStub(createMemoryKeys(keyArn), keyArn);
  });
  afterEach(() => stub.close());

  test("a signed request, with the operation as its target", async () => {
    const keys = createKmsEndpointKeys({ ...defaults, endpoint: new URL(stub.url) });
    const { ciphertextBlob } = await keys.generateDataKey(keyArn, { a: "b" });
    await keys.decrypt(ciphertextBlob, { a: "b" });
    const scope = "AKIDEXAMPLE/20260203/us-east-1/kms/aws4_request";
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-date": "20260203T040506Z",
      authorization: expect.stringMatching(
        `^AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$`,
      ),
    };
    expect(stub.requests).toMatchObject([
      {
        headers: { ...headers, "x-amz-target": "TrentService.GenerateDataKey" },
        body: { KeyId: keyArn, KeySpec: "AES_256", EncryptionContext: { a: "b" } },
      },
      {
        headers: { ...headers, "x-amz-target": "TrentService.Decrypt" },
        body: { CiphertextBlob: Buffer.from(ciphertextBlob).toString("base64"), EncryptionContext: { a: "b" } },
      },
    ]);
  });
});

describe("what KMS may answer", () => {
  const decryptWith = (answer: () => Response | Promise<Response>, endpoint: Partial<KmsEndpoint> = {}) =>
    createKmsEndpointKeys({
      ...defaults,
      endpoint: new URL("https://kms.us-east-1.amazonaws.com"),
      fetch: async () => answer(),
      ...endpoint,
    }).decrypt(new Uint8Array(3), { kms_cmk_id: keyArn });
  const json = (body: unknown, status: number, headers: Record<string, string> = {}) =>
    new Response(JSON.stringify(body), { status, headers });

  test.for<[string, () => Response, string, boolean]>([
    [
      "a refusal of the blob",
      () => json({ __type: "InvalidCiphertextException" }, 400),
      "ERR_INVALID_CIPHERTEXT",
      false,
    ],
    ["another key", () => json({ __type: "IncorrectKeyException" }, 400), "ERR_INVALID_CIPHERTEXT", false],
    ["a full name", () => json({ __type: "com.amazonaws.kms#NotFoundException" }, 400), "ERR_KEY_NOT_FOUND", false],
    [
      "the type in a header",
      () => json({}, 400, { "x-amzn-errortype": "DisabledException:http://x/" }),
      "ERR_KEY_UNUSABLE",
      true,
    ],
    ["a key pending deletion", () => json({ __type: "KMSInvalidStateException" }, 400), "ERR_KEY_UNUSABLE", true],
    ["no permission", () => json({ __type: "AccessDeniedException" }, 400), "ERR_KEY_ACCESS_DENIED", false],
    ["unknown credentials", () => json({ __type: "UnrecognizedClientException" }, 400), "ERR_KEY_ACCESS_DENIED", false],
    ["throttling", () => json({ __type: "ThrottlingException" }, 400), "ERR_KEYS_UNAVAILABLE", true],
    ["an internal fault", () => json({ __type: "KMSInternalException" }, 500), "ERR_KEYS_UNAVAILABLE", true],
    ["a page of a proxy", () => new Response("<html>", { status: 502 }), "ERR_KEYS_UNAVAILABLE", true],
    ["success without a key", () => json({}, 200), "ERR_KEYS_UNAVAILABLE", true],
    ["success that is no JSON", () => new Response("ok"), "ERR_KEYS_UNAVAILABLE", true],
    ["an answer without end", () => json({ Plaintext: "AAAA".repeat(20_000) }, 200), "ERR_KEYS_UNAVAILABLE", true],
  ])("%s", async ([, answer, code, retryable]) => {
    await expect(decryptWith(answer)).rejects.toMatchObject({ code, retryable });
  });

  test("nothing: the connection is refused, or the time is over", async () => {
    const unreachable = { code: "ERR_KEYS_UNAVAILABLE", retryable: true };
    const refuse = () => Promise.reject(new TypeError("fetch failed"));
    await expect(decryptWith(refuse)).rejects.toMatchObject(unreachable);
    const silent: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    await expect(decryptWith(() => json({}, 200), { fetch: silent, timeoutMs: 1 })).rejects.toMatchObject(unreachable);
  });
});
