import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { clientOptions } from "../../../shared/aws/connection.ts";
import { createDynamo, type DynamoOperations, openDynamo } from "../../../shared/aws/dynamo.ts";
import { createJsonClient, dynamoDb, sqs } from "../../../shared/aws/json-client.ts";
import { openQueues, type QueueOperations } from "../../../shared/aws/queues.ts";
import { signAws4 } from "../../../shared/encryption/sign-aws4.ts";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const asked: Asked[] = [];
let answers: Answer[] = [];
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = "", url: path = "", headers } = request;
  asked.push({ method, path, headers, body: Buffer.concat(chunks).toString("utf8") });
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  if (answer === undefined || answer.status === 0) {
    request.socket.destroy();
    return;
  }
  response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0", ...answer.headers });
  response.end(answer.body);
});

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token" };
let connection: { region: string; endpoint: string; credentials: typeof credentials };
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  connection = { region: "eu-west-1", endpoint: `http://127.0.0.1:${port}`, credentials };
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
});

type Outcome = { readonly answer: unknown } | { readonly error: Readonly<Record<string, unknown>> };

async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome & { readonly requests: readonly Asked[] }> {
  asked.length = 0;
  try {
    const { $metadata, ...answer } = (await run()) as { $metadata?: unknown };
    return { answer, requests: [...asked] };
  } catch (error) {
    const { name, $metadata, Item, CancellationReasons } = error as Error & Record<string, unknown>;
    const { httpStatusCode } = ($metadata ?? {}) as { httpStatusCode?: number };
    return { error: { name, httpStatusCode, Item, CancellationReasons }, requests: [...asked] };
  }
}

const octets = (text: string) => new Uint8Array(Buffer.from(text));
const key = { pk: { S: "a" }, sk: { S: "b" } };
const item = {
  ...key,
  B: { S: "an attribute that is called B" },
  data: { B: Buffer.from("octets, \u0000 too") },
  view: { B: octets("xxoctets").subarray(2) },
  list: { L: [{ N: "1" }, { BOOL: true }, { NULL: true as const }, { M: { B: { B: octets("deep") } } }] },
  words: { SS: ["grün", "→"] },
};

test.for<[string, Answer]>([
  [
    "a whole item",
    { status: 200, body: JSON.stringify({ Item: { pk: { S: "a" }, B: { B: "AAEC" }, l: { L: [{ B: "" }] } } }) },
  ],
  ["nothing there", { status: 200, body: "{}" }],
  ["no text at all", { status: 200, body: "" }],
])("an answer as the SDK reads it: %s", async ([, answer]) => {
  answers = [answer];
  const input = { TableName: "t", Key: key, ConsistentRead: true };
  const sdk = await outcomeOf(() => new DynamoDBClient(clientOptions(connection)).send(new GetItemCommand(input)));
  const own = await outcomeOf(() => createJsonClient<DynamoOperations>(connection, dynamoDb).send("GetItem", input));
  expect(plain(own)).toEqual(plain(sdk));
});

test("what is sent is what the SDK sends, with a signature that holds", async () => {
  answers = [{ status: 200, body: "{}" }];
  const put = { TableName: "t", Item: item, ConditionExpression: "attribute_not_exists(pk)" };
  const batch = { RequestItems: { t: { Keys: [key], ConsistentRead: true } } };
  const entries = {
    QueueUrl: `${connection.endpoint}/123456789012/q`,
    Entries: [{ Id: "0", MessageBody: "ü →", DelaySeconds: 3 }],
  };
  const dynamo = new DynamoDBClient(clientOptions(connection));
  const own = createJsonClient<DynamoOperations>(connection, dynamoDb);
  const pairs = [
    [() => dynamo.send(new PutItemCommand(put)), () => own.send("PutItem", put)],
    [() => dynamo.send(new BatchGetItemCommand(batch)), () => own.send("BatchGetItem", batch)],
    [
      () =>
        new SQSClient({ ...clientOptions(connection), useQueueUrlAsEndpoint: false, md5: false }).send(
          new SendMessageBatchCommand(entries),
        ),
      () => createJsonClient<QueueOperations>(connection, sqs).send("SendMessageBatch", entries),
    ],
  ] as const;
  for (const [theirs, ours] of pairs) {
    const [sdk] = (await outcomeOf(theirs)).requests;
    const [sent] = (await outcomeOf(ours)).requests;
    if (!sdk || !sent) throw new Error("nothing was asked");
    expect(JSON.parse(sent.body)).toEqual(JSON.parse(sdk.body));
    expect([sent.method, sent.path]).toEqual([sdk.method, sdk.path]);
    for (const name of ["host", "content-type", "x-amz-target", "x-amzn-query-mode", "x-amz-security-token"]) {
      expect([name, sent.headers[name]]).toEqual([name, sdk.headers[name]]);
    }
    expect(authorizationOf(sent)).toBe(sent.headers.authorization);
    expect(sent.headers.authorization).toContain("/eu-west-1/");
  }
});

/** By the other signer of this project, over the headers that the request says are signed. */
function authorizationOf({ method, path, headers, body }: Asked): string | undefined {
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? "")?.[1]?.split(";") ?? [];
  const date = String(headers["x-amz-date"]);
  const given = names.filter((name) => !["host", "x-amz-date", "x-amz-security-token"].includes(name));
  const url = new URL(path, `http://${headers.host}`);
  const now = new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  const service = String(headers["x-amz-target"]).startsWith("DynamoDB") ? "dynamodb" : "sqs";
  const signed = signAws4(
    { method, url, headers: Object.fromEntries(given.map((name) => [name, String(headers[name])])), body },
    { credentials, region: "eu-west-1", service, now },
  );
  return signed["authorization"];
}

const type = (name: string) => JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: "m" });

test.for<[string, Answer, number]>([
  [
    "a condition that was false",
    {
      status: 400,
      body: JSON.stringify({
        __type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        message: "no",
        Item: { pk: { S: "a" }, d: { B: "AAEC" } },
      }),
    },
    1,
  ],
  ["no such table", { status: 400, body: type("ResourceNotFoundException") }, 1],
  [
    "a name in a header",
    { status: 403, body: "", headers: { "x-amzn-errortype": "AccessDeniedException:http://internal.example/" } },
    1,
  ],
  ["something nobody has a name for", { status: 400, body: "<html>no</html>" }, 1],
  ["throttled", { status: 400, body: type("ProvisionedThroughputExceededException") }, 4],
  ["a fault of theirs", { status: 500, body: type("InternalServerError") }, 4],
  ["a proxy's fault", { status: 502, body: "<html>bad gateway</html>" }, 4],
  [
    "a cancelled transaction",
    {
      status: 400,
      body: JSON.stringify({
        __type: "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        Message: "m",
        CancellationReasons: [{ Code: "None" }, { Code: "ConditionalCheckFailed", Item: { pk: { S: "x" } } }],
      }),
    },
    1,
  ],
])("an error is called, and tried again, as by the SDK: %s", { timeout: 120_000 }, async ([, answer, attempts]) => {
  answers = [answer];
  const input = { TransactItems: [{ Put: { TableName: "t", Item: item } }] };
  const [sdk, own] = [
    await outcomeOf(() => new DynamoDBClient(clientOptions(connection)).send(new TransactWriteItemsCommand(input))),
    await outcomeOf(() => createJsonClient<DynamoOperations>(connection, dynamoDb).send("TransactWriteItems", input)),
  ];
  expect(own.requests).toHaveLength(attempts);
  expect(sdk.requests).toHaveLength(attempts);
  if (answer.body.startsWith("<html>")) {
    // The SDK names what it cannot read by what its own reading met; here the status decides.
    expect(own).toMatchObject({ error: { name: "UnknownError", httpStatusCode: answer.status } });
  } else expect(plain(own)).toEqual(plain(sdk));
  expect(own).toHaveProperty("error.name");
});

test("a connection that breaks is asked again, once with success", { timeout: 120_000 }, async () => {
  answers = [
    { status: 0, body: "" },
    { status: 200, body: "{}" },
  ];
  const own = await outcomeOf(() =>
    createJsonClient<DynamoOperations>(connection, dynamoDb).send("GetItem", { TableName: "t", Key: key }),
  );
  expect(own).toMatchObject({ answer: {} });
  expect(own.requests.map(({ headers }) => headers["amz-sdk-request"])).toEqual([
    "attempt=1; max=4",
    "attempt=2; max=4",
  ]);
  expect(new Set(own.requests.map(({ headers }) => headers["amz-sdk-invocation-id"])).size).toBe(1);
});

test("a clock that is too far from AWS's is corrected, for all later calls", { timeout: 120_000 }, async () => {
  const theirs = new Date(Date.now() + 3_600_000);
  const date = { date: theirs.toUTCString() };
  answers = [
    { status: 400, body: type("InvalidSignatureException"), headers: date },
    { status: 200, body: "{}", headers: date },
  ];
  const client = createJsonClient<DynamoOperations>(connection, dynamoDb);
  const hourOf = ({ headers }: Asked) => String(headers["x-amz-date"]).slice(0, 11);
  const stamp = (at: Date) => at.toISOString().replace(/[-:]/g, "").slice(0, 11);
  const { requests } = await outcomeOf(() => client.send("GetItem", { TableName: "t", Key: key }));
  const later = await outcomeOf(() => client.send("GetItem", { TableName: "t", Key: key }));
  expect(requests).toHaveLength(2);
  expect([...requests.slice(1), ...later.requests].map(hourOf)).toEqual([stamp(theirs), stamp(theirs)]);
});

test("without keys in the environment the SDK's chain is asked", { timeout: 120_000 }, async () => {
  const before = { ...process.env };
  try {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "AKIDENVIRONMENT", AWS_SECRET_ACCESS_KEY: "s" });
    delete process.env["AWS_PROFILE"];
    answers = [{ status: 200, body: "{}" }];
    const { region, endpoint } = connection;
    const client = createJsonClient<DynamoOperations>({ region, endpoint }, dynamoDb);
    const input = { TableName: "t", Key: key };
    const [first] = (await outcomeOf(() => client.send("GetItem", input))).requests;
    expect(first?.headers.authorization).toContain("AKIDENVIRONMENT/");
    // A profile goes before keys, as in the SDK; there is none of that name.
    Object.assign(process.env, {
      AWS_PROFILE: "nobody",
      AWS_CONFIG_FILE: "/nonexistent/config",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent/credentials",
      AWS_EC2_METADATA_DISABLED: "true",
    });
    expect(await outcomeOf(() => client.send("GetItem", input))).toMatchObject({
      error: { name: "CredentialsProviderError" },
      requests: [],
    });
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
});

test("adapters get our errors for them", { timeout: 120_000 }, async () => {
  answers = [{ status: 400, body: type("ThrottlingException") }];
  await expect(openDynamo(connection).get("t", { pk: "a", sk: "b" })).rejects.toMatchObject({ code: "ERR_THROTTLED" });
  answers = [{ status: 200, body: "no JSON" }];
  await expect(openDynamo(connection).get("t", { pk: "a", sk: "b" })).rejects.toMatchObject({
    code: "ERR_AWS_UNREACHABLE",
  });
  answers = [{ status: 200, body: JSON.stringify({ Successful: [{ Id: "0", MD5OfMessageBody: "0".repeat(32) }] }) }];
  await expect(openQueues(connection, "123456789012").send("q", [{ id: "a", body: "b" }])).rejects.toMatchObject({
    code: "ERR_AWS_UNREACHABLE",
  });
  expect(createDynamo(createJsonClient(connection, dynamoDb))).toHaveProperty("transact");
});

/** Octets compare as octets, whatever class holds them. */
function plain({ requests: _, ...outcome }: Outcome & { readonly requests: readonly Asked[] }): unknown {
  return JSON.parse(
    JSON.stringify(outcome, (_key, value: unknown) =>
      value instanceof Uint8Array ? { octets: Buffer.from(value).toString("hex") } : value,
    ),
  );
}
