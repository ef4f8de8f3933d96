/**
 * As much of DynamoDB, SQS and S3 as one new mail needs, in memory: conditions always hold, since nothing was there before.
 * Over TLS, as AWS answers. `node bench/servers/aws.ts <mail> <key> <certificate>`; `POST /reset` forgets what came since the last `POST /keep`, `GET /sent` tells what queues got.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

type Value = Readonly<Record<string, unknown>>;
type Item = Record<string, Value>;

const [mail, key, cert] = process.argv.slice(2).map((path) => readFileSync(path));
if (!mail || !key || !cert) throw new Error("usage: aws.ts <mail> <key> <certificate>");
let kept: readonly (readonly [string, Item])[] = [];
let items = new Map<string, Item>();
const sent: string[] = [];

const idOf = (table: string, key: Item) => JSON.stringify([table, key["pk"], key["sk"]]);

/** `SET #a = :b, #c = if_not_exists(#c, :d), #e = #e + :f REMOVE #g`, the whole language of the ledger. */
function updated(item: Item, expression: string, names: Record<string, string>, values: Item): Item {
  const changed = { ...item };
  const nameOf = (token: string) => names[token] ?? token;
  const numberIn = (value: Value | undefined) => Number(value?.["N"] ?? 0);
  for (const [, kind, list = ""] of expression.matchAll(
    /\b(SET|REMOVE|ADD)\s+([\s\S]*?)(?=\s*\b(?:SET|REMOVE|ADD)\s|$)/g,
  )) {
    for (const part of list.split(/,(?![^(]*\))/).map((one) => one.trim())) {
      if (kind === "REMOVE") delete changed[nameOf(part)];
      const add = kind === "ADD" ? /^(\S+)\s+(\S+)$/.exec(part) : undefined;
      if (add) {
        const sum = numberIn(changed[nameOf(add[1] ?? "")]) + numberIn(values[add[2] ?? ""]);
        changed[nameOf(add[1] ?? "")] = { N: String(sum) };
      }
      if (kind !== "SET") continue;
      const [target = "", from = ""] = part.split(/\s*=\s*/);
      const name = nameOf(target);
      const ifAbsent = /^if_not_exists\(\S+,\s*(\S+)\)$/.exec(from);
      const plus = /^(\S+) \+ (\S+)$/.exec(from);
      if (ifAbsent) changed[name] ??= values[ifAbsent[1] ?? ""] ?? {};
      else if (plus) changed[name] = { N: String(numberIn(changed[name]) + numberIn(values[plus[2] ?? ""])) };
      else changed[name] = values[from] ?? {};
    }
  }
  return changed;
}

interface Write {
  readonly TableName: string;
  readonly Key?: Item;
  readonly Item?: Item;
  readonly UpdateExpression?: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
}

function write({ TableName, Key, Item, UpdateExpression, ...expression }: Write): Item {
  const key = Item ?? Key ?? {};
  const id = idOf(TableName, key);
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = expression;
  const made = Item ?? updated(items.get(id) ?? { ...key }, UpdateExpression ?? "", names, values);
  items.set(id, made);
  return made;
}

const operations: Readonly<Record<string, (input: never) => object>> = {
  "DynamoDB_20120810.PutItem": (input: Write) => {
    write(input);
    return {};
  },
  "DynamoDB_20120810.UpdateItem": (input: Write) => ({ Attributes: write(input) }),
  "DynamoDB_20120810.GetItem": ({ TableName, Key }: { TableName: string; Key: Item }) => {
    const Item = items.get(idOf(TableName, Key));
    return Item ? { Item } : {};
  },
  "DynamoDB_20120810.BatchGetItem": ({ RequestItems }: { RequestItems: Record<string, { Keys: Item[] }> }) => ({
    Responses: Object.fromEntries(
      Object.entries(RequestItems).map(([table, { Keys }]) => [
        table,
        Keys.flatMap((key) => items.get(idOf(table, key)) ?? []),
      ]),
    ),
    UnprocessedKeys: {},
  }),
  "DynamoDB_20120810.Query": () => ({ Items: [], Count: 0 }),
  "DynamoDB_20120810.TransactWriteItems": ({ TransactItems }: { TransactItems: { Put?: Write; Update?: Write }[] }) => {
    for (const { Put, Update } of TransactItems) if (Put ?? Update) write((Put ?? Update) as Write);
    return {};
  },
  "AmazonSQS.SendMessage": ({ MessageBody }: { MessageBody: string }) => accepted(MessageBody),
  "AmazonSQS.SendMessageBatch": ({ Entries }: { Entries: { Id: string; MessageBody: string }[] }) => ({
    Successful: Entries.map(({ Id, MessageBody }) => ({ Id, ...accepted(MessageBody) })),
    Failed: [],
  }),
};

function accepted(body: string) {
  sent.push(body);
  return { MessageId: "1", MD5OfMessageBody: createHash("md5").update(body).digest("hex") };
}

const server = createServer({ key, cert }, async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const target = request.headers["x-amz-target"];
  if (typeof target === "string") {
    const operation = operations[target];
    response.writeHead(operation ? 200 : 400, { "content-type": "application/x-amz-json-1.0" });
    const input: never = JSON.parse(Buffer.concat(chunks).toString("utf8")) as never;
    response.end(
      JSON.stringify(operation ? operation(input) : { __type: "UnknownOperationException", message: target }),
    );
    return;
  }
  if (request.url === "/keep") kept = [...items];
  if (request.url === "/reset") items = new Map(kept);
  if (request.url === "/keep" || request.url === "/reset") return response.end();
  if (request.url === "/sent") return response.end(JSON.stringify(sent));
  if (request.method === "PUT") return response.end();
  response.writeHead(200, { "content-length": mail.length, etag: '"1"', "content-type": "application/octet-stream" });
  response.end(request.method === "HEAD" ? undefined : mail);
});
server.listen(0, "localhost", () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === "object" ? address?.port : 0 })}\n`);
});
