import { deflateRawSync, inflateRawSync } from "node:zlib";
import type {
  AttributeValue,
  BatchGetItemCommandInput,
  BatchGetItemCommandOutput,
  DeleteItemCommandInput,
  DeleteItemCommandOutput,
  GetItemCommandInput,
  GetItemCommandOutput,
  PutItemCommandInput,
  PutItemCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
  TransactWriteItemsCommandInput,
  TransactWriteItemsCommandOutput,
  UpdateItemCommandInput,
  UpdateItemCommandOutput,
  TransactWriteItem as WriteItem,
} from "@aws-sdk/client-dynamodb";
import type { ListOrder } from "../ports.ts";
import { call, ThrottledError } from "./call.ts";
import type { Connection } from "./connection.ts";
import { createJsonClient, dynamoDb, type JsonClient } from "./json-client.ts";
import { pauseUpTo } from "./pause.ts";

export type Item = Record<string, AttributeValue>;

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** Of the expression's language: `#name` is an attribute of that name, unless `names` says another. */
export interface Expression {
  readonly condition?: string;
  readonly values?: Readonly<Record<`:${string}`, AttributeValue>>;
  readonly names?: Readonly<Record<`#${string}`, string>>;
}

export type Conditional =
  | { readonly kind: "written"; readonly item: Item }
  /** The condition was false; `item` is what is stored, if anything is. */
  | { readonly kind: "refused"; readonly item?: Item };

export type TransactWrite = Expression & { readonly table: string } & (
    | { readonly kind: "put"; readonly item: Item }
    | { readonly kind: "update"; readonly key: Key; readonly update: string }
    | { readonly kind: "check" | "delete"; readonly key: Key }
  );

export type Transacted =
  | { readonly kind: "written" }
  /** The first write whose condition was false, and what is stored there. Nothing was written. */
  | { readonly kind: "refused"; readonly index: number; readonly item?: Item };

export interface Dynamo {
  /** Consistent. */
  get(table: string, key: Key): Promise<Item | undefined>;
  /** Consistent; any number, in no order, without what is not there. */
  batchGet(table: string, keys: readonly Key[]): Promise<readonly Item[]>;
  put(table: string, item: Item, expression?: Expression): Promise<Conditional>;
  update(table: string, key: Key, update: string, expression?: Expression): Promise<Conditional>;
  delete(table: string, key: Key): Promise<void>;
  /** Up to `limit` items in the order of the sort key; consistent unless an index is asked. */
  query(
    table: string,
    query: Expression & {
      readonly where: string;
      readonly index?: string;
      /** Of the sort key. */
      readonly order?: ListOrder;
      readonly limit?: number;
    },
  ): Promise<readonly Item[]>;
  /** Tried again while other transactions are in the way. */
  transact(writes: readonly TransactWrite[]): Promise<Transacted>;
}

const mostConflicts = 30;

/** What `Dynamo` asks of DynamoDB. */
export type DynamoOperations = {
  readonly GetItem: { readonly input: GetItemCommandInput; readonly output: GetItemCommandOutput };
  readonly BatchGetItem: { readonly input: BatchGetItemCommandInput; readonly output: BatchGetItemCommandOutput };
  readonly PutItem: { readonly input: PutItemCommandInput; readonly output: PutItemCommandOutput };
  readonly UpdateItem: { readonly input: UpdateItemCommandInput; readonly output: UpdateItemCommandOutput };
  readonly DeleteItem: { readonly input: DeleteItemCommandInput; readonly output: DeleteItemCommandOutput };
  readonly Query: { readonly input: QueryCommandInput; readonly output: QueryCommandOutput };
  readonly TransactWriteItems: {
    readonly input: TransactWriteItemsCommandInput;
    readonly output: TransactWriteItemsCommandOutput;
  };
};

export function openDynamo(connection: Connection): Dynamo {
  return createDynamo(createJsonClient(connection, dynamoDb));
}

export function createDynamo(client: JsonClient<DynamoOperations>): Dynamo {
  return {
    async get(table, key) {
      const input: GetItemCommandInput = { TableName: table, Key: keyItem(key), ConsistentRead: true };
      return (await call(`DynamoDB GetItem ${table}`, () => client.send("GetItem", input))).Item;
    },
    async batchGet(table, keys) {
      const found: Item[] = [];
      const wanted = [...new Map(keys.map((key) => [`${key.pk}\0${key.sk}`, keyItem(key)])).values()];
      for (let pause = 0, at = 0; at < wanted.length || pause > 0; ) {
        const Keys = wanted.slice(at, at + 100);
        at += 100;
        const input: BatchGetItemCommandInput = { RequestItems: { [table]: { Keys, ConsistentRead: true } } };
        const answer = await call(`DynamoDB BatchGetItem ${table}`, () => client.send("BatchGetItem", input));
        found.push(...(answer.Responses?.[table] ?? []));
        const left = answer.UnprocessedKeys?.[table]?.Keys ?? [];
        wanted.push(...left);
        pause = left.length === 0 ? 0 : pause + 1;
        if (pause > 8) throw new ThrottledError(`DynamoDB BatchGetItem ${table}`);
        if (pause > 0) await pauseUpTo(25 * 2 ** (pause - 1));
        if (at >= wanted.length && left.length === 0) break;
      }
      return found;
    },
    async put(table, item, expression = {}) {
      const input: PutItemCommandInput = {
        TableName: table,
        Item: item,
        ...conditionOf(expression),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      };
      return conditional(`DynamoDB PutItem ${table}`, async () => {
        await client.send("PutItem", input);
        return item;
      });
    },
    async update(table, key, update, expression = {}) {
      const input: UpdateItemCommandInput = {
        TableName: table,
        Key: keyItem(key),
        UpdateExpression: update,
        ...conditionOf(expression, update),
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      };
      return conditional(
        `DynamoDB UpdateItem ${table}`,
        async () => (await client.send("UpdateItem", input)).Attributes ?? keyItem(key),
      );
    },
    async delete(table, key) {
      const input: DeleteItemCommandInput = { TableName: table, Key: keyItem(key) };
      await call(`DynamoDB DeleteItem ${table}`, () => client.send("DeleteItem", input));
    },
    async query(table, { where, index, order, limit, condition, ...expression }) {
      const items: Item[] = [];
      let from: Item | undefined;
      do {
        const input: QueryCommandInput = {
          TableName: table,
          ...(index !== undefined ? { IndexName: index } : { ConsistentRead: true }),
          KeyConditionExpression: where,
          ...(order === "newest" && { ScanIndexForward: false }),
          ...(condition !== undefined && { FilterExpression: condition }),
          ...namesAndValues(expression, `${where} ${condition ?? ""}`),
          ...(limit !== undefined && { Limit: limit - items.length }),
          ...(from && { ExclusiveStartKey: from }),
        };
        const answer = await call(`DynamoDB Query ${table}`, () => client.send("Query", input));
        items.push(...(answer.Items ?? []));
        from = answer.LastEvaluatedKey;
      } while (from && (limit === undefined || items.length < limit));
      return items;
    },
    async transact(writes) {
      const TransactItems = writes.map(transactItem);
      for (let attempt = 1; ; attempt++) {
        const outcome = await call(
          "DynamoDB TransactWriteItems",
          () => client.send("TransactWriteItems", { TransactItems }),
          ["TransactionCanceledException"],
        ).then(
          () => undefined,
          (error: unknown) => reasonsOf(error),
        );
        if (outcome === undefined) return { kind: "written" };
        const index = outcome.findIndex(({ Code }) => Code === "ConditionalCheckFailed");
        const item = outcome[index]?.Item;
        if (index >= 0) return { kind: "refused", index, ...(item && { item }) };
        if (attempt >= mostConflicts) throw new ThrottledError("DynamoDB TransactWriteItems (conflicts)");
        await pauseUpTo(25 * 2 ** (Math.min(attempt, 6) - 1));
      }
    },
  };
}

async function conditional(what: string, run: () => Promise<Item>): Promise<Conditional> {
  try {
    return { kind: "written", item: await call(what, run, ["ConditionalCheckFailedException"]) };
  } catch (error) {
    if (!isNamed(error, "ConditionalCheckFailedException")) throw error;
    const item = "Item" in error && typeof error.Item === "object" ? (error.Item as Item | null) : undefined;
    return { kind: "refused", ...(item && { item }) };
  }
}

interface CancellationReason {
  readonly Code?: string;
  readonly Item?: Item;
}

/** Why a transaction was cancelled, a reason per write. Anything else is thrown on. */
function reasonsOf(error: unknown): readonly CancellationReason[] {
  if (!isNamed(error, "TransactionCanceledException")) throw error;
  const reasons =
    "CancellationReasons" in error && Array.isArray(error.CancellationReasons)
      ? (error.CancellationReasons as CancellationReason[])
      : [];
  const codes = new Set(reasons.map(({ Code }) => Code ?? "None"));
  // An item that is too large, a capacity that is exceeded: nothing that waiting a moment would mend.
  for (const code of ["ValidationError", "ItemCollectionSizeLimitExceeded"]) if (codes.has(code)) throw error;
  if (codes.has("ProvisionedThroughputExceeded") || codes.has("ThrottlingError")) {
    throw new ThrottledError("DynamoDB TransactWriteItems", { cause: error });
  }
  return reasons;
}

const isNamed = (error: unknown, name: string): error is Error => error instanceof Error && error.name === name;

function transactItem(write: TransactWrite): WriteItem {
  const common = {
    TableName: write.table,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
  switch (write.kind) {
    case "put":
      return { Put: { ...common, Item: write.item, ...conditionOf(write) } };
    case "update":
      return {
        Update: {
          ...common,
          Key: keyItem(write.key),
          UpdateExpression: write.update,
          ...conditionOf(write, write.update),
        },
      };
    case "delete":
      return { Delete: { ...common, Key: keyItem(write.key), ...conditionOf(write) } };
    case "check": {
      const { ConditionExpression = "attribute_exists(pk)", ...rest } = conditionOf(write);
      return { ConditionCheck: { ...common, Key: keyItem(write.key), ConditionExpression, ...rest } };
    }
    default:
      return write satisfies never;
  }
}

function conditionOf({ condition, ...expression }: Expression, update = "") {
  return {
    ...(condition !== undefined && { ConditionExpression: condition }),
    ...namesAndValues(expression, `${update} ${condition ?? ""}`),
  };
}

/** DynamoDB wants exactly the names that are used. */
function namesAndValues({ names = {}, values = {} }: Expression, text: string) {
  const used = [...new Set(text.match(/#\w+/g) ?? [])];
  const ExpressionAttributeNames = Object.fromEntries(
    used.map((name) => [name, names[name as `#${string}`] ?? name.slice(1)]),
  );
  return {
    ...(used.length > 0 && { ExpressionAttributeNames }),
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  };
}

const keyItem = ({ pk, sk }: Key): Item => ({ pk: { S: pk }, sk: { S: sk } });

// ---- attribute values ----

export const text = (value: string): AttributeValue => ({ S: value });
export const number = (value: number): AttributeValue => ({ N: String(value) });

export const textOf = (item: Item, name: string): string | undefined => item[name]?.S;
export const numberOf = (item: Item, name: string): number => Number(item[name]?.N ?? 0);

// A write unit is 1 KB: what is longer than this is worth compressing, what is shorter is readable in the console.
const readableBytes = 400;

/** JSON as an attribute: text while it is short, deflated octets when it is long. */
export function json(value: unknown): AttributeValue {
  const whole = JSON.stringify(value);
  if (Buffer.byteLength(whole) <= readableBytes) return { S: whole };
  const packed = deflateRawSync(whole, { level: 9 });
  return packed.length < Buffer.byteLength(whole) ? { B: packed } : { S: whole };
}

/** Our own JSON, as `json` wrote it. */
export function jsonOf<T>(item: Item, name: string): T | undefined {
  const value = item[name];
  if (value?.S !== undefined) return JSON.parse(value.S) as T;
  if (value?.B !== undefined) return JSON.parse(inflateRawSync(value.B).toString("utf8")) as T;
  return undefined;
}
