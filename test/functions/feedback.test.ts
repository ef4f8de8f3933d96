import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createUnsubscriber, type Unsubscriber } from "../../shared/unsubscribe/sender.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { openPipeline, type Pipeline } from "./pipeline.ts";

const ann = "ann@sender.example";
let pipeline: Pipeline;
let sender: Unsubscriber;
beforeEach(async () => {
  pipeline = await openPipeline(testConfig({ streams: { bounce: { recipients: ["bounce@example.com"] } } }));
  sender = createUnsubscriber({
    secret: await pipeline.ports.secrets.keyRing(),
    mailto: "unsubscribe@example.com",
    url: "https://mail.example.com/u",
    bounces: "bounce@example.com",
  });
});
afterEach(() => pipeline.close());

const verp = (address = ann) => sender.envelopeSenderFor({ address, list: "news" });
const headersOf = (address = ann) =>
  Object.entries(sender.headersFor({ address, list: "news" }))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");

interface Report {
  readonly to?: string;
  readonly failed?: string;
  readonly status?: string;
  readonly returned?: string;
  readonly action?: string;
}

let reports = 0;
const dsn = ({ to = verp(), failed = ann, status = "5.1.1", returned = "", action = "failed" }: Report) => ({
  to: [to],
  from: "",
  headers: {
    From: "Mail Delivery System <mailer-daemon@relay.example>",
    To: to,
    Subject: "Undelivered Mail Returned to Sender",
    "Message-ID": `<dsn${reports++}@relay.example>`,
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"',
  },
  body:
    "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
    `Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; ${failed}\r\nAction: ${action}\r\nStatus: ${status}\r\n` +
    `Diagnostic-Code: smtp; ${status.startsWith("5") ? "550" : "452"} ${status} ${status === "5.1.1" ? "User unknown" : "Mailbox full"}\r\n` +
    `--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: news@example.com\r\nTo: ${failed}\r\nSubject: This week\r\n${returned}\r\n--b--\r\n`,
});

const arf = (type: string, returned: string, to = "support@example.com") => ({
  to: [to],
  from: "fbl@provider.example",
  headers: {
    From: "Feedback <fbl@provider.example>",
    Subject: "FW: This week",
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/report; report-type=feedback-report; boundary="b"',
  },
  body:
    "--b\r\nContent-Type: text/plain\r\n\r\nAn abuse report.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n" +
    `Feedback-Type: ${type}\r\nUser-Agent: fbl/1\r\nVersion: 1\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n` +
    `From: news@example.com\r\nTo: redacted\r\nSubject: This week\r\n${returned}\r\nThis week: ten things.\r\n--b--\r\n`,
});

async function arrive(mail: Parameters<Pipeline["arrive"]>[0]) {
  const events = await pipeline.arrive(mail);
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  return (await pipeline.ports.ledger.recipients(events.id))[0]!;
}
const check = (address = ann) => pipeline.ports.suppressions.check(sender.personOf(address));

describe("as mail", () => {
  test("an address that does not exist, tied by our token in the envelope: nothing more of any list", async () => {
    const record = await arrive(dsn({}));
    expect(record).toMatchObject({ stream: "bounce", state: "done", detail: { suppression: "suppressed" } });
    expect(await check()).toMatchObject({
      reason: "hard-bounce",
      list: "*",
      address: ann,
      evidence: { sesMessageId: record.sesMessageId },
    });
  });

  test("a mailbox that forwards bounces under another name: the token's person", async () => {
    await arrive(dsn({ failed: "old-mailbox@elsewhere.example" }));
    expect(await check()).toMatchObject({ reason: "hard-bounce" });
    expect(await check()).not.toHaveProperty("address");
    expect(await check("old-mailbox@elsewhere.example")).toBeUndefined();
  });

  test("tied by the header fields of the mail that it returns", async () => {
    const record = await arrive(dsn({ to: "support@example.com", returned: headersOf() }));
    expect(record).toMatchObject({ stream: "bounce", detail: { suppression: "suppressed" } });
    expect(await check()).toMatchObject({ reason: "hard-bounce", address: ann });
  });

  test("a report about somebody, by somebody, proves nothing", async () => {
    const record = await arrive(dsn({ to: "support@example.com" }));
    expect(record).toMatchObject({ stream: "bounce", state: "done", detail: { suppression: "none" } });
    const foreign = createUnsubscriber({
      secret: "a secret of somebody else's",
      mailto: "unsubscribe@example.com",
      bounces: "bounce@example.com",
    });
    await arrive(dsn({ to: foreign.envelopeSenderFor({ address: ann, list: "news" }) }));
    await arrive(dsn({ to: "support@example.com", returned: `${headersOf()}${headersOf("bob@other.example")}` }));
    expect(await pipeline.ports.suppressions.list({ limit: 10 })).toEqual([]);
  });

  test("a delay, and a delivery, are no bounce", async () => {
    await arrive(dsn({ action: "delayed", status: "4.4.1" }));
    await arrive(dsn({ action: "delivered", status: "2.0.0" }));
    expect(await check()).toBeUndefined();
  });

  test("the fifth soft bounce within two weeks suppresses for a month", async () => {
    for (let number = 1; number <= 5; number++) {
      expect(await check(), `before number ${number}`).toBeUndefined();
      await arrive(dsn({ status: "4.2.2" }));
    }
    expect(await check()).toMatchObject({ reason: "soft-bounce", until: "2026-09-03T09:15:02.417Z" });
    pipeline.clock.advance(31 * 86_400_000);
    expect(await check()).toBeUndefined();
  });

  test("a complaint, tied by the returned header", async () => {
    const record = await arrive(arf("abuse", headersOf()));
    expect(record).toMatchObject({ stream: "complaint", detail: { suppression: "suppressed" } });
    expect(await check()).toMatchObject({ reason: "complaint", list: "*", address: ann });
  });

  test("who says that it is no spam does not complain; and a forged complaint proves nothing", async () => {
    await arrive(arf("not-spam", headersOf()));
    await arrive(arf("abuse", `List-Unsubscribe: <mailto:${ann}>\r\n`));
    expect(await pipeline.ports.suppressions.list({ limit: 10 })).toEqual([]);
  });

  test("policy can leave it at writing it down", async () => {
    await pipeline.close();
    pipeline = await openPipeline(
      testConfig({
        streams: { bounce: { recipients: ["bounce@example.com"] } },
        unsubscribe: { bounces: { hard: false, soft: false }, complaints: false },
      }),
    );
    sender = createUnsubscriber({
      secret: await pipeline.ports.secrets.keyRing(),
      mailto: "unsubscribe@example.com",
      bounces: "bounce@example.com",
    });
    expect(await arrive(dsn({}))).toMatchObject({ detail: { suppression: "policy" } });
    await arrive(dsn({ status: "4.2.2" }));
    await arrive(arf("abuse", headersOf()));
    expect(await pipeline.ports.suppressions.list({ limit: 10 })).toEqual([]);
  });
});

describe("as SES tells it", () => {
  const gone = "gone@sender.example";
  const sample = async (name: string) =>
    JSON.parse(await readFile(`events/${name}.json`, "utf8")) as Record<string, unknown>;
  const tell = async (body: unknown) => {
    await pipeline.queue(pipeline.config.names.feedbackQueue, body);
    return pipeline.drain();
  };

  test("a permanent bounce, in both shapes, raw and in SNS's envelope, once however often", async () => {
    const notification = await sample("feedback-bounce");
    const { notificationType, ...rest } = notification;
    await tell(notification);
    await tell({ Type: "Notification", Message: JSON.stringify({ eventType: notificationType, ...rest }) });
    expect(await check(gone)).toMatchObject({
      reason: "hard-bounce",
      address: gone,
      since: "2026-08-04T09:10:02.000Z",
    });
    expect(await pipeline.ports.suppressions.history(sender.personOf(gone))).toHaveLength(1);
  });

  test("transient ones are counted", async () => {
    const { bounce, ...rest } = (await sample("feedback-bounce")) as { bounce: object };
    for (let number = 1; number <= 5; number++) {
      expect(await check(gone)).toBeUndefined();
      await tell({
        ...rest,
        bounce: { ...bounce, bounceType: "Transient", bounceSubType: "MailboxFull", feedbackId: `f${number}` },
      });
    }
    expect(await check(gone)).toMatchObject({ reason: "soft-bounce" });
  });

  test("a complaint, unless it says the opposite or leaves open whose it is", async () => {
    const { complaint, ...rest } = (await sample("feedback-complaint-event")) as { complaint: object };
    await tell({ ...rest, complaint: { ...complaint, complaintFeedbackType: "not-spam", feedbackId: "f1" } });
    const two = [gone, "other@sender.example"].map((emailAddress) => ({ emailAddress }));
    await tell({ ...rest, complaint: { ...complaint, complainedRecipients: two, feedbackId: "f2" } });
    expect(await check(gone)).toBeUndefined();
    await tell({ ...rest, complaint });
    expect(await check(gone)).toMatchObject({ reason: "complaint" });
  });

  test("a delivery changes nothing, and what is no feedback fails by itself", async () => {
    expect(await tell(await sample("feedback-delivery"))).toBe(0);
    expect(await tell({ hello: "world" })).toBe(1);
    expect(await tell("no JSON")).toBe(1);
    expect(await pipeline.ports.suppressions.list({ limit: 10 })).toEqual([]);
  });
});
