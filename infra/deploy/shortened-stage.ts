import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { openDynamo } from "../../shared/aws/dynamo.ts";
import { shortenedOnStage } from "../../shared/aws/shortened.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { endsAnything } from "../../shared/retention/period.ts";
import type { Shortened } from "../../shared/retention/shortened.ts";
import { tableNames } from "../resources/tables.ts";
import type { Session } from "./session.ts";

/** What the next retention deletes of what is stored; null where nothing is, or there is nothing yet. */
export async function shortenedOf(session: Session, config: ResolvedConfig, now: Date): Promise<Shortened | null> {
  // Without one nothing is deleted, whatever was until now.
  if (!endsAnything(config.retention)) return null;
  const { region, endpoint, clientConfig } = session;
  const { credentials } = clientConfig;
  const connection = { region, ...(endpoint !== undefined && { endpoint }), ...(credentials && { credentials }) };
  const client = new DynamoDBClient(clientConfig);
  const names = tableNames({ config });
  try {
    const parts = { dynamo: openDynamo(connection), client, ledgerTable: names.ledger, storeTable: names.store };
    return (await shortenedOnStage(parts, config.retention, now)) ?? null;
  } catch (error) {
    const names = [error, error instanceof Error ? error.cause : undefined];
    if (names.some((one) => one instanceof Error && /ResourceNotFound/.test(`${one.name} ${one.message}`))) return null;
    throw error;
  } finally {
    client.destroy();
  }
}
