import { ledgerTable, storeTable, type TableSchema } from "../../shared/aws/tables.ts";
import type { Call } from "./aws-proxy.ts";

type Value = { S?: string; N?: string; B?: string; L?: Value[]; M?: Record<string, Value> };
type Item = Record<string, Value>;

export interface WriteUnits {
  /** What each table's writes cost, its indexes included. */
  readonly byTable: ReadonlyMap<string, number>;
  /** Read units: half of one for 4 KB, or a whole one where the read is consistent. */
  readonly reads: () => number;
  /** Octets of the items that are stored now, with the 100 a piece that DynamoDB adds for storage. */
  readonly storedBytes: () => number;
  see(call: Call, answer: string): void;
  reset(): void;
}

/**
 * Counts the write units of DynamoDB's price list from what passes by: moto's ConsumedCapacity is not AWS's. A write costs 1 for
 * each KB of the item (the larger of old and new), twice that in a transaction; an index costs 1 where an entry comes or
 * goes, 2 where its key changes; a refused condition costs what the write would have.
 */
export function createWriteUnits(schemas: ReadonlyMap<string, TableSchema>): WriteUnits {
  const items = new Map<string, Item>();
  const byTable = new Map<string, number>();
  let reads = 0;
  const read = (found: readonly Item[], isConsistent: boolean) => {
    // An item that is not there costs what the smallest does.
    const bytes = found.reduce((sum, item) => sum + sizeOf(item), 0);
    reads += Math.max(1, Math.ceil(bytes / 4096)) * (isConsistent ? 1 : 0.5);
  };
  const add = (table: string, units: number) => byTable.set(table, (byTable.get(table) ?? 0) + units);

  const write = (table: string, key: string, after: Item | undefined, factor: number) => {
    const before = items.get(key);
    add(table, factor * Math.max(1, Math.ceil(Math.max(sizeOf(before), sizeOf(after)) / 1024)));
    for (const { hashKey, rangeKey } of schemas.get(table)?.indexes ?? []) {
      const entry = (item: Item | undefined) =>
        item?.[hashKey] && item[rangeKey] ? JSON.stringify([item[hashKey], item[rangeKey]]) : undefined;
      const [old, now] = [entry(before), entry(after)];
      if (old !== now) add(table, factor * ((old ? 1 : 0) + (now ? 1 : 0)));
    }
    if (after) items.set(key, after);
    else items.delete(key);
  };
  const keyOf = (table: string, of: Item) => `${table} ${of["pk"]?.S} ${of["sk"]?.S}`;

  return {
    byTable,
    reads: () => reads,
    storedBytes: () => [...items.values()].reduce((sum, item) => sum + sizeOf(item) + 100, 0),
    reset() {
      byTable.clear();
      reads = 0;
    },
    see({ operation, service, body }, answer) {
      if (service !== "dynamodb") return;
      const request = JSON.parse(body) as {
        TableName: string;
        Item: Item;
        Key: Item;
        ConsistentRead?: boolean;
        TransactItems: Transact[];
      };
      const refused = answer.includes("ConditionalCheckFailed");
      const table = request.TableName;
      switch (operation) {
        case "PutItem":
          if (refused) add(table, Math.max(1, Math.ceil(sizeOf(request.Item) / 1024)));
          else write(table, keyOf(table, request.Item), request.Item, 1);
          return;
        case "UpdateItem":
          if (refused) add(table, 1);
          else write(table, keyOf(table, request.Key), (JSON.parse(answer) as { Attributes: Item }).Attributes, 1);
          return;
        case "DeleteItem":
          write(table, keyOf(table, request.Key), undefined, 1);
          return;
        case "GetItem": {
          const { Item: found } = JSON.parse(answer) as { Item?: Item };
          read(found ? [found] : [], request.ConsistentRead === true);
          return;
        }
        case "Query":
          read((JSON.parse(answer) as { Items?: Item[] }).Items ?? [], request.ConsistentRead === true);
          return;
        case "BatchGetItem":
          // Each item is rounded up by itself.
          for (const found of Object.values(
            (JSON.parse(answer) as { Responses?: Record<string, Item[]> }).Responses ?? {},
          ))
            for (const one of found) read([one], true);
          return;
        case "TransactWriteItems":
          for (const { Put, Update, Delete, ConditionCheck } of request.TransactItems) {
            const one = Put ?? Update ?? Delete ?? ConditionCheck;
            if (!one) continue;
            const key = keyOf(one.TableName, one.Item ?? one.Key ?? {});
            // What an update leaves is not told; it adds an attribute to a small item.
            if (refused || Update || ConditionCheck) add(one.TableName, 2 * unitsOf(items.get(key)));
            else write(one.TableName, key, Put?.Item, 2);
          }
      }
    },
  };
}

interface Write {
  readonly TableName: string;
  readonly Item?: Item;
  readonly Key?: Item;
}
interface Transact {
  readonly Put?: Write;
  readonly Update?: Write;
  readonly Delete?: Write;
  readonly ConditionCheck?: Write;
}

const unitsOf = (item: Item | undefined) => Math.max(1, Math.ceil(sizeOf(item) / 1024));

/** Names and values as UTF-8; numbers about half a byte a digit. */
export function sizeOf(item: Item | undefined): number {
  return Object.entries(item ?? {}).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueSize(value), 0);
}

function valueSize({ S, N, B, L, M }: Value): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (N !== undefined) return Math.ceil(N.length / 2) + 1;
  if (B !== undefined) return Buffer.from(B, "base64").length;
  if (L !== undefined) return 3 + L.reduce((sum, value) => sum + 1 + valueSize(value), 0);
  if (M !== undefined) return 3 + Object.values(M).reduce((sum, value) => sum + 1 + valueSize(value), 0);
  return 1;
}

export const schemasOf = (tables: { readonly ledger: string; readonly store: string }) =>
  new Map([
    [tables.ledger, ledgerTable],
    [tables.store, storeTable],
  ]);
