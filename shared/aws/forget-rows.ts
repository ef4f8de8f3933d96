import { deflateRawSync, inflateRawSync } from "node:zlib";
import { type DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import type { AddressPattern } from "../retention/address-pattern.ts";
import { namesMessage } from "../retention/names-message.ts";
import { parseSesMessageId, type SesMessageId } from "../ses-message-id.ts";
import { call } from "./call.ts";
import { type Dynamo, type Item, type Key, numberOf, text, textOf } from "./dynamo.ts";

/** What stands in the place of an address in a row that stays. */
export const redacted = "forgotten@mailweir.invalid";

/** All rows of a table as they are, a page at a time, in no order; `from` is where an earlier run stopped. */
export async function* scanTable(
  client: DynamoDBClient,
  table: string,
  from?: Key,
): AsyncGenerator<{ readonly items: readonly Item[]; readonly next?: Key }> {
  let start: Item | undefined = from && { pk: text(from.pk), sk: text(from.sk) };
  do {
    const command = new ScanCommand({
      TableName: table,
      ConsistentRead: true,
      ...(start && { ExclusiveStartKey: start }),
    });
    const answer = await call(`DynamoDB Scan ${table}`, () => client.send(command));
    start = answer.LastEvaluatedKey;
    yield { items: answer.Items ?? [], ...(start && { next: keyOf(start) }) };
  } while (start);
}

export const keyOf = (item: Item): Key => ({ pk: textOf(item, "pk") ?? "", sk: textOf(item, "sk") ?? "" });

/** Everything that a row says, in the clear. */
export function wordsOf(item: Item): string {
  return Object.values(item)
    .map((value) => value.S ?? (value.B === undefined ? "" : octetsToText(value.B)))
    .join("\n");
}

function octetsToText(octets: Uint8Array): string {
  try {
    return inflateRawSync(octets).toString("utf8");
  } catch {
    // One piece of several, or no JSON of ours.
    return Buffer.from(octets).toString("utf8");
  }
}

/** The message that a row belongs to, by its place. */
export function messageOf(item: Item): SesMessageId | undefined {
  const { pk } = keyOf(item);
  return parseSesMessageId(/^(?:q|rec|x)#(.*)$/s.exec(pk)?.[1] ?? pk);
}

/** What is done with a row when an address and messages are forgotten. */
export type RowFate = "stays" | "goes" | "is-cleaned";

// Its own ways: a person's rows by `Suppressions.forget`, tickets by `forget-tickets.ts`; holds and runs are the operator's.
const handledElsewhere = /^(?:t#|hold#|forgetting#|retention$)/;
// Without the address these say nothing.
const whole = /^(?:q|rec|x|sender|pr|m|sent|mid)#/;

export function fateOf(item: Item, pattern: AddressPattern, ids: ReadonlySet<string>): RowFate {
  const { pk, sk } = keyOf(item);
  if (handledElsewhere.test(pk)) return "stays";
  const own = messageOf(item);
  // What says that a message is forgotten.
  if (sk === "meta" && numberOf(item, "gone") === 1) return "stays";
  if (own !== undefined && ids.has(own)) return "goes";
  const words = wordsOf(item);
  if (pk.startsWith("f#")) return namesMessage(words, ids) ? "is-cleaned" : "stays";
  if (namesMessage(words, ids) && whole.test(pk)) return "goes";
  if (!pattern.isIn(words)) return "stays";
  return whole.test(pk) || pattern.isIn(`${pk}\n${sk}`) ? "goes" : "is-cleaned";
}

/** Takes the address, or the messages, out of a row that stays. False when somebody changed it meanwhile. */
export async function cleanRow(
  dynamo: Dynamo,
  table: string,
  item: Item,
  pattern: AddressPattern,
  ids: ReadonlySet<string>,
): Promise<boolean> {
  const key = keyOf(item);
  for (const [name, value] of Object.entries(item)) {
    if (name === "pk" || name === "sk") continue;
    const words = value.S ?? (value.B === undefined ? undefined : octetsToText(value.B));
    if (words === undefined) continue;
    const clean = key.pk.startsWith("f#") ? withoutMessages(words, ids) : pattern.replace(words, () => redacted);
    if (clean === words) continue;
    const { kind } = await dynamo.update(table, key, "SET #attribute = :clean", {
      condition: "#attribute = :was",
      names: { "#attribute": name },
      values: {
        ":was": value,
        ":clean": value.S === undefined ? { B: deflateRawSync(clean, { level: 9 }) } : { S: clean },
      },
    });
    if (kind === "refused") return false;
  }
  return true;
}

/** Who was first of mails with the same body: the others stay (`ledger.ts`). */
function withoutMessages(words: string, ids: ReadonlySet<string>): string {
  try {
    const seen: unknown = JSON.parse(words);
    if (!Array.isArray(seen)) return words;
    return JSON.stringify(seen.filter((one: { readonly id?: unknown }) => !ids.has(String(one.id))));
  } catch {
    return words;
  }
}
