import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SESClient } from "@aws-sdk/client-ses";
import { SESv2Client } from "@aws-sdk/client-sesv2";
import { SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { MailweirError } from "../../shared/errors.ts";

/** AWS cannot be talked to, or not as whom we are. */
export class SessionError extends MailweirError {
  readonly code = "ERR_AWS_SESSION";
  readonly retryable = false;
}

export interface SessionOptions {
  readonly region: string;
  /** An emulator's address; default AWS itself. */
  readonly endpoint?: string;
}

/** Whom a deployment talks to: one account, one region, or an emulator of them. */
export interface Session extends SessionOptions {
  readonly accountId: string;
  /** An emulator on this machine: nothing real can be broken, so nothing is asked. */
  readonly loopback: boolean;
  readonly clientConfig: ClientConfig;
  readonly cloudFormation: CloudFormationClient;
  readonly s3: S3Client;
  readonly ses: SESClient;
  readonly sesV2: SESv2Client;
  readonly ssm: SSMClient;
  readonly lambda: LambdaClient;
  close(): void;
}

interface ClientConfig {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
  readonly forcePathStyle?: boolean;
}

/**
 * Finds out which account the credentials of the environment belong to.
 *
 * @throws {SessionError} when there are none, or nobody answers
 */
export async function openSession({ region, endpoint }: SessionOptions): Promise<Session> {
  const loopback = endpoint !== undefined && isLoopback(endpoint);
  const clientConfig: ClientConfig = {
    region,
    maxAttempts: 5,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    // Emulators take any; real ones never leave for an address of this machine.
    ...(loopback && { credentials: { accessKeyId: "test", secretAccessKey: "test" } }),
  };
  const sts = new STSClient(clientConfig);
  let accountId: string | undefined;
  try {
    ({ Account: accountId } = await sts.send(new GetCallerIdentityCommand({})));
  } catch (error) {
    const cause = error instanceof Error ? error.message || error.name : String(error);
    throw new SessionError(
      endpoint === undefined
        ? `AWS does not say who we are (${cause}): sign in (aws sso login, AWS_PROFILE, or AWS_ACCESS_KEY_ID), and see that ${region} can be reached`
        : `Nobody answers as AWS at ${endpoint} (${cause}): start the emulator, or correct --endpoint-url`,
      { cause: error },
    );
  } finally {
    sts.destroy();
  }
  if (accountId === undefined) throw new SessionError("AWS answered without an account id: check --endpoint-url");
  const clients = {
    cloudFormation: new CloudFormationClient(clientConfig),
    s3: new S3Client(clientConfig),
    ses: new SESClient(clientConfig),
    sesV2: new SESv2Client(clientConfig),
    ssm: new SSMClient(clientConfig),
    lambda: new LambdaClient(clientConfig),
  };
  return {
    region,
    ...(endpoint !== undefined && { endpoint }),
    accountId,
    loopback,
    clientConfig,
    ...clients,
    close() {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

export function isLoopback(endpoint: string): boolean {
  if (!URL.canParse(endpoint)) throw new SessionError(`"${endpoint}" is no address: write http://127.0.0.1:4566`);
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(new URL(endpoint).hostname);
}
