import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type Connection, clientOptions } from "./connection.ts";

export async function readSecret(connection: Connection, id: string): Promise<string> {
  const client = new SecretsManagerClient(clientOptions(connection));
  const { SecretString, SecretBinary } = await client.send(new GetSecretValueCommand({ SecretId: id }));
  return SecretString ?? Buffer.from(SecretBinary ?? []).toString("utf8");
}
