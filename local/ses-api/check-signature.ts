import { timingSafeEqual } from "node:crypto";
import { type AwsCredentials, signAws4 } from "../../shared/encryption/sign-aws4.ts";
import { Refusal } from "./refusal.ts";

export interface SesRequest {
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

const authorizationPattern =
  /^AWS4-HMAC-SHA256 +Credential=([^/,\s]{1,128})\/([0-9]{8})\/([a-z0-9-]{1,40})\/ses\/aws4_request, *SignedHeaders=([a-z0-9;-]{1,1000}), *Signature=([0-9a-f]{64})$/;
const maxSkewMs = 900_000;

/** Whether a request claims to be signed for SES: what the HTTP server needs to tell it from the console's own. */
export function isSesRequest(headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  const { authorization } = headers;
  return typeof authorization === "string" && authorizationPattern.test(authorization);
}

/**
 * A web page can post a form but cannot set Authorization without being asked first, so a request without an AWS4 header
 * is refused even where nobody configured keys; with keys the signature must be theirs (AWS Signature Version 4).
 *
 * @throws {Refusal}
 */
export function checkSignature(request: SesRequest, keys: readonly AwsCredentials[] | undefined, now: Date): void {
  const { authorization } = request.headers;
  const match = authorizationPattern.exec(authorization ?? "");
  if (!match) {
    if (authorization === undefined) throw denied("MissingAuthenticationToken", "Missing Authentication Token");
    throw denied("IncompleteSignature", "The Authorization header is not an AWS Signature Version 4 one for SES");
  }
  if (!keys) return;
  const [, accessKeyId, day, region = "", signedHeaders = "", signature = ""] = match;
  const credentials = keys.find((key) => key.accessKeyId === accessKeyId);
  if (!credentials) throw denied("InvalidClientTokenId", "The security token included in the request is invalid.");
  const at = readTimestamp(request.headers["x-amz-date"]);
  if (
    !at ||
    Math.abs(at.getTime() - now.getTime()) > maxSkewMs ||
    !at
      .toISOString()
      .replaceAll("-", "")
      .startsWith(day ?? "")
  ) {
    throw denied("SignatureDoesNotMatch", "Signature expired: check the clock of whoever signed");
  }
  const expected = sign(request, credentials, region, signedHeaders.split(";"), at);
  if (!expected || !timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) {
    throw denied(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.",
    );
  }
}

function sign(
  { method, headers, body }: SesRequest,
  credentials: AwsCredentials,
  region: string,
  names: readonly string[],
  now: Date,
): string | undefined {
  const host = headers["host"] ?? "";
  if (!URL.canParse(`http://${host}/`)) return undefined;
  const others = names.filter((name) => name !== "host" && name !== "x-amz-date");
  const authorization = signAws4(
    {
      method,
      url: new URL(`http://${host}/`),
      headers: Object.fromEntries(others.map((name) => [name, headers[name] ?? ""])),
      body,
    },
    // A session token is among the signed headers when there is one.
    {
      credentials: { accessKeyId: credentials.accessKeyId, secretAccessKey: credentials.secretAccessKey },
      region,
      service: "ses",
      now,
    },
  )["authorization"];
  return authorization?.slice(-64);
}

function readTimestamp(text: string | undefined): Date | undefined {
  const match = /^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z$/.exec(text ?? "");
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

const denied = (code: string, message: string) => new Refusal(code, message, {}, 403);
