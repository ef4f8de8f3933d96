import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { logger } from "../../functions/stack.ts";
import type { DeliveryConfig, MailConfig } from "../../shared/config/types.ts";
import { headerValue, headerValues, parseHeaderSection } from "../../shared/mail/headers.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { dyingPorts, openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";

const open: Pipeline[] = [];
afterEach(async () => {
  for (const pipeline of open.splice(0)) await pipeline.close();
});

const smarthost = { host: "127.0.0.1", port: 2526, tls: "none" } as const;
const away = { forward: "ann@away.example" } as const;
async function start(
  entry: DeliveryConfig | readonly DeliveryConfig[] = away,
  more: Partial<MailConfig> = { local: { smarthost } },
): Promise<Pipeline> {
  const config = testConfig({
    streams: { personal: { recipients: ["example.com"], delivery: { "ann@example.com": entry } } },
    ...more,
  });
  const pipeline = await openPipeline(config, { sendsMail: true });
  open.push(pipeline);
  return pipeline;
}
async function send(pipeline: Pipeline, mail: Partial<TestMail> = {}) {
  const events = await pipeline.arrive({ to: ["ann@example.com"], ...mail });
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.settle();
  return events;
}
/** As `send`, and the envelope is written down as the journal does. */
async function arrived(pipeline: Pipeline, mail: Partial<TestMail> = {}) {
  const events = await pipeline.arrive({ to: ["ann@example.com"], ...mail });
  await pipeline.call("journal", events.lambda);
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  return events;
}
async function outgoing({ store }: Pipeline) {
  const due = await store.ports.outbox.takeOutgoing(new Date("2100-01-01"), new Date("2100-01-02"), 100);
  return Promise.all(
    due.map(async (entry) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.ports.outbox.open(entry.number) ?? []) chunks.push(chunk);
      const raw = Buffer.concat(chunks);
      return { ...entry, raw, headers: parseHeaderSection(raw).headers };
    }),
  );
}

test("through a smarthost: SRS envelope, only the target, From ours where only SPF vouched", async () => {
  const pipeline = await start();
  const events = await send(pipeline);
  expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done forwarded" });
  expect(await pipeline.maildirs()).toEqual({});
  const [mail, ...others] = await outgoing(pipeline);
  expect(others).toEqual([]);
  expect(mail).toMatchObject({ kind: "forward", about: events.id, recipients: [{ recipient: "ann@away.example" }] });
  expect(mail?.envelopeSender).toMatch(/^SRS0=[a-z2-7]{8}=..=sender\.example=ann@example\.com$/);
  expect(headerValue(mail?.headers ?? [], "From")).toBe('"Ann Lee via example.com" <forwarded@example.com>');
  expect(headerValue(mail?.headers ?? [], "Reply-To")).toBe("Ann Lee <ann@sender.example>");
  const { detail } = (await pipeline.record(events.id, "ann@example.com")) ?? {};
  expect(detail?.["forwarded"]).toMatch(/at least once.*From rewritten: no signature/);
});

test("as SES takes it: our own envelope sender", async () => {
  const pipeline = await start(away, {});
  await send(pipeline);
  expect(await outgoing(pipeline)).toMatchObject([{ envelopeSender: "forwarded@example.com" }]);
});

test.for<[string, Partial<TestMail>, RegExp]>([
  ["a bounce is forwarded from the null sender", { from: "" }, /^$/],
  ["a sender for whom SPF does not vouch gets no bounce", { verdicts: { spf: "FAIL" } }, /^forwarded@example\.com$/],
])("%s", async ([, mail, sender]) => {
  const pipeline = await start();
  await send(pipeline, mail);
  expect((await outgoing(pipeline))[0]?.envelopeSender).toMatch(sender);
});

test("mailbox and forward, and the same target twice: each once, however often the notice comes", async () => {
  const pipeline = await start([{ maildir: "ann" }, away, "bob@example.com"], {
    local: { smarthost },
    streams: {
      personal: {
        recipients: ["example.com"],
        delivery: { "ann@example.com": [{ maildir: "ann" }, away, "bob@example.com"], "bob@example.com": away },
      },
    },
  });
  const events = await pipeline.arrive({ to: ["ann@example.com", "bob@example.com"] });
  for (let copy = 0; copy < 20; copy++) await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await Promise.all([pipeline.drain(), pipeline.drain(), pipeline.drain()]);
  await pipeline.settle();
  expect(Object.keys(await pipeline.maildirs())).toHaveLength(1);
  expect(await outgoing(pipeline)).toHaveLength(1);
});

test("a mail that comes back is stopped and told once", async () => {
  const pipeline = await start();
  const events = await send(pipeline, { headers: { "X-Mailweir-Forwarded-For": "ann@example.com" } });
  expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done loop" });
  expect(await outgoing(pipeline)).toEqual([]);
});

test("too large: a notice, and the mail in the recipient's own Maildir", async () => {
  const pipeline = await start(away, { local: { smarthost }, personal: { forwarding: { maxBytes: 20_000 } } });
  const events = await send(pipeline, { body: `${"x".repeat(70)}\r\n`.repeat(400) });
  expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done delivered" });
  expect(Object.keys(await pipeline.maildirs())).toEqual([expect.stringMatching(/^ann\/new\//)]);
  const [notice] = await outgoing(pipeline);
  expect(notice).toMatchObject({ kind: "notice", recipients: [{ recipient: "ann@away.example" }] });
  expect(notice?.raw.toString()).toContain(events.id);
});

const dsn = (to: string, gone: string, status = "5.1.1") =>
  Buffer.from(
    [
      "From: MAILER-DAEMON@away.example",
      `To: ${to}`,
      "Subject: Undelivered",
      "Message-ID: <b1@away.example>",
      "MIME-Version: 1.0",
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
      "",
      "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.",
      "--b\r\nContent-Type: message/delivery-status\r\n",
      "Reporting-MTA: dns; mx.away.example\r\n",
      `Final-Recipient: rfc822; ${gone}\r\nAction: failed\r\nStatus: ${status}\r\nDiagnostic-Code: smtp; 550 ${status} no such user`,
      "",
      "--b--\r\n",
    ].join("\r\n"),
  );

test("a bounce finds its way to the original sender and pauses the target: a day, then 30", async () => {
  const pipeline = await start();
  await send(pipeline);
  const [first] = await outgoing(pipeline);
  const bounceTo = first?.envelopeSender ?? "";
  const bounce = await send(pipeline, {
    from: "",
    to: [bounceTo.toLowerCase()],
    raw: dsn(bounceTo, "ann@away.example"),
  });
  expect(Object.values(await pipeline.states(bounce.id))).toEqual(["personal done bounce-returned"]);
  const returned = (await outgoing(pipeline)).find(({ about }) => about === bounce.id);
  expect(returned).toMatchObject({ envelopeSender: "", recipients: [{ recipient: "ann@sender.example" }] });
  expect(headerValues(returned?.headers ?? [], "Return-Path")).toEqual([]);

  const suppressions = async () => pipeline.ports.suppressions.list({ limit: 10 });
  const [paused] = (await suppressions()).filter(({ list }) => list === "forwarding");
  expect(Date.parse(paused?.until ?? "") - Date.parse(paused?.since ?? "")).toBe(86_400_000);

  const meanwhile = await send(pipeline, { at: pipeline.clock.now() });
  const { detail } = (await pipeline.record(meanwhile.id, "ann@example.com")) ?? {};
  // `settle` lets hours pass: what matters is that the mail was kept while the pause lasted.
  if (detail?.["forwarded"]?.includes("paused")) expect(Object.keys(await pipeline.maildirs())).toHaveLength(1);
  else expect(detail?.["forwarded"]).toContain("ann@away.example as");
});

test("while a target is paused its mail lies in the recipient's Maildir", async () => {
  const pipeline = await start();
  const { pauseTarget } = await import("../../shared/delivery/pause-target.ts");
  const at = pipeline.clock.now().toISOString();
  const pause = (id: string, when: string) =>
    pauseTarget(pipeline.ports, { effect: id }, { address: "ann@away.example", at: when, note: "gone" });
  expect(await pause("1", at)).toBe("paused");
  expect(await pause("2", at)).toBe("already-paused");
  const events = await send(pipeline);
  expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done delivered" });
  expect(await outgoing(pipeline)).toEqual([]);
  pipeline.clock.advance(86_400_000);
  const later = pipeline.clock.now().toISOString();
  expect(await pause("3", later)).toBe("paused");
  const [again] = await pipeline.ports.suppressions.list({ limit: 10 });
  expect(Date.parse(again?.until ?? "") - Date.parse(later)).toBe(30 * 86_400_000);
});

test("a stranger cannot send through an SRS address: not with a mail, not with a changed one", async () => {
  const pipeline = await start();
  await send(pipeline);
  const [first] = await outgoing(pipeline);
  const address = (first?.envelopeSender ?? "").toLowerCase();
  const human = await send(pipeline, { to: [address] });
  const forged = await send(pipeline, {
    from: "",
    to: [address.replace("=ann@", "=eve@")],
    raw: dsn(address, "ann@away.example"),
  });
  for (const { id } of [human, forged]) {
    expect(Object.values(await pipeline.states(id))).toEqual(["personal done srs-refused"]);
  }
  // The first one is being sent; nothing came to it.
  expect(await outgoing(pipeline)).toEqual([]);
  expect(await pipeline.ports.suppressions.list({ limit: 10 })).toEqual([]);
});

test("SES's feedback about a forwarded mail pauses the target, and suppresses nobody", async () => {
  const pipeline = await start(away, {});
  const event = {
    notificationType: "Bounce",
    bounce: {
      bounceType: "Permanent",
      bouncedRecipients: [{ emailAddress: "ann@away.example" }],
      timestamp: pipeline.clock.now().toISOString(),
      feedbackId: "f1",
    },
    mail: { messageId: "m1", source: "forwarded@example.com" },
  };
  await pipeline.queue(pipeline.config.names.feedbackQueue, event);
  await pipeline.drain();
  expect(await pipeline.ports.suppressions.list({ limit: 10 })).toMatchObject([
    { list: "forwarding", until: expect.any(String) },
  ]);
});

const cameBack = (pipeline: Pipeline, messageId: string, more: object = {}) => ({
  eventType: "Bounce",
  bounce: {
    bounceType: "Permanent",
    bouncedRecipients: [{ emailAddress: "ann@away.example" }],
    timestamp: pipeline.clock.now().toISOString(),
    feedbackId: `f-${messageId}`,
    ...more,
  },
  mail: { messageId, source: "forwarded@example.com" },
});
const bouncesIn = async (pipeline: Pipeline) =>
  (await outgoing(pipeline)).filter(({ kind }) => kind === "bounce").map(({ recipients }) => recipients[0]?.recipient);
const ledTo = async (pipeline: Pipeline, id: SesMessageId) =>
  (await pipeline.ports.propagations.of(id)).map(({ target, state, cause }) => `${target} ${state}: ${cause}`);

test("a bounce is tied to its mail by the id that SES gave: its journey says so, and its sender is told once", async () => {
  const pipeline = await start(away, {});
  const { id } = await arrived(pipeline);
  const [forward] = await outgoing(pipeline);
  for (let repeats = 0; repeats < 3; repeats++) {
    await pipeline.queue(pipeline.config.names.feedbackQueue, cameBack(pipeline, forward!.messageId));
    await pipeline.drain();
  }
  expect(await ledTo(pipeline, id)).toEqual([
    expect.stringMatching(
      /^forward:ann@away\.example stopped: came back: SES bounce Permanent.*paused; the sender was told$/,
    ),
  ]);
  expect(await bouncesIn(pipeline)).toHaveLength(1);
});

test.for<[string, Partial<TestMail>, string, (readonly DeliveryConfig[])?]>([
  ["whose SPF did not pass", { verdicts: { spf: "FAIL" } }, "SPF did not pass"],
  ["from <>", { from: "", headers: { "Auto-Submitted": "auto-replied" } }, "from <>"],
  ["that a program wrote", { headers: { "Auto-Submitted": "auto-generated" } }, "a program wrote it"],
  ["that lies in a Maildir too", {}, "the mail has other places", [{ maildir: "ann" }, away]],
])("nobody is told of a mail %s, and its journey says why", async ([, mail, why, delivery]) => {
  const pipeline = await start(delivery ?? away, {});
  const { id } = await arrived(pipeline, mail);
  const [forward] = (await outgoing(pipeline)).filter(({ kind }) => kind === "forward");
  await pipeline.queue(pipeline.config.names.feedbackQueue, cameBack(pipeline, forward!.messageId));
  await pipeline.drain();
  expect(await ledTo(pipeline, id)).toEqual([expect.stringContaining(`the sender is not told: `)]);
  expect((await ledTo(pipeline, id))[0]).toContain(why);
  expect(await bouncesIn(pipeline)).toEqual([]);
});

test("a mail of more than a day is not bounced: SES would refuse", async () => {
  const pipeline = await start(away, {});
  const { id } = await arrived(pipeline);
  const [forward] = await outgoing(pipeline);
  pipeline.clock.advance(25 * 3_600_000);
  await pipeline.queue(pipeline.config.names.feedbackQueue, cameBack(pipeline, forward!.messageId));
  await pipeline.drain();
  expect((await ledTo(pipeline, id))[0]).toContain("older than SES bounces");
  expect(await bouncesIn(pipeline)).toEqual([]);
});

test("what the smarthost refuses for good comes back the same way; only a missing mailbox pauses the target", async () => {
  for (const [reply, isPaused] of [
    ["550 5.1.1 no such user", true],
    ["554 5.7.1 we do not like this mail", false],
  ] as const) {
    const pipeline = await start();
    const { id } = await arrived(pipeline);
    const [forward] = await outgoing(pipeline);
    await pipeline.store.ports.outbox.settleOutgoing(forward!.number, {
      recipients: [{ recipient: "ann@away.example", state: "failed", reply }],
    });
    await pipeline.drain();
    expect(await bouncesIn(pipeline)).toHaveLength(1);
    expect((await ledTo(pipeline, id))[0]).toContain("the sender was told");
    expect(await pipeline.ports.suppressions.list({ limit: 10 })).toHaveLength(isPaused ? 1 : 0);
  }
});

test("5 % of a day's forwards that come back are one alert", async () => {
  const alerts: unknown[] = [];
  const error = vi.spyOn(logger, "error").mockImplementation((...[, fields]) => void alerts.push(fields));
  onTestFinished(() => error.mockRestore());
  const pipeline = await start(away, {});
  for (let sent = 0; sent < 100; sent++) await pipeline.ports.tallies.add("forward-sent");
  const bounce = async (name: string) => {
    await pipeline.queue(pipeline.config.names.feedbackQueue, cameBack(pipeline, name));
    await pipeline.drain();
  };
  for (const name of ["a", "b", "c", "d"]) await bounce(name);
  expect(alerts).toEqual([]);
  for (const name of ["e", "f", "g"]) await bounce(name);
  expect(alerts).toEqual([{ sent: 100, bounced: 5, hours: 24 }]);
  pipeline.clock.advance(25 * 3_600_000);
  await bounce("h");
  expect(alerts).toHaveLength(1);
});

test("a forward is counted once, also when its notice comes again", async () => {
  const pipeline = await start(away, {});
  const events = await arrived(pipeline);
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.settle();
  expect(await pipeline.ports.tallies.sum("forward-sent", 48)).toBe(1);
});

test("the process dies at every call: the mail leaves once, and lies in the Maildir once", async () => {
  for (const when of ["before", "after"] as const) {
    for (let nth = 1; ; nth++) {
      const pipeline = await start([{ maildir: "ann" }, away]);
      const events = await pipeline.arrive({ to: ["ann@example.com"] });
      await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
      const { ports, died } = dyingPorts(pipeline.ports, nth, when);
      await pipeline.drain(ports);
      if (!died()) {
        expect(nth).toBeGreaterThan(10);
        break;
      }
      await pipeline.settle();
      expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done delivered" });
      expect(Object.keys(await pipeline.maildirs())).toHaveLength(1);
      expect(await outgoing(pipeline)).toHaveLength(1);
    }
  }
}, 120_000);
