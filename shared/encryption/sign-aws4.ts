import { createHash, createHmac } from "node:crypto";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A request without query parameters, whose path needs no escaping. */
export interface RequestToSign {
  readonly method: string;
  readonly url: URL;
  /** Every header that is to be signed, except `host`, which is taken from the URL. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The headers that make a request an AWS Signature Version 4 one: the given ones, `x-amz-date`, the session token and
 * `authorization`. (Signature V4 of a request with a query or an odd path is not done here: KMS has neither.)
 */
export function signAws4(
  { method, url, headers, body }: RequestToSign,
  { credentials, region, service, now }: { credentials: AwsCredentials; region: string; service: string; now: Date },
): Record<string, string> {
  const timestamp = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = timestamp.slice(0, 8);
  const signed: Record<string, string> = { ...headers, "x-amz-date": timestamp };
  if (credentials.sessionToken !== undefined) signed["x-amz-security-token"] = credentials.sessionToken;

  const lines = Object.entries({ ...signed, host: url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, " ")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = lines.map(([name]) => name).join(";");
  const canonicalHeaders = lines.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonicalRequest = [method, url.pathname, "", canonicalHeaders, names, sha256(body)].join("\n");

  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", timestamp, scope, sha256(canonicalRequest)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  return {
    ...signed,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
