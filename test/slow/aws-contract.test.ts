import { randomBytes } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientOptions } from "../../shared/aws/connection.ts";
import { openDynamo } from "../../shared/aws/dynamo.ts";
import { createEffects } from "../../shared/aws/effects.ts";
import { openKmsKeys } from "../../shared/aws/kms-keys.ts";
import { createLedger } from "../../shared/aws/ledger.ts";
import { createLimits } from "../../shared/aws/limits.ts";
import { createBucketMailboxes } from "../../shared/aws/mailboxes.ts";
import { openObjects } from "../../shared/aws/objects.ts";
import { openOutbox } from "../../shared/aws/outbox.ts";
import { createPropagations } from "../../shared/aws/propagations.ts";
import { createQuarantine } from "../../shared/aws/quarantine.ts";
import { openQueues } from "../../shared/aws/queues.ts";
import { createRecords } from "../../shared/aws/records.ts";
import { createSenders } from "../../shared/aws/senders.ts";
import { createSuppressions } from "../../shared/aws/suppressions.ts";
import { ledgerTable, storeTable } from "../../shared/aws/tables.ts";
import { createTallies } from "../../shared/aws/tallies.ts";
import { createTickets } from "../../shared/aws/tickets.ts";
import { openTopics } from "../../shared/aws/topics.ts";
import { resolveConfig } from "../../shared/config/resolve-config.ts";
import type { Ports } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { createPersonOf } from "../../shared/unsubscribe/person.ts";
import { keysContract } from "../contract/keys.ts";
import { ledgerContract } from "../contract/ledger.ts";
import { limitsContract } from "../contract/limits.ts";
import { mailboxesContract } from "../contract/mailboxes.ts";
import { objectsContract } from "../contract/objects.ts";
import { bytesOf, freshId } from "../contract/opened.ts";
import { outboxContract } from "../contract/outbox.ts";
import { propagationsContract } from "../contract/propagations.ts";
import { quarantineContract } from "../contract/quarantine.ts";
import { compareWithModel } from "../contract/queue-and-ledger-model.ts";
import { queuesContract } from "../contract/queues.ts";
import { recordsContract } from "../contract/records.ts";
import { sendersContract } from "../contract/senders.ts";
import { suppressionsContract } from "../contract/suppressions.ts";
import { talliesContract } from "../contract/tallies.ts";
import { ticketsContract } from "../contract/tickets.ts";
import { topicsContract } from "../contract/topics.ts";
import { type AwsProxy, startAwsProxy } from "./aws-proxy.ts";
import { createTable } from "./create-tables.ts";
import { type Emulator, pythonProgram, startMoto } from "./moto.ts";
import { type SesStub, startSesStub } from "./ses-stub.ts";

const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";
const long = process.env["MAILWEIR_LONG"] === "1";
const accountId = "123456789012";
const noImap = { append: () => Promise.reject(new Error("no IMAP server here")) };
const region = "us-east-1";

describe.skipIf(program === undefined)(`the ports on AWS, against moto${missing}`, () => {
  let moto: Emulator;
  let proxy: AwsProxy;
  let ses: SesStub;
  const connection = () => ({
    region,
    endpoint: proxy.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const tables = { ledgerTable: "mailweir-test-ledger", storeTable: "mailweir-test-store" };
  const config = resolveConfig(
    { domains: ["in.example"], streams: { personal: { recipients: ["in.example"] } } },
    { prefix: "mailweir-test", accountId },
  );
  const { bucket } = config.names;

  beforeAll(async () => {
    [moto, ses] = await Promise.all([startMoto(program ?? ""), startSesStub()]);
    proxy = await startAwsProxy(moto.endpoint);
    const client = new DynamoDBClient(clientOptions(connection()));
    await createTable(client, tables.ledgerTable, ledgerTable);
    await createTable(client, tables.storeTable, storeTable);
    const s3 = new S3Client({ ...clientOptions(connection()), forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(async () => {
    await Promise.all([proxy?.stop(), moto?.stop(), ses?.stop()]);
  });

  const clock = { now: () => new Date() };
  const open = async () => {
    const dynamo = openDynamo(connection());
    const effects = createEffects(dynamo, tables.ledgerTable);
    const objects = openObjects(connection());
    const keys = openKmsKeys(connection());
    const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
    const queues = openQueues(connection(), accountId);
    const ports = {
      objects,
      keys,
      queues,
      topics: openTopics(connection()),
      ledger: createLedger(dynamo, { table: tables.ledgerTable, clock, keepDays: 400 }),
      suppressions: createSuppressions(dynamo, effects, {
        table: tables.storeTable,
        clock,
        queues,
        propagateQueue: "propagate",
      }),
      propagations: createPropagations(dynamo, { table: tables.ledgerTable, clock, keepDays: 400 }),
      limits: createLimits(dynamo, { table: tables.ledgerTable, clock }),
      tallies: createTallies(dynamo, { table: tables.ledgerTable, clock }),
      senders: createSenders(dynamo, tables.storeTable),
      tickets: createTickets(dynamo, effects, tables.storeTable, clock, { queues, propagateQueue: "propagate" }),
      records: createRecords(dynamo, effects, tables.storeTable),
      quarantine: createQuarantine(dynamo, tables),
      mailboxes: createBucketMailboxes({ objects, keys, random }, effects, config, noImap),
      outbox: openOutbox({ ...connection(), endpoint: ses.endpoint }, dynamo, {
        table: tables.ledgerTable,
        clock,
        keepDays: 400,
        configurationSet: "mailweir-test",
      }),
    } satisfies Partial<Ports>;
    return { ports };
  };

  ledgerContract("DynamoDB", open);
  suppressionsContract("DynamoDB", async () => {
    await newQueue("propagate");
    return { ...(await open()), propagateQueue: "propagate" };
  });
  propagationsContract("DynamoDB", open);
  limitsContract("DynamoDB", open);
  talliesContract("DynamoDB", open);
  sendersContract("DynamoDB", open);
  ticketsContract("DynamoDB", async () => {
    await newQueue("propagate");
    return { ...(await open()), propagateQueue: "propagate" };
  });
  recordsContract("DynamoDB", open);
  quarantineContract("DynamoDB", open);
  objectsContract("S3", async () => ({ ...(await open()), bucket }));
  outboxContract("SES and DynamoDB", async () => ({
    ...(await open()),
    sent: async (original) => ses.bounces.filter((bounce) => bounce.original === original).length,
    mails: async (text) =>
      ses.mails.filter(({ raw }) => raw.includes(text)).map(({ configurationSet: _unasked, ...mail }) => mail),
  }));

  describe("bad days of sending and handing over", () => {
    const bounce = (id: SesMessageId) => ({
      originalMessageId: id,
      bounceSender: "mailer-daemon@in.example",
      recipients: [{ recipient: "ann@in.example", smtpReplyCode: "550", statusCode: "5.1.1", message: "No" }],
    });
    const mail = (id: string) => ({
      id,
      kind: "reply" as const,
      envelopeSender: "",
      recipients: ["ann@sender.example"],
      raw: Buffer.from(`Message-ID: <${id.replace("/", ".")}@in.example>\r\nSubject: ${id}\r\n\r\n`),
    });
    const count = (id: string) =>
      ses.bounces.filter(({ original }) => original === id).length +
      ses.mails.filter(({ raw }) => raw.includes(id)).length;
    // A sender that died is waited for no longer than this.
    const impatient = () =>
      openOutbox({ ...connection(), endpoint: ses.endpoint }, openDynamo(connection()), {
        table: tables.ledgerTable,
        clock,
        keepDays: 400,
        configurationSet: "mailweir-test",
        leaseMs: 1,
      });

    test.for(["throttle", "reject"] as const)("%s: nothing was sent, and the next try sends it", async (trouble) => {
      const code = trouble === "throttle" ? "ERR_THROTTLED" : "ERR_AWS_REFUSED";
      const { outbox } = (await open()).ports;
      const [one, other] = [freshId(), `${freshId()}/reply`];
      ses.troubles.push(trouble);
      await expect(outbox.sendBounce(bounce(one))).rejects.toMatchObject({ code });
      expect(await outbox.sendBounce(bounce(one))).toMatchObject({ repeated: false });
      ses.troubles.push(trouble);
      await expect(outbox.sendMail(mail(other))).rejects.toMatchObject({ code });
      expect(await outbox.sendMail(mail(other))).toMatchObject({ repeated: false });
      expect([count(one), count(other)]).toEqual([1, 1]);
    });

    test("mail is sent with the stage's configuration set, so that SES tells what became of it", async () => {
      const { outbox } = (await open()).ports;
      const id = `${freshId()}/reply`;
      await outbox.sendMail(mail(id));
      const [sent] = ses.mails.filter(({ raw }) => raw.includes(id));
      expect(sent?.configurationSet).toBe("mailweir-test");
    });

    test("a bounce whose answer never came is not sent again; any other mail is, as itself", async () => {
      const [one, other] = [freshId(), `${freshId()}/reply`];
      const outbox = impatient();
      ses.troubles.push("hang-up");
      await expect(outbox.sendBounce(bounce(one))).rejects.toMatchObject({ code: "ERR_AWS_UNREACHABLE" });
      expect(await outbox.sendBounce(bounce(one))).toEqual({ messageId: "unconfirmed", repeated: true });
      ses.troubles.push("hang-up");
      await expect(outbox.sendMail(mail(other))).rejects.toMatchObject({ code: "ERR_AWS_UNREACHABLE" });
      expect(await outbox.sendMail(mail(other))).toMatchObject({ repeated: false });
      expect([count(one), count(other)]).toEqual([1, 2]);
      expect(new Set(ses.mails.filter(({ raw }) => raw.includes(other)).map(({ raw }) => raw)).size).toBe(1);
    });

    test("the report's own fields are SES's", async () => {
      const id = freshId();
      const { outbox } = (await open()).ports;
      const [first] = bounce(id).recipients;
      await outbox.sendBounce({
        ...bounce(id),
        explanation: "Nobody reads this",
        messageDsn: { reportingMta: "dns; mx.in.example", extensionFields: [{ name: "X-A", value: "1" }] },
        recipients: [
          {
            ...first!,
            dsn: {
              action: "failed",
              status: "5.7.1",
              finalRecipient: "bob@in.example",
              remoteMta: "dns; mx2.in.example",
            },
          },
        ],
      });
      const form = Object.fromEntries(ses.bounces.find(({ original }) => original === id)?.form ?? []);
      expect(form).toMatchObject({
        Explanation: "Nobody reads this",
        "MessageDsn.ReportingMta": "dns; mx.in.example",
        "MessageDsn.ExtensionFields.member.1.Name": "X-A",
        "BouncedRecipientInfoList.member.1.Recipient": "ann@in.example",
        "BouncedRecipientInfoList.member.1.RecipientDsnFields.FinalRecipient": "bob@in.example",
        "BouncedRecipientInfoList.member.1.RecipientDsnFields.Status": "5.7.1",
      });
    });

    test("what somebody wrote and died before handing over is handed over later, once", async () => {
      await newQueue("propagate");
      const { ports } = await open();
      const dynamo = openDynamo(connection());
      const later = { now: () => new Date(Date.now() + 120_000) };
      const options = { table: tables.storeTable, propagateQueue: "propagate" };
      const effects = createEffects(dynamo, tables.ledgerTable);
      const dead = createSuppressions(dynamo, effects, {
        ...options,
        clock,
        queues: { send: () => Promise.reject(new Error("killed")) },
      });
      const person = createPersonOf({ keys: [{ id: "a", secret: "an example secret of the first key" }] })(freshId());
      const evidence = { note: "asked" };
      const suppression = { person, list: "*", reason: "manual", since: "2026-08-04T09:15:02.417Z", evidence } as const;
      expect(await dead.suppress({ effect: freshId() }, suppression)).toBe("added");
      const alive = createSuppressions(dynamo, effects, { ...options, clock: later, queues: ports.queues });
      expect(await alive.handOverLeftovers()).toBeGreaterThan(0);
      expect(await alive.handOverLeftovers()).toBe(0);
      const messages = await ports.queues.receive("propagate", { max: 10 });
      expect(messages.filter(({ body }) => body.includes(person))).toHaveLength(1);
    });
  });

  const newQueue = async (name: string, attributes: Record<string, string> = {}) => {
    const sqs = new SQSClient({ ...clientOptions(connection()), useQueueUrlAsEndpoint: false });
    await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return { name, arn: `arn:aws:sqs:${region}:${accountId}:${name}` };
  };
  queuesContract("SQS", async () => {
    const name = `queue-${randomBytes(6).toString("hex")}`;
    const dead = await newQueue(`${name}-dlq`);
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 3 });
    const { name: queue } = await newQueue(name, { VisibilityTimeout: "60", RedrivePolicy });
    return { ...(await open()), queue, deadLetterQueue: dead.name };
  });
  test("queue and ledger do what a page of plain code does, whatever comes in which order", async () => {
    const { ports } = await open();
    await compareWithModel(
      async () => {
        const name = `model-${randomBytes(6).toString("hex")}`;
        const dead = await newQueue(`${name}-dlq`);
        const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 3 });
        // Time passes when the model says so, not by the emulator's clock.
        const { name: queue } = await newQueue(name, { VisibilityTimeout: "3600", RedrivePolicy });
        const ids = [freshId(), freshId(), freshId()];
        return {
          now: 0,
          home: {
            ports,
            queue,
            idOf: (number) => ids[number - 1]!,
            async pass(_ms, over) {
              for (const handle of over) await ports.queues.changeVisibility(queue, handle, 0);
            },
            // As the command does it: the copy first.
            async redrive() {
              for (const moved: string[] = []; ; ) {
                const letters = await ports.queues.receive(dead.name, { max: 10 });
                if (letters.length === 0) return moved;
                await ports.queues.send(
                  queue,
                  letters.map(({ body }, at) => ({ id: String(at), body })),
                );
                await ports.queues.delete(
                  dead.name,
                  letters.map(({ receiptHandle }) => receiptHandle),
                );
                moved.push(...letters.map(({ body }) => String(JSON.parse(body).sesMessageId)));
              }
            },
            inOrder: false,
            deadLettersFail: false,
            oldHandlesAreNothing: false,
          },
        };
      },
      { runs: long ? 200 : 6, seed: 20_260_804, longest: long ? 120 : 80 },
    );
  }, 1_200_000);
  topicsContract("SNS", async () => {
    const mark = randomBytes(6).toString("hex");
    const sns = new SNSClient(clientOptions(connection()));
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: `topic-${mark}` }));
    const [raw, envelope] = [await newQueue(`raw-${mark}`), await newQueue(`envelope-${mark}`)];
    for (const [queue, isRaw] of [
      [raw, "true"],
      [envelope, "false"],
    ] as const) {
      const Attributes = { RawMessageDelivery: isRaw };
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: queue.arn, Attributes }));
    }
    return {
      ...(await open()),
      topicArn: TopicArn,
      rawQueue: raw.name,
      envelopeQueue: envelope.name,
      missingTopicArn: `${TopicArn}-missing`,
    };
  });
  keysContract("KMS", async () => {
    const kms = new KMSClient(clientOptions(connection()));
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const keyArn = KeyMetadata?.Arn ?? "";
    const { ports } = await open();
    return {
      keys: ports.keys,
      keyArn,
      missingKeyArn: `${keyArn.slice(0, -4)}0000`,
      damaged: ["ERR_INVALID_CIPHERTEXT", "ERR_KEY_ACCESS_DENIED"],
    };
  });
  mailboxesContract("folders of the bucket", async () => {
    const opened = await open();
    const { objects } = opened.ports;
    // Every test has its own folders: what was there before is not asked for again.
    const before = new Set((await objects.list(bucket, { prefix: "mailboxes/", limit: 1000 })).map(({ key }) => key));
    const keysOf = async (mailbox: string) =>
      (await objects.list(bucket, { prefix: `mailboxes/${mailbox}/`, limit: 1000 }))
        .map(({ key }) => key)
        .filter((key) => !before.has(key));
    const read = async (key: string) => (await bytesOf((await objects.open({ bucket, key })).body)).toString();
    return {
      ...opened,
      contents: async (mailbox) => Promise.all((await keysOf(mailbox)).map(read)),
      // Its owner moves it to a folder below.
      async readNew(mailbox) {
        for (const key of await keysOf(mailbox)) {
          await objects.put({ bucket, key: key.replace(/[^/]+$/, "read/$&") }, Buffer.from(await read(key)));
          await objects.delete({ bucket, key });
        }
      },
    };
  });
});
