import { type DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import type { ResolvedRetention } from "../config/types.ts";
import type { Decision } from "../ports.ts";
import { countShortened, readRetention, retentionText, type Shortened } from "../retention/shortened.ts";
import { call } from "./call.ts";
import { type Dynamo, type Item, jsonOf, textOf } from "./dynamo.ts";
import { appliedNow, readExpiryState } from "./expire-mail.ts";
import { readList } from "./sharded-list.ts";
import { listOf, padded, toStored } from "./tickets.ts";

export interface ShortenedParts {
  readonly dynamo: Dynamo;
  /** For scanning, which no function does. */
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly storeTable: string;
}

const dayMs = 86_400_000;
// Each page is a megabyte of rows: so many take a minute or two, and are a million rows or so.
const mostPages = 1_000;
const mostTickets = 100_000;
const ticketPage = 1_000;

/**
 * What a stage's retention function would delete by these periods, that those which it goes by still keep. Mail that still waits
 * for something is counted too: it goes when that is done, if nothing holds it.
 *
 * @returns `undefined` when nothing that is stored is over any sooner
 */
export async function shortenedOnStage(
  { dynamo, client, ledgerTable, storeTable }: ShortenedParts,
  retention: ResolvedRetention,
  now: Date,
): Promise<Shortened | undefined> {
  const before = readRetention(appliedNow(await readExpiryState(dynamo, storeTable), now));
  if (retentionText(retention) === retentionText(before)) return undefined;
  const found = countShortened(before, retention, now);
  let message:
    | { readonly id: string; receivedAt: number; readonly kinds: [string | null, string | null][] }
    | undefined;
  const end = () => message && found.add(message.receivedAt, message.kinds);
  let start: Item | undefined;
  let pages = 0;
  do {
    const command = new ScanCommand({
      TableName: ledgerTable,
      FilterExpression: "begins_with(sk, :r)",
      ProjectionExpression: "pk, sk, st, d, #at",
      ExpressionAttributeNames: { "#at": "at" },
      ExpressionAttributeValues: { ":r": { S: "r#" } },
      ...(start && { ExclusiveStartKey: start }),
    });
    const { Items = [], LastEvaluatedKey } = await call(`DynamoDB Scan ${ledgerTable}`, () => client.send(command));
    for (const item of Items) {
      // A partition is read as a whole: the recipients of a message stand beside each other.
      const id = textOf(item, "pk") ?? "";
      if (message?.id !== id) {
        end();
        message = { id, receivedAt: Number.NEGATIVE_INFINITY, kinds: [] };
      }
      message.receivedAt = Math.max(message.receivedAt, Date.parse(textOf(item, "at") ?? ""));
      message.kinds.push([textOf(item, "st") ?? null, jsonOf<Decision>(item, "d")?.nature.kind ?? null]);
    }
    start = LastEvaluatedKey;
    pages += 1;
  } while (start && pages < mostPages);
  end();

  const ticketsBefore = before.ticketDays ?? Number.POSITIVE_INFINITY;
  const ticketDays = retention.ticketDays ?? Number.POSITIVE_INFINITY;
  let [tickets, looked] = [0, 0];
  for (let after = 0, more = ticketDays < ticketsBefore; more && looked < mostTickets; ) {
    const items = await readList(dynamo, storeTable, [listOf("closed")], {
      limit: ticketPage,
      ...(after > 0 && { after: padded(after) }),
    });
    for (const { summary } of items.map(toStored)) {
      after = summary.id;
      const age = now.getTime() - Date.parse(summary.updatedAt);
      if (summary.state === "closed" && age >= ticketDays * dayMs && age < ticketsBefore * dayMs) tickets += 1;
    }
    looked += items.length;
    more = items.length === ticketPage;
  }
  return found.sum(tickets, { atLeast: start !== undefined || looked >= mostTickets });
}
