import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { type Connection, clientOptions } from "./connection.ts";

export async function readParameter(connection: Connection, name: string): Promise<string> {
  const client = new SSMClient(clientOptions(connection));
  const { Parameter } = await client.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  return Parameter?.Value ?? "";
}
