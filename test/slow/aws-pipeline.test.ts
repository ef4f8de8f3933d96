import { randomBytes } from "node:crypto";
import { DeleteObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encryptForSes } from "../../shared/encryption/encrypt-for-ses.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import { callCli } from "../cli/run-cli.ts";
import { badDays } from "./aws-bad-days.ts";
import { type AwsPipeline, openAwsPipeline } from "./aws-pipeline.ts";
import type { Call, Fault } from "./aws-proxy.ts";
import { putDeploymentRecord } from "./deployment-record.ts";
import { pythonProgram } from "./moto.ts";

const long = process.env["MAILWEIR_LONG"] === "1";
const seed = Number(process.env["MAILWEIR_SEED"] ?? 20_261_124);
const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";

describe.skipIf(program === undefined)(`the bundles on AWS's APIs, against moto${missing}`, () => {
  let aws: AwsPipeline;
  beforeAll(async () => {
    aws = await openAwsPipeline(program ?? "");
  });
  afterAll(() => aws?.close());
  beforeEach(async () => {
    aws.proxy.fault = () => undefined;
    await aws.purge();
    aws.units.reset();
  });
  const support = "support@example.com";
  const ticketQueue = () => aws.config.names.streamQueue("ticket");
  const noticeQueue = () => aws.config.names.noticeQueue;
  const ticketOf = async (id: string) => {
    const { tickets } = await aws.ports.tickets.list({ limit: 100 });
    const whole = await Promise.all(tickets.map((ticket) => aws.ports.tickets.get(ticket.id)));
    return whole.filter((ticket) =>
      ticket?.entries.some((entry) => entry.kind === "mail" && entry.sesMessageId === id),
    );
  };

  test("a mail goes from its notice to a ticket, and costs at most 8 write units of the ledger", async () => {
    const { id, notice, lambda } = await aws.arrive({ to: [support] });
    await aws.call("journal", lambda);
    await aws.send(noticeQueue(), notice);
    expect(await aws.work(noticeQueue())).toEqual({ received: 1, failed: 0 });
    const before = aws.units.byTable.get(aws.tables.ledger);
    expect(await aws.work(ticketQueue())).toEqual({ received: 1, failed: 0 });
    expect(await aws.states(id)).toEqual({ [support]: "ticket done ticket-opened" });
    expect(await ticketOf(id)).toHaveLength(1);
    // META, decision and its index entry, routed; then claim, first of its kind, end and the index entry's end. The note of
    // the effect, 2 in a transaction with the ticket, belongs to the worker's own store.
    expect(before).toBe(4);
    const own = 2;
    expect((aws.units.byTable.get(aws.tables.ledger) ?? 99) - own).toBe(8);
  });

  test("long reasons and many headers stay within it as well", async () => {
    const headers = {
      "List-Id": `<${"long-name.".repeat(10)}lists.example>`,
      "List-Unsubscribe": `<mailto:${"x".repeat(60)}@lists.example>`,
      Precedence: "bulk",
      "X-Filler": "y".repeat(3000),
    };
    const { id, notice, lambda } = await aws.arrive({ to: [support], headers });
    await aws.call("journal", lambda);
    await aws.send(noticeQueue(), notice);
    expect(await aws.drain()).toBe(0);
    expect((await aws.states(id))[support]).toContain(" done ");
    expect((aws.units.byTable.get(aws.tables.ledger) ?? 99) - 2).toBeLessThanOrEqual(8);
  });

  test("every stream's worker ends its mail", async () => {
    const person = "ann@example.com";
    const unsubscribe = "unsubscribe@example.com";
    const mails = [
      await aws.arrive({ to: [person] }),
      await aws.arrive({ to: [unsubscribe], headers: { Subject: "unsubscribe" } }),
      await aws.arrive({ to: [support], verdicts: { virus: "FAIL" } }),
      await aws.arrive({ to: [support], from: "", headers: { "Auto-Submitted": "auto-replied" } }),
    ];
    for (const { notice } of mails) await aws.send(noticeQueue(), notice);
    expect(await aws.drain()).toBe(0);
    const states = await Promise.all(mails.map(({ id }) => aws.states(id)));
    expect(states[0]).toEqual({ [person]: "personal done delivered" });
    expect(states[1]?.[unsubscribe]).toMatch(/^unsubscribe done /);
    expect(states[2]).toEqual({ [support]: "quarantine quarantined held" });
    expect(states[3]).toEqual({ [support]: "auto-reply done recorded" });
    const [delivered] = await aws.ports.ledger.recipients(mails[0]!.id);
    expect(delivered?.detail?.["path"]).toMatch(/^s3:\/\/.*\/mailboxes\/ann\/.*\.eml$/);
  });

  test("the gate answers SES, and the sweep finds nothing missing, or routes what the notice never told", async () => {
    const told = await aws.arrive({ to: [support] });
    expect(await aws.call("gate", told.lambda)).toEqual({ disposition: "CONTINUE" });
    await aws.call("journal", told.lambda);
    await aws.send(aws.config.names.objectQueue, told.object);
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(told.id)).toEqual({ [support]: "ticket done ticket-opened" });
    await aws.send(aws.config.names.objectQueue, told.object);
    expect(await aws.drain()).toBe(0);
    expect(await ticketOf(told.id)).toHaveLength(1);
  });

  test("a notice that comes twice, before and behind the journal and the sweep, makes one ticket", async () => {
    const { id, notice, lambda, object } = await aws.arrive({ to: [support] });
    for (const body of [notice, notice]) await aws.send(noticeQueue(), body);
    await aws.send(aws.config.names.objectQueue, object);
    expect(await aws.drain()).toBe(0);
    await aws.call("journal", lambda);
    await aws.send(noticeQueue(), notice);
    expect(await aws.drain()).toBe(0);
    expect(await ticketOf(id)).toMatchObject([{ entries: [{ sesMessageId: id }] }]);
    expect((await aws.ports.ledger.recipients(id))[0]).toMatchObject({ state: "done" });
  });

  test("a worker's message that overtakes the note of its sending is worked on", async () => {
    const { id, notice } = await aws.arrive({ to: [support] });
    await aws.send(noticeQueue(), notice);
    // `routed` never gets through; the message is in the queue all the same.
    aws.proxy.fault = ({ operation, body }) =>
      operation === "UpdateItem" && body.includes('":routed"') ? "unreachable" : undefined;
    expect(await aws.work(noticeQueue())).toEqual({ received: 1, failed: 1 });
    aws.proxy.fault = () => undefined;
    expect(await aws.work(ticketQueue())).toEqual({ received: 1, failed: 0 });
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(id)).toEqual({ [support]: "ticket done ticket-opened" });
    expect(await ticketOf(id)).toHaveLength(1);
  });

  test("throttling puts a record back with a delay: no receive, no attempt and no setback is spent", async () => {
    const { id, notice } = await aws.arrive({ to: [support] });
    await aws.send(noticeQueue(), notice);
    await aws.work(noticeQueue());
    aws.proxy.fault = ({ service }) =>
      service === "dynamodb" ? { status: 400, type: "ThrottlingException" } : undefined;
    expect(await aws.work(ticketQueue())).toEqual({ received: 1, failed: 0 });
    expect(await aws.ports.queues.counts(ticketQueue())).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
    aws.proxy.fault = () => undefined;
    const [record] = await aws.ports.ledger.recipients(id);
    expect(record).toMatchObject({ state: "routed", attempts: 0 });
    expect(record).not.toHaveProperty("cause");
  });

  test("a throttled router puts its notice back too; a queue that throttles it counts as throttling", async () => {
    const { notice } = await aws.arrive({ to: [support] });
    await aws.send(noticeQueue(), notice);
    let calls = 0;
    aws.proxy.fault = ({ service, body }) => {
      if (service !== "sqs" || !body.includes("stream-ticket")) return undefined;
      calls += 1;
      return { status: 400, type: "RequestThrottled" };
    };
    expect(await aws.work(noticeQueue())).toEqual({ received: 1, failed: 0 });
    expect(calls).toBeGreaterThan(1);
    expect((await aws.ports.queues.counts(noticeQueue())).delayed).toBe(1);
  });

  test("a key that may not be used fails the record with its name, and works when it may", async () => {
    const mail = await aws.arrive({ to: [support] });
    const place = storedObjectOf(aws.config, mail.id);
    const encrypted = await encryptForSes(
      mail.stored,
      { keyArn: aws.keyArn, ruleName: "store", account: aws.config.accountId, sesMessageId: mail.id },
      aws.ports.keys,
      (length) => new Uint8Array(randomBytes(length)),
    );
    await aws.ports.objects.put(place, encrypted.body, encrypted.metadata);
    await aws.send(noticeQueue(), mail.notice);
    await aws.work(noticeQueue());
    aws.proxy.fault = ({ service }) => (service === "kms" ? { status: 400, type: "AccessDeniedException" } : undefined);
    expect(await aws.work(ticketQueue())).toEqual({ received: 1, failed: 1 });
    const [record] = await aws.ports.ledger.recipients(mail.id);
    expect(record).toMatchObject({ state: "working", cause: expect.stringContaining("ERR_KEY_ACCESS_DENIED") });
    aws.proxy.fault = () => undefined;
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(mail.id)).toEqual({ [support]: "ticket done ticket-opened" });
  });

  test("an object that is missing fails the record until it is there", async () => {
    const mail = await aws.arrive({ to: [support] });
    const place = storedObjectOf(aws.config, mail.id);
    await aws.ports.objects.delete(place);
    await aws.send(noticeQueue(), mail.notice);
    await aws.work(noticeQueue());
    expect(await aws.work(ticketQueue())).toEqual({ received: 1, failed: 1 });
    const [record] = await aws.ports.ledger.recipients(mail.id);
    expect(record?.cause).toContain("ERR_OBJECT_NOT_FOUND");
    await aws.ports.objects.put(place, mail.stored);
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(mail.id)).toEqual({ [support]: "ticket done ticket-opened" });
  });

  test("a queue that cannot be reached leaves the others served, and the retry sends what is missing", async () => {
    const mail = await aws.arrive({ to: [support, "ann@example.com"] });
    await aws.send(noticeQueue(), mail.notice);
    aws.proxy.fault = ({ service, body }) =>
      service === "sqs" && body.includes("stream-ticket") ? "unreachable" : undefined;
    expect(await aws.work(noticeQueue())).toEqual({ received: 1, failed: 1 });
    expect(await aws.states(mail.id)).toEqual({ [support]: "ticket decided", "ann@example.com": "personal routed" });
    aws.proxy.fault = () => undefined;
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(mail.id)).toEqual({
      [support]: "ticket done ticket-opened",
      "ann@example.com": "personal done delivered",
    });
  });

  test("whoever is unsubscribed by mail, by one click or by a complaint that SES tells of is suppressed once", async () => {
    const { names } = aws.config;
    const complaint = {
      eventType: "Complaint",
      mail: { messageId: "0100018f-0000", timestamp: "2026-08-04T09:15:02.417Z", source: "news@example.com" },
      complaint: {
        feedbackId: "0100018f-feedback",
        complaintFeedbackType: "abuse",
        timestamp: "2026-08-04T10:15:02.417Z",
        complainedRecipients: [{ emailAddress: "carol@away.example" }],
      },
    };
    for (const body of [complaint, complaint]) await aws.send(names.feedbackQueue, body);
    const { notice } = await aws.arrive({ to: ["unsubscribe@example.com"], headers: { Subject: "unsubscribe" } });
    await aws.send(noticeQueue(), notice);
    expect(await aws.drain()).toBe(0);
    const list = await aws.ports.suppressions.list({ limit: 100 });
    expect(list.filter(({ address }) => address === "carol@away.example")).toMatchObject([{ reason: "complaint" }]);
    const page = await aws.call("one-click", {
      rawPath: "/u/none",
      headers: {},
      requestContext: { requestId: "r-1", http: { method: "GET", sourceIp: "192.0.2.1" } },
    });
    expect(page).toMatchObject({ statusCode: expect.any(Number) });
  });

  const isFinish = ({ operation, body }: Call) => operation === "UpdateItem" && body.includes("#o = :o");
  const isEffect = ({ operation }: Call) => operation === "TransactWriteItems";
  test.for<[string, (call: Call) => Fault | undefined]>([
    ["between its effect and the note of its end", (call) => (isFinish(call) ? "unreachable" : undefined)],
    ["when the end was noted, but nobody heard", (call) => (isFinish(call) ? "lost-answer" : undefined)],
    ["when the effect was done, but nobody heard", (call) => (isEffect(call) ? "lost-answer" : undefined)],
  ])("a worker that dies %s does nothing twice", async ([, fault]) => {
    const { id, notice } = await aws.arrive({ to: [support] });
    await aws.send(noticeQueue(), notice);
    await aws.work(noticeQueue());
    let spoilt = 0;
    aws.proxy.fault = (call) => {
      const found = fault(call);
      if (found) spoilt += 1;
      return found;
    };
    expect(await aws.work(ticketQueue())).toEqual({ received: 1, failed: 1 });
    expect(spoilt).toBeGreaterThan(0);
    aws.proxy.fault = () => undefined;
    expect(await aws.drain()).toBe(0);
    expect((await aws.states(id))[support]).toMatch(/^ticket done ticket-(?:opened|joined|repeated)$/);
    expect(await ticketOf(id)).toMatchObject([{ entries: [{ sesMessageId: id }] }]);
  });

  test("whatever AWS does to the functions: the safety net and the dead letters end every mail, each effect once", async () => {
    const seen = new Set<string>();
    for (let round = 0; round < (long ? 100 : 1); round++) {
      await aws.purge();
      for (const kind of await aws.unattributed(() => badDays(aws, seed + round, long ? 60 : 20))) seen.add(kind);
    }
    expect(seen.size).toBeGreaterThan(0);
  }, 3_000_000);

  test("injected losses: a stream message that was lost behind `routed` is told, and replayed", async () => {
    await aws.unattributed(() => putDeploymentRecord(aws));
    const at = new Date(Date.now() - 60 * 60_000);
    const { id, notice, lambda, object } = await aws.arrive({ to: [support], at });
    await aws.call("journal", lambda);
    await aws.send(noticeQueue(), notice);
    expect(await aws.work(noticeQueue())).toEqual({ received: 1, failed: 0 });
    const lost = await aws.ports.queues.receive(ticketQueue(), { max: 10 });
    await aws.ports.queues.delete(
      ticketQueue(),
      lost.map(({ receiptHandle }) => receiptHandle),
    );
    // The net under the router looks no further than that it was routed.
    await aws.send(aws.config.names.objectQueue, object);
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(id)).toEqual({ [support]: "ticket routed" });
    const stage = ["--stage", "test", "--endpoint-url", aws.proxy.endpoint];
    const operator = (command: readonly string[]) => aws.unattributed(() => callCli([...command, ...stage]));
    const dry = await operator(["replay", "--unfinished", "--dry-run", "--json"]);
    const told = dry.stdout.split("\n").filter((line) => line.includes(id));
    expect(told.map((line) => JSON.parse(line))).toMatchObject([{ kind: "to-streams", recipients: [support] }]);
    expect((await operator(["replay", "--unfinished"])).exit).toBe(0);
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(id)).toEqual({ [support]: "ticket done ticket-opened" });
    expect(await ticketOf(id)).toHaveLength(1);
  });

  describe("work that was lost", () => {
    const minute = 60_000;
    const find = () => aws.call("find-lost-work", {});
    const routed = async (at = new Date(Date.now() - 60 * minute)) => {
      const mail = await aws.arrive({ to: [support], at });
      await aws.call("journal", mail.lambda);
      await aws.send(noticeQueue(), mail.notice);
      expect(await aws.work(noticeQueue())).toEqual({ received: 1, failed: 0 });
      expect(await aws.states(mail.id)).toEqual({ [support]: "ticket routed" });
      return mail;
    };
    const causeOf = async (id: Awaited<ReturnType<typeof routed>>["id"]) =>
      (await aws.ports.ledger.recipients(id))[0]?.cause;

    test("behind its queue it is found, routed again from the stored mail, and done once", async () => {
      const { id } = await routed();
      await aws.purge();
      // Its queue may still bring it.
      await aws.backdate(id, support, 20 * minute);
      expect(await find()).toEqual({ sentAgain: 0, failed: 0 });
      await aws.backdate(id, support, 40 * minute);
      expect(await find()).toEqual({ sentAgain: 1, failed: 0 });
      expect(await causeOf(id)).toBe("lost from its queue before a worker took it, stream ticket; sent again");
      expect(await find()).toEqual({ sentAgain: 0, failed: 0 });
      expect(await aws.drain()).toBe(0);
      expect(await aws.states(id)).toEqual({ [support]: "ticket done ticket-opened" });
      expect(await ticketOf(id)).toHaveLength(1);
    });

    test("what waits in its queue is not lost, and what a look took for lost is done once all the same", async () => {
      const { id } = await routed();
      await aws.backdate(id, support, 6 * 24 * 60 * minute);
      expect(await find()).toEqual({ sentAgain: 0, failed: 0 });
      // Longer than a queue keeps anything, if its counts are to be believed or not.
      await aws.backdate(id, support, 8 * 24 * 60 * minute);
      expect(await find()).toEqual({ sentAgain: 1, failed: 0 });
      expect(await aws.drain()).toBe(0);
      expect(await aws.states(id)).toEqual({ [support]: "ticket done ticket-opened" });
      expect(await ticketOf(id)).toHaveLength(1);
    });

    test("a worker that took it and vanished with its message: the next one does it once", async () => {
      const { id } = await routed();
      const claimed = await aws.ports.ledger.claim(id, support);
      await aws.purge();
      await aws.backdate(id, support, 40 * minute);
      expect(await find()).toEqual({ sentAgain: 1, failed: 0 });
      if (claimed.kind !== "claimed") throw new Error("nothing to claim");
      // It was given up: whatever it still does is overtaken.
      expect(await aws.ports.ledger.finish(claimed.claim, { state: "done", outcome: "late" })).toBe(false);
      expect(await aws.drain()).toBe(0);
      expect(await aws.states(id)).toEqual({ [support]: "ticket done ticket-opened" });
    });

    test("a decision that was never sent is sent when the routers' queues are through", async () => {
      const mail = await aws.arrive({ to: [support], at: new Date(Date.now() - 4 * 60 * minute) });
      await aws.call("journal", mail.lambda);
      await aws.send(noticeQueue(), mail.notice);
      aws.proxy.fault = ({ service, body }) =>
        service === "sqs" && body.includes("stream-ticket") ? { status: 400, type: "AccessDenied" } : undefined;
      expect(await aws.work(noticeQueue())).toEqual({ received: 1, failed: 1 });
      aws.proxy.fault = () => undefined;
      expect(await aws.states(mail.id)).toEqual({ [support]: "ticket decided" });
      await aws.purge();
      await aws.backdate(mail.id, support, 60 * minute);
      expect(await find()).toEqual({ sentAgain: 0, failed: 0 });
      await aws.backdate(mail.id, support, 3 * 60 * minute);
      expect(await find()).toEqual({ sentAgain: 1, failed: 0 });
      expect(await aws.drain()).toBe(0);
      expect(await aws.states(mail.id)).toEqual({ [support]: "ticket done ticket-opened" });
    });

    test("without a stored mail, and after three times, it ends with the cause", async () => {
      const gone = await routed();
      const s3 = new S3Client({
        region: aws.config.region,
        endpoint: aws.proxy.endpoint,
        forcePathStyle: true,
        credentials: { accessKeyId: "test", secretAccessKey: "test" },
      });
      const { bucket, key } = storedObjectOf(aws.config, gone.id);
      await aws.unattributed(() => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
      const poison = await routed();
      for (let time = 1; time <= 3; time++) {
        await aws.purge();
        await aws.backdate(poison.id, support, 3 * 60 * minute);
        expect(await find()).toEqual({ sentAgain: 1, failed: 0 });
      }
      await aws.purge();
      await aws.backdate(poison.id, support, 3 * 60 * minute);
      await aws.backdate(gone.id, support, 40 * minute);
      expect(await find()).toEqual({ sentAgain: 0, failed: 2 });
      expect(await aws.states(gone.id)).toEqual({ [support]: "ticket failed" });
      expect(await causeOf(gone.id)).toContain("no stored mail is left to send again");
      expect(await causeOf(poison.id)).toContain("sent again 3 times before");
      expect(await find()).toEqual({ sentAgain: 0, failed: 0 });
    });
  });

  // The last one: it looks at what all of the above asked AWS for.
  test("no function asks for what its role does not allow", () => {
    expect([...aws.seen()].sort()).toEqual(
      expect.arrayContaining([
        "feedback",
        "find-lost-work",
        "journal",
        "route-notification",
        "route-object",
        "work-personal",
        "work-quarantine",
        "work-record",
        "work-ticket",
        "work-unsubscribe",
      ]),
    );
    expect(aws.forbidden()).toEqual([]);
  });
});
