import { createHash, createHmac, type Hash, type Hmac, randomUUID } from "node:crypto";
import { HttpRequest } from "@smithy/core/protocols";
import { isServerError, isThrottlingError, isTransientError, StandardRetryStrategy } from "@smithy/core/retry";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { SignatureV4 } from "@smithy/signature-v4";
import type { AwsCredentialIdentity, RetryErrorType, SdkError } from "@smithy/types";
import { type Connection, clientOptions } from "./connection.ts";

/** What a service is asked and answers, by the operation's name, in the types of the SDK. */
export type Operations = Readonly<Record<string, { readonly input: object; readonly output: object }>>;

export interface JsonClient<Asked extends Operations> {
  /** @throws an error with AWS's name and `$metadata`, as the SDK's clients do */
  send<Name extends keyof Asked & string>(operation: Name, input: Asked[Name]["input"]): Promise<Asked[Name]["output"]>;
}

interface JsonService {
  /** As the signature and the host name know it. */
  readonly service: "dynamodb" | "sqs";
  /** What stands before the operation in `x-amz-target`. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const dynamoDb: JsonService = { service: "dynamodb", target: "DynamoDB_20120810" };
/** Errors keep the names that they had under SQS's older protocol. */
export const sqs: JsonService = { service: "sqs", target: "AmazonSQS", headers: { "x-amzn-query-mode": "true" } };

/**
 * AWS's JSON protocol 1.0, from the SDK's own pieces: signature, connections, which errors are tried again, and when. The whole
 * clients bring 200 KB of other protocols and endpoint rules with them, which every cold start of the gate and the
 * router would read. test/shared/aws/json-client.test.ts holds it to what the SDK's clients send and make of answers.
 */
export function createJsonClient<Asked extends Operations>(
  connection: Connection,
  { service, target, headers: more }: JsonService,
): JsonClient<Asked> {
  const { region } = connection;
  const options = clientOptions(connection);
  const endpoint = new URL(connection.endpoint ?? endpointOf(service, region));
  // Whoever does not answer in time is asked again; without this the handler only warns.
  const transport = new NodeHttpHandler({ ...options.requestHandler, throwOnRequestTimeout: true });
  const signer = new SignatureV4({
    service,
    region,
    credentials: connection.credentials ?? credentialsOf(),
    sha256: Sha256,
    applyChecksum: false,
  });
  const retries = new StandardRetryStrategy(options.maxAttempts);
  // How far this clock is from AWS's, when AWS said that it is too far.
  let skewMs = 0;

  async function attempt(operation: string, body: string, attempts: number, invocation: string): Promise<object> {
    const request = new HttpRequest({
      method: "POST",
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      ...(endpoint.port !== "" && { port: Number(endpoint.port) }),
      path: endpoint.pathname,
      headers: {
        host: endpoint.host,
        "content-type": "application/x-amz-json-1.0",
        "content-length": String(Buffer.byteLength(body)),
        "x-amz-target": `${target}.${operation}`,
        "amz-sdk-invocation-id": invocation,
        "amz-sdk-request": `attempt=${attempts}; max=${options.maxAttempts}`,
        "user-agent": "mailweir",
        ...more,
      },
      body,
    });
    const signed = await signer.sign(request, { signingDate: new Date(Date.now() + skewMs) });
    const { response } = await transport.handle(HttpRequest.clone(signed));
    const text = await textOf(response.body);
    if (response.statusCode < 300) return answerOf(text);
    const error = errorOf(response.statusCode, response.headers, text);
    const theirs = Date.parse(response.headers["date"] ?? "");
    if (skewed.has(error.name) && Math.abs(theirs - (Date.now() + skewMs)) > maxSkewMs) {
      skewMs = theirs - Date.now();
      Object.assign(error.$metadata, { clockSkewCorrected: true });
    }
    throw error;
  }

  return {
    async send(operation, input) {
      const body = JSON.stringify(input, octetsAsBase64);
      const invocation = randomUUID();
      let token = await retries.acquireInitialRetryToken("");
      for (let attempts = 1; ; attempts += 1) {
        try {
          const answer = await attempt(operation, body, attempts, invocation);
          retries.recordSuccess(token);
          return answer;
        } catch (cause) {
          const error = asError(cause);
          // Sleeps as long as the strategy says; it throws when there is no try left, or no use in one.
          const next = await retries
            .refreshRetryTokenForRetry(token, { error, errorType: typeOf(error) })
            .catch(() => undefined);
          if (next === undefined) throw error;
          token = next;
        }
      }
    },
  };
}

const maxSkewMs = 300_000;
const skewed = new Set(["InvalidSignatureException", "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"]);
// An answer of BatchGetItem has up to 16 MB, and base64 is longer.
const maxAnswerBytes = 33_554_432;

// The names that the SDK reads; what a function's environment has to say is in environment.ts.
function endpointOf(service: string, region: string): string {
  const own = process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? process.env["AWS_ENDPOINT_URL"];
  if (own !== undefined && own !== "") return own;
  const fips = process.env["AWS_USE_FIPS_ENDPOINT"] === "true" ? "-fips" : "";
  return `https://${service}${fips}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/**
 * A function's credentials are in its environment. Elsewhere the SDK's own chain finds them: profiles, single sign-on,
 * instance roles.
 */
function credentialsOf(): () => Promise<AwsCredentialIdentity> {
  let chain: (() => Promise<AwsCredentialIdentity>) | undefined;
  return async () => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = process.env;
    if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY && !AWS_PROFILE) {
      return {
        accessKeyId: AWS_ACCESS_KEY_ID,
        secretAccessKey: AWS_SECRET_ACCESS_KEY,
        ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
      };
    }
    chain ??= (await import("@aws-sdk/credential-provider-node")).defaultProvider();
    return chain();
  };
}

class Sha256 {
  #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", octetsOf(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(octetsOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {
    this.#hash = createHash("sha256");
  }
}

function octetsOf(data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof data === "string") return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Binary values of items. `this` holds what was there before `toJSON`, which a Buffer has. */
function octetsAsBase64(this: unknown, key: string, value: unknown): unknown {
  const own: unknown = typeof this === "object" && this !== null ? Reflect.get(this, key) : value;
  return own instanceof Uint8Array ? Buffer.from(own.buffer, own.byteOffset, own.byteLength).toString("base64") : value;
}

/** `{"B": "…"}` is binary; an attribute that is called B holds an object instead of text. */
function base64AsOctets(key: string, value: unknown): unknown {
  if (key === "B" && typeof value === "string") return new Uint8Array(Buffer.from(value, "base64"));
  return value;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new SyntaxError("an answer of more than 32 MB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function answerOf(text: string): object {
  const answer: unknown = text === "" ? {} : JSON.parse(text, text.includes('"B"') ? base64AsOctets : undefined);
  if (typeof answer !== "object" || answer === null) throw new SyntaxError("an answer that is no object");
  return answer;
}

type AwsError = Error & { readonly $metadata: { readonly httpStatusCode: number } };

/** "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", with or without what stands around the name. */
function errorOf(httpStatusCode: number, headers: Readonly<Record<string, string>>, text: string): AwsError {
  let answer: object = {};
  try {
    answer = answerOf(text);
  } catch {
    // A proxy's page, or nothing: the status says enough, and the text may be anything.
  }
  const type = headers["x-amzn-errortype"] ?? ("__type" in answer ? String(answer.__type) : "UnknownError");
  const name = (type.split("#").at(-1) ?? "").split(":")[0] ?? "";
  const message = "message" in answer ? answer.message : "Message" in answer ? answer.Message : undefined;
  const error = new Error(typeof message === "string" ? message : name);
  const requestId = headers["x-amzn-requestid"];
  const $metadata = { httpStatusCode, ...(requestId !== undefined && { requestId }) };
  return Object.assign(error, { ...answer, message: error.message, name, $metadata });
}

function typeOf(error: SdkError): RetryErrorType {
  if (isThrottlingError(error)) return "THROTTLING";
  if (isTransientError(error)) return "TRANSIENT";
  return isServerError(error) ? "SERVER_ERROR" : "CLIENT_ERROR";
}

/** As the SDK's own classification takes it, which looks at `cause` only where that is an error. */
const asError = (cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause))) as SdkError;
