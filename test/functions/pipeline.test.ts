import { afterEach, expect, test } from "vitest";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { releaseFromQuarantine } from "../../shared/streams/release.ts";
import { allTickets, mailsOf } from "../all-tickets.ts";
import { testConfig, testId } from "../shared/streams/stream-fixture.ts";
import { dyingPorts, openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";

const open: Pipeline[] = [];
afterEach(async () => {
  for (const pipeline of open.splice(0)) await pipeline.close();
});
async function start(config?: ResolvedConfig): Promise<Pipeline> {
  const pipeline = await openPipeline(config);
  open.push(pipeline);
  return pipeline;
}

const everyone = ["support@example.com", "unsubscribe@example.com", "ann@example.com"];
// A mail to the unsubscribe address counts when it asks for it.
const askedByEveryone = { to: everyone, headers: { Subject: "Unsubscribe" } };
const unsubscribed = async ({ ports }: Pipeline) =>
  (await ports.suppressions.list({ limit: 100 })).map(({ address }) => address);
const tickets = async ({ ports }: Pipeline) => allTickets(ports.tickets);

/** One effect each, whatever happened on the way. */
async function expectEachOnce(pipeline: Pipeline, id: Awaited<ReturnType<Pipeline["arrive"]>>["id"]) {
  expect(await pipeline.states(id)).toEqual({
    "support@example.com": expect.stringMatching(/^ticket done ticket-/),
    "unsubscribe@example.com": "unsubscribe done suppressed",
    "ann@example.com": "personal done delivered",
  });
  const all = await tickets(pipeline);
  expect(all.map(({ entries }) => entries.length)).toEqual([1]);
  expect(await unsubscribed(pipeline)).toEqual(["ann@sender.example"]);
  expect(Object.keys(await pipeline.maildirs()).length).toBe(1);
}

test("one mail to three streams ends as a ticket, a suppression and a delivery, byte for byte", async () => {
  const pipeline = await start();
  const { names } = pipeline.config;
  const events = await pipeline.arrive({ ...askedByEveryone, body: "Please\xa7\r\n.\r\n" });
  await pipeline.call("journal", events.lambda);
  await pipeline.queue(names.noticeQueue, events.notice);
  await pipeline.drain();
  await expectEachOnce(pipeline, events.id);
  const [path, text] = Object.entries(await pipeline.maildirs())[0] ?? [];
  expect(path).toMatch(/^ann\/new\//);
  expect(Buffer.from(text ?? "", "latin1").equals(events.stored)).toBe(true);
  expect(await pipeline.ports.ledger.meta(events.id)).toMatchObject({
    from: "ann@sender.example",
    recipients: everyone,
  });
  const [suppression] = await pipeline.ports.suppressions.list({ limit: 1 });
  expect(suppression).toMatchObject({
    list: "*",
    reason: "mailto",
    evidence: { sesMessageId: events.id, content: { kind: "s3", bucket: names.bucket } },
  });
});

test("the same notice and the S3 event twenty times in parallel: one ticket, one suppression, one delivery", async () => {
  const pipeline = await start();
  const { names } = pipeline.config;
  const events = await pipeline.arrive({ ...askedByEveryone });
  await pipeline.call("journal", events.lambda);
  for (let copy = 0; copy < 20; copy++) {
    await pipeline.queue(names.noticeQueue, events.notice);
    await pipeline.queue(names.objectQueue, events.object);
  }
  await Promise.all([pipeline.drain(), pipeline.drain(), pipeline.drain(), pipeline.drain()]);
  await pipeline.settle();
  await expectEachOnce(pipeline, events.id);
  for (const { name } of pipeline.topology.queues) {
    expect(await pipeline.ports.queues.counts(name)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(await pipeline.deadLetters(name)).toBe(0);
  }
});

test("a process that dies at any of its port calls, before or after: redelivery ends in one effect each", async () => {
  for (const when of ["before", "after"] as const) {
    for (let nth = 1; ; nth++) {
      const pipeline = await openPipeline();
      try {
        const events = await pipeline.arrive({ ...askedByEveryone });
        await pipeline.call("journal", events.lambda);
        await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
        const { ports, died } = dyingPorts(pipeline.ports, nth, when);
        await pipeline.drain(ports);
        if (!died()) {
          expect(nth).toBeGreaterThan(15);
          break;
        }
        await pipeline.settle();
        await expectEachOnce(pipeline, events.id);
      } finally {
        await pipeline.close();
      }
    }
  }
}, 120_000);

test.for<[string, (pipeline: Pipeline, events: Awaited<ReturnType<Pipeline["arrive"]>>) => Promise<unknown>]>([
  ["raw through the queue", ({ queue, config }, { notice }) => queue(config.names.noticeQueue, notice)],
  [
    "in SNS's envelope through the queue",
    ({ queue, config }, { notice }) =>
      queue(config.names.noticeQueue, {
        Type: "Notification",
        MessageId: "5f1c2b7e-0000-5a11-9c1d-2f0d5c3e7a10",
        TopicArn: config.names.noticeTopicArn,
        Message: JSON.stringify(notice),
        Timestamp: "2026-08-04T09:15:03.112Z",
        SignatureVersion: "1",
        Signature: "RVhBTVBMRQ==",
        SigningCertURL: "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000.pem",
        UnsubscribeURL: "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
      }),
  ],
  [
    "from the topic to the function",
    ({ call, config }, { notice }) =>
      call("route-notification", {
        Records: [
          {
            EventSource: "aws:sns",
            EventVersion: "1.0",
            EventSubscriptionArn: `${config.names.noticeTopicArn}:1`,
            Sns: {
              Type: "Notification",
              MessageId: "5f1c2b7e-0000-5a11-9c1d-2f0d5c3e7a10",
              TopicArn: config.names.noticeTopicArn,
              Subject: null,
              Message: JSON.stringify(notice),
              Timestamp: "2026-08-04T09:15:03.112Z",
              SignatureVersion: "1",
              Signature: "RVhBTVBMRQ==",
              SigningCertUrl: "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000.pem",
              UnsubscribeUrl: "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
              MessageAttributes: {},
            },
          },
        ],
      }),
  ],
  [
    "with the whole mail in it",
    ({ queue, config }, { contentNotice }) => queue(config.names.noticeQueue, contentNotice),
  ],
  [
    "never, but the S3 event does and the journal knows the envelope",
    async ({ call, queue, config }, { lambda, object }) => {
      await call("journal", lambda);
      await queue(config.names.objectQueue, object);
    },
  ],
])("the notice comes %s", async ([, tell]) => {
  const pipeline = await start();
  const events = await pipeline.arrive({ ...askedByEveryone });
  await tell(pipeline, events);
  await pipeline.drain();
  await expectEachOnce(pipeline, events.id);
});

test("neither notice nor journal: the safety net waits, then reads the header block and says what it cannot know", async () => {
  const pipeline = await start();
  const { names } = pipeline.config;
  const events = await pipeline.arrive({ ...askedByEveryone });
  await pipeline.queue(names.objectQueue, events.object);
  expect(await pipeline.drain()).toBe(1);
  expect(await pipeline.states(events.id)).toEqual({});
  await pipeline.settle();
  expect(await pipeline.states(events.id)).toEqual({ "support@example.com": "ticket done ticket-opened" });
  expect(await pipeline.ports.ledger.meta(events.id)).toMatchObject({
    from: "ann@sender.example",
    recipients: ["support@example.com"],
    recipientsIncomplete: true,
  });
});

test("the bucket's other objects are no mail", async () => {
  const pipeline = await start();
  const { object } = await pipeline.arrive({ ...askedByEveryone });
  const { names } = pipeline.config;
  for (const key of [
    `attachments/sha256-${"a".repeat(64)}`,
    `elsewhere/${testId(1)}`,
    "inbound/AMAZON_SES_SETUP_NOTIFICATION",
  ]) {
    const other = JSON.parse(JSON.stringify(object));
    other.Records[0].s3.object.key = key;
    await pipeline.queue(names.objectQueue, other);
  }
  expect(await pipeline.drain()).toBe(0);
  expect(await pipeline.states(testId(1))).toEqual({});
});

test.for<[string, TestMail]>([
  [
    "a vacation reply",
    {
      to: ["unsubscribe@example.com"],
      headers: {
        "Auto-Submitted": "auto-replied",
        "In-Reply-To": "<n@example.com>",
        Subject: "Out of office: unsubscribe",
      },
    },
  ],
  [
    "a DSN",
    {
      from: "",
      to: ["unsubscribe@example.com"],
      headers: {
        From: "MAILER-DAEMON@sender.example",
        "Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"',
        Subject: "Undelivered",
      },
      body: "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.sender.example\r\n\r\nFinal-Recipient: rfc822; x@sender.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n",
    },
  ],
  [
    "a forged From",
    {
      to: ["unsubscribe@example.com"],
      verdicts: { spf: "FAIL", dkim: "GRAY", dmarc: "FAIL", dmarcPolicy: "none" },
      headers: { Subject: "unsubscribe" },
    },
  ],
  [
    "a forged From whose domain asks to reject",
    { to: ["unsubscribe@example.com"], verdicts: { spf: "FAIL", dkim: "GRAY", dmarc: "FAIL", dmarcPolicy: "reject" } },
  ],
  [
    "a From that nothing proves",
    { from: "mallory@evil.example", to: ["unsubscribe@example.com"], verdicts: { dkim: "GRAY", dmarc: "GRAY" } },
  ],
  ["list mail", { to: ["unsubscribe@example.com"], headers: { "List-Id": "<news.sender.example>" } }],
])("%s to unsubscribe@ unsubscribes nobody, and ends with a state and reasons", async ([, mail]) => {
  const pipeline = await start();
  const events = await pipeline.arrive(mail);
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(await unsubscribed(pipeline)).toEqual([]);
  const record = await pipeline.record(events.id, "unsubscribe@example.com");
  expect(["done", "quarantined"]).toContain(record?.state);
  expect([...(record?.reasons ?? []), record?.detail?.["reasons"] ?? ""].join("")).not.toBe("");
});

test("more recipients than fit one queue message are all served", async () => {
  const pipeline = await start();
  const to = Array.from({ length: 60 }, (_, index) => `user${index}@example.com`);
  const events = await pipeline.arrive({ to: [...to, "USER1@example.com"] });
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  const states = await pipeline.states(events.id);
  expect(Object.keys(states).sort()).toEqual([...to].sort());
  expect(new Set(Object.values(states))).toEqual(new Set(["personal done delivered"]));
  expect(Object.keys(await pipeline.maildirs()).length).toBe(60);
});

test("one record of a batch is poison: the others are worked, it alone goes round to the dead letters", async () => {
  const pipeline = await start();
  const { names } = pipeline.config;
  const events = await pipeline.arrive({ to: ["support@example.com"] });
  await pipeline.queue(names.noticeQueue, "not JSON");
  await pipeline.queue(names.noticeQueue, events.notice);
  await pipeline.queue(names.streamQueue("ticket"), { version: 99 });
  expect(await pipeline.drain()).toBe(2);
  expect(await pipeline.states(events.id)).toEqual({ "support@example.com": "ticket done ticket-opened" });
  await pipeline.settle();
  expect(await pipeline.deadLetters(names.noticeQueue)).toBe(1);
  expect(await pipeline.deadLetters(names.streamQueue("ticket"))).toBe(1);
});

test("a queue that takes nothing fails only its own part, and the retry sends the rest", async () => {
  const pipeline = await start();
  const { names } = pipeline.config;
  const events = await pipeline.arrive({ ...askedByEveryone });
  await pipeline.queue(names.noticeQueue, events.notice);
  const ports = {
    ...pipeline.ports,
    queues: {
      ...pipeline.ports.queues,
      send: async (...[queue, messages]: Parameters<typeof pipeline.ports.queues.send>) =>
        queue === names.streamQueue("ticket")
          ? messages.map(({ id }) => ({ id, cause: "throttled" }))
          : pipeline.ports.queues.send(queue, messages),
    },
  };
  expect(await pipeline.drain(ports)).toBe(1);
  expect(await pipeline.states(events.id)).toMatchObject({
    "support@example.com": "ticket decided",
    "ann@example.com": "personal done delivered",
  });
  await pipeline.settle();
  await expectEachOnce(pipeline, events.id);
});

test("a worker that always fails ends its recipient failed with the cause, in the dead letters, and a redrive starts again", async () => {
  let broken = true;
  const config = testConfig({
    streams: {
      orders: {
        recipients: ["orders@example.com"],
        worker: async () => {
          if (broken) throw new Error("the order system is down");
          return { outcome: "ordered", detail: { order: "1207" } };
        },
      },
    },
  });
  const pipeline = await start(config);
  const queue = config.names.streamQueue("orders");
  const events = await pipeline.arrive({ to: ["orders@example.com", "ann@example.com"] });
  await pipeline.queue(config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(await pipeline.record(events.id, "orders@example.com")).toMatchObject({
    state: "working",
    cause: "Error: the order system is down",
  });
  await pipeline.settle();
  expect(await pipeline.record(events.id, "orders@example.com")).toMatchObject({
    state: "failed",
    attempts: 5,
    cause: "Error: the order system is down",
  });
  expect(await pipeline.deadLetters(queue)).toBe(1);
  expect(await pipeline.record(events.id, "ann@example.com")).toMatchObject({ state: "done" });

  broken = false;
  const [letter] = await pipeline.ports.queues.receive(`${queue}-dlq`, { max: 1 });
  await pipeline.queue(queue, letter?.body ?? "");
  await pipeline.drain();
  expect(await pipeline.record(events.id, "orders@example.com")).toMatchObject({
    state: "done",
    outcome: "ordered",
    detail: { order: "1207" },
    attempts: 6,
  });
});

/** A stream whose worker can be broken and mended, and what it worked on. */
function orders() {
  const state = { broken: false, worked: [] as string[] };
  const config = testConfig({
    streams: {
      orders: {
        recipients: ["orders@example.com"],
        worker: async ({ sesMessageId }) => {
          if (state.broken) throw new Error("down");
          state.worked.push(sesMessageId);
          return undefined;
        },
      },
    },
  });
  return { state, config };
}
const resent = { to: ["orders@example.com"], headers: { "Message-ID": "<same@sender.example>" } };

test("a sender that missed our 250 sends again: the copy waits for its original, and ends with it", async () => {
  const { state, config } = orders();
  const pipeline = await start(config);
  state.broken = true;
  for (const id of [testId(1), testId(2)]) {
    const { notice } = await pipeline.arrive({ ...resent, id });
    await pipeline.queue(config.names.noticeQueue, notice);
    await pipeline.drain();
  }
  expect(await pipeline.record(testId(2), "orders@example.com")).toMatchObject({
    state: "working",
    cause: expect.stringContaining("ERR_ORIGINAL_UNFINISHED"),
  });
  state.broken = false;
  await pipeline.settle();
  expect(state.worked).toEqual([testId(1)]);
  expect(await pipeline.record(testId(2), "orders@example.com")).toMatchObject({
    state: "done",
    outcome: "duplicate",
    duplicateOf: testId(1),
  });
});

test("a copy whose original failed acts itself", async () => {
  const { state, config } = orders();
  const pipeline = await start(config);
  state.broken = true;
  await pipeline.queue(config.names.noticeQueue, (await pipeline.arrive({ ...resent, id: testId(1) })).notice);
  await pipeline.settle();
  expect(await pipeline.record(testId(1), "orders@example.com")).toMatchObject({ state: "failed" });
  state.broken = false;
  await pipeline.queue(config.names.noticeQueue, (await pipeline.arrive({ ...resent, id: testId(2) })).notice);
  await pipeline.drain();
  expect(state.worked).toEqual([testId(2)]);
});

test("another body, or no Message-ID, makes no copy", async () => {
  const { state, config } = orders();
  const pipeline = await start(config);
  const mails: TestMail[] = [
    resent,
    { ...resent, body: "Something else\r\n" },
    { ...resent, headers: { "Message-ID": "" } },
    { ...resent, headers: { "Message-ID": "" } },
  ];
  for (const mail of mails) await pipeline.queue(config.names.noticeQueue, (await pipeline.arrive(mail)).notice);
  await pipeline.drain();
  expect(state.worked.length).toBe(4);
});

test("the same mail to two of our ticket addresses is one ticket", async () => {
  const config = testConfig({ streams: { ticket: { recipients: ["support@example.com", "help@example.com"] } } });
  const pipeline = await start(config);
  const events = await pipeline.arrive({ to: ["support@example.com", "help@example.com"] });
  await pipeline.queue(config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(await pipeline.states(events.id)).toEqual({
    "support@example.com": "ticket done ticket-opened",
    "help@example.com": "ticket done ticket-repeated",
  });
  expect((await tickets(pipeline)).map(({ entries }) => entries.length)).toEqual([1]);
});

test("answers thread for who takes part; a stranger's answer opens a related ticket", async () => {
  const pipeline = await start();
  const { names } = pipeline.config;
  const to = ["support@example.com"];
  const answers = {
    "In-Reply-To": "<q@sender.example>",
    References: "<q@sender.example>",
    Subject: "Re: Order 1207 #1",
  };
  const mails: TestMail[] = [
    { to, headers: { "Message-ID": "<q@sender.example>" } },
    { to, headers: { ...answers, "Message-ID": "<a@sender.example>" }, body: "And the invoice?\r\n" },
    { to, headers: { ...answers, "Message-ID": "<x@evil.example>", From: "mallory@evil.example" }, body: "Me too\r\n" },
  ];
  for (const mail of mails) {
    const events = await pipeline.arrive(mail);
    await pipeline.queue(names.noticeQueue, events.notice);
    await pipeline.drain();
  }
  expect(
    (await tickets(pipeline)).map(({ id, relatedTo, participants, entries }) => [
      id,
      relatedTo,
      participants,
      entries.length,
    ]),
  ).toEqual([
    [1, undefined, ["ann@sender.example"], 2],
    [2, 1, ["mallory@evil.example"], 1],
  ]);
});

test("a ticket's entry holds the author's own words, the quote apart, and its files as objects", async () => {
  const pipeline = await start();
  const { ports, config } = pipeline;
  const lines = [
    "--b",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "Please send the invoice again.",
    "",
    "On Tue, 4 Aug 2026 at 09:00, Support <support@example.com> wrote:",
    "> How can we help?",
    "",
    "--b",
    "Content-Type: application/pdf",
    'Content-Disposition: attachment; filename="../../etc/order.pdf"',
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from("%PDF order").toString("base64"),
    "--b--",
    "",
  ];
  const events = await pipeline.arrive({
    to: ["support@example.com"],
    headers: { "MIME-Version": "1.0", "Content-Type": "multipart/mixed; boundary=b" },
    body: lines.join("\r\n"),
  });
  await pipeline.queue(config.names.noticeQueue, events.notice);
  await pipeline.drain();
  const [entry] = (await tickets(pipeline)).flatMap(mailsOf);
  expect(entry).toMatchObject({
    text: "Please send the invoice again.",
    quote: expect.stringContaining("How can we help?"),
    author: { name: "Ann Lee", address: "ann@sender.example" },
    trust: "aligned",
    raw: { kind: "s3", bucket: config.names.bucket },
  });
  const [file] = entry?.attachments ?? [];
  expect(file?.fileName).toMatch(/^[^/\\]*order\.pdf$/);
  const { body } = await ports.objects.open(file?.object ?? { bucket: "", key: "" });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe("%PDF order");
});

test("a forward opens a ticket of its own, related to the one it forwards", async () => {
  const pipeline = await start();
  const to = ["support@example.com"];
  const forwarded = [
    "See below.",
    "",
    "---------- Forwarded message ---------",
    "From: Bob <bob@other.example>",
    "Date: Tue, 4 Aug 2026 at 09:00",
    "Subject: Order 1207",
    "To: Ann Lee <ann@sender.example>",
    "",
    "The parcel never came. Where is it? I have been waiting for two weeks now.",
    "",
  ];
  const mails: TestMail[] = [
    { to, headers: { "Message-ID": "<q@sender.example>" } },
    {
      to,
      headers: { "Message-ID": "<f@sender.example>", References: "<q@sender.example>", Subject: "Fwd: Order 1207" },
      body: forwarded.join("\r\n"),
    },
  ];
  for (const mail of mails) {
    await pipeline.queue(pipeline.config.names.noticeQueue, (await pipeline.arrive(mail)).notice);
    await pipeline.drain();
  }
  expect((await tickets(pipeline)).map(({ id, relatedTo }) => [id, relatedTo])).toEqual([
    [1, undefined],
    [2, 1],
  ]);
});

test("a complaint to a ticket address is recorded with what it is about", async () => {
  const pipeline = await start();
  const lines = [
    "--b",
    "Content-Type: text/plain",
    "",
    "This is an email abuse report.",
    "--b",
    "Content-Type: message/feedback-report",
    "",
    "Feedback-Type: abuse",
    "User-Agent: FBL/1.0",
    "Version: 1",
    "Original-Rcpt-To: <carol@other.example>",
    "",
    "--b",
    "Content-Type: message/rfc822",
    "",
    "Message-ID: <news-7@example.com>",
    "Subject: News",
    "",
    "Hello",
    "--b--",
    "",
  ];
  const events = await pipeline.arrive({
    to: ["support@example.com"],
    headers: { "Content-Type": "multipart/report; report-type=feedback-report; boundary=b", "MIME-Version": "1.0" },
    body: lines.join("\r\n"),
  });
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(await pipeline.states(events.id)).toEqual({ "support@example.com": "complaint done recorded" });
  expect(await pipeline.ports.records.list({ limit: 10 })).toMatchObject([
    {
      kind: "complaint",
      facts: {
        complaint: {
          feedbackType: "abuse",
          originalRecipient: "carol@other.example",
          originalMessageId: "<news-7@example.com>",
        },
      },
    },
  ]);
});

test("two answers to an unknown mail at once make one ticket", async () => {
  const pipeline = await start();
  const to = ["support@example.com"];
  for (const number of [1, 2, 3, 4]) {
    const headers = { References: "<root@sender.example>", Subject: "Re: Order #7" };
    const events = await pipeline.arrive({ to, headers, body: `Answer ${number}\r\n` });
    await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  }
  await pipeline.drain();
  expect((await tickets(pipeline)).map(({ entries }) => entries.length)).toEqual([4]);
});

test("a bounce in a person's mailbox is delivered, and recorded beside it", async () => {
  const pipeline = await start();
  const events = await pipeline.arrive({
    from: "",
    to: ["ann@example.com"],
    headers: {
      From: "MAILER-DAEMON@sender.example",
      Subject: "Undelivered Mail Returned to Sender",
      "Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"',
    },
    body: "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.sender.example\r\n\r\nFinal-Recipient: rfc822; x@sender.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n",
  });
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(await pipeline.record(events.id, "ann@example.com")).toMatchObject({
    state: "done",
    outcome: "delivered",
    detail: { mailbox: "ann", recorded: "bounce" },
  });
  expect(await pipeline.ports.records.list({ limit: 10 })).toMatchObject([
    {
      kind: "bounce",
      recipient: "ann@example.com",
      facts: { bounce: { recipients: [{ address: "x@sender.example", status: "5.1.1", kind: "hard" }] } },
    },
  ]);
});

test("a virus is held with its reasons, and a release ends where it was meant to, once, however often it is asked", async () => {
  const pipeline = await start();
  const { ports, config } = pipeline;
  const events = await pipeline.arrive({ ...askedByEveryone, verdicts: { virus: "FAIL" } });
  await pipeline.queue(config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(Object.values(await pipeline.states(events.id))).toEqual(Array(3).fill("quarantine quarantined held"));
  const held = await ports.quarantine.list({ limit: 10 });
  expect(held.map(({ recipient, intendedStream, reasons }) => [recipient, intendedStream, reasons])).toEqual([
    ["ann@example.com", "personal", ["virus verdict FAIL"]],
    ["support@example.com", "ticket", ["virus verdict FAIL"]],
    ["unsubscribe@example.com", "unsubscribe", ["virus verdict FAIL"]],
  ]);
  for (const recipient of everyone) {
    await Promise.all([1, 2, 3].map(() => releaseFromQuarantine(ports, config, events.id, recipient)));
  }
  await pipeline.drain();
  await expectEachOnce(pipeline, events.id);
  expect(await ports.quarantine.list({ limit: 10 })).toEqual([]);
  expect(await releaseFromQuarantine(ports, config, events.id, "ann@example.com")).toEqual({
    kind: "already-released",
  });
  expect(await releaseFromQuarantine(ports, config, testId(9), "ann@example.com")).toEqual({ kind: "unknown" });
});

test("a late copy of the quarantine's message does not undo a release", async () => {
  const pipeline = await start();
  const { ports, config } = pipeline;
  const events = await pipeline.arrive({ to: ["ann@example.com"], verdicts: { spam: "FAIL" } });
  await pipeline.queue(config.names.noticeQueue, events.notice);
  await pipeline.drain();
  const held = await ports.quarantine.get(events.id, "ann@example.com");
  await releaseFromQuarantine(ports, config, events.id, "ann@example.com");
  const [released] = await ports.queues.receive(config.names.streamQueue("personal"), { max: 1 });
  // The late copy is worked while the released message is in somebody's hands, whose claim it overtakes.
  await pipeline.queue(config.names.streamQueue("quarantine"), held?.message);
  await pipeline.drain();
  await ports.queues.delete(config.names.streamQueue("personal"), [released?.receiptHandle ?? ""]);
  await pipeline.settle();
  expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done delivered" });
  expect(await ports.quarantine.list({ limit: 1 })).toEqual([]);
});

test("a release that dies anywhere is carried on by the next one", async () => {
  for (const when of ["before", "after"] as const) {
    for (let nth = 1; ; nth++) {
      const pipeline = await openPipeline();
      try {
        const { config } = pipeline;
        const events = await pipeline.arrive({ to: ["ann@example.com"], verdicts: { spam: "FAIL" } });
        await pipeline.queue(config.names.noticeQueue, events.notice);
        await pipeline.drain();
        const { ports, died } = dyingPorts(pipeline.ports, nth, when);
        await releaseFromQuarantine(ports, config, events.id, "ann@example.com").catch(() => undefined);
        if (!died()) break;
        await releaseFromQuarantine(pipeline.ports, config, events.id, "ann@example.com");
        await pipeline.settle();
        expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done delivered" });
        expect(Object.keys(await pipeline.maildirs()).length).toBe(1);
        expect(await pipeline.ports.quarantine.list({ limit: 1 })).toEqual([]);
      } finally {
        await pipeline.close();
      }
    }
  }
}, 60_000);
