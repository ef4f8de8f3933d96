import {
  type EncryptionContext,
  InvalidCiphertextError,
  KeyAccessDeniedError,
  KeyNotFoundError,
  type Keys,
  KeysUnavailableError,
  KeyUnusableError,
} from "./keys.ts";
import { type AwsCredentials, signAws4 } from "./sign-aws4.ts";

export interface KmsEndpoint {
  readonly endpoint: URL;
  readonly region: string;
  readonly credentials: AwsCredentials;
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => Date;
  /** For one call, in ms. */
  readonly timeoutMs: number;
}

/** A KMS answer to Decrypt or GenerateDataKey has less than 10 KB. */
const maxAnswerBytes = 65_536;

/** `Keys` on the JSON protocol of AWS KMS, at the given endpoint: one call each, no retries. */
export function createKmsEndpointKeys(kms: KmsEndpoint): Keys {
  return {
    async generateDataKey(keyArn, context) {
      const request = { KeyId: keyArn, KeySpec: "AES_256", EncryptionContext: context };
      const answer = await call(kms, "GenerateDataKey", request, keyArn);
      return { plaintext: octets(answer, "Plaintext"), ciphertextBlob: octets(answer, "CiphertextBlob") };
    },
    async decrypt(ciphertextBlob, context) {
      const CiphertextBlob = Buffer.from(ciphertextBlob).toString("base64");
      const answer = await call(kms, "Decrypt", { CiphertextBlob, EncryptionContext: context }, context.kms_cmk_id);
      return octets(answer, "Plaintext");
    },
  };
}

type KmsRequest = Readonly<Record<string, string | EncryptionContext>>;

async function call(
  kms: KmsEndpoint,
  operation: string,
  request: KmsRequest,
  keyArn: string | undefined,
): Promise<object> {
  const body = JSON.stringify(request);
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${operation}` };
  const signed = signAws4(
    { method: "POST", url: kms.endpoint, headers, body },
    { credentials: kms.credentials, region: kms.region, service: "kms", now: kms.now() },
  );
  let status: number;
  let answer: object;
  try {
    const response = await kms.fetch(kms.endpoint, {
      method: "POST",
      headers: signed,
      body,
      // The signature is for this host; whoever redirects is not KMS.
      redirect: "error",
      signal: AbortSignal.timeout(kms.timeoutMs),
    });
    status = response.status;
    answer = parseAnswer(await readText(response), response.headers.get("x-amzn-errortype"));
  } catch (cause) {
    if (cause instanceof KeysUnavailableError) throw cause;
    throw new KeysUnavailableError(`no answer from ${kms.endpoint.host}`, { cause });
  }
  if (status === 200) return answer;
  throw refusal(status, "__type" in answer ? String(answer.__type) : "", keyArn ?? "of the encrypted data key");
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw new KeysUnavailableError("the answer is far longer than any of KMS");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseAnswer(text: string, errorType: string | null): object {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null) return errorType ? { __type: errorType, ...answer } : answer;
  } catch {
    // Said below, without the text: it may hold anything.
  }
  if (errorType) return { __type: errorType };
  throw new KeysUnavailableError("the answer is no JSON object: is this the endpoint of KMS?");
}

/** KMS API Reference, "Common Errors" and the errors of Decrypt and GenerateDataKey. */
function refusal(status: number, type: string, keyArn: string): Error {
  // "com.amazonaws.kms#NotFoundException" and "NotFoundException:http://…" are both in use.
  const name = (type.split("#").at(-1) ?? "").split(":")[0] ?? "";
  switch (name) {
    case "InvalidCiphertextException":
    case "IncorrectKeyException":
      return new InvalidCiphertextError();
    case "NotFoundException":
      return new KeyNotFoundError(keyArn);
    case "DisabledException":
    case "KMSInvalidStateException":
    case "KeyUnavailableException":
      return new KeyUnusableError(name);
    case "AccessDeniedException":
    case "InvalidGrantTokenException":
    case "ExpiredTokenException":
    case "UnrecognizedClientException":
    case "InvalidClientTokenId":
    case "InvalidSignatureException":
    case "SignatureDoesNotMatch":
    case "IncompleteSignatureException":
    case "IncompleteSignature":
    case "MissingAuthenticationTokenException":
    case "MissingAuthenticationToken":
    case "OptInRequired":
      return new KeyAccessDeniedError(name);
    default: {
      const readable = /^[A-Za-z]{1,60}$/.test(name) ? `${name}, ` : "";
      return new KeysUnavailableError(`${readable}status ${status}`);
    }
  }
}

function octets(answer: object, member: string): Uint8Array {
  const value: unknown = Object.entries(answer).find(([name]) => name === member)?.[1];
  if (typeof value === "string") return new Uint8Array(Buffer.from(value, "base64"));
  throw new KeysUnavailableError(`the answer lacks ${member}`);
}
