import { afterEach, beforeEach, expect, test } from "vitest";
import { createBounceComposer } from "../../../local/actions/compose-bounce.ts";
import { BounceRefusedError } from "../../../shared/outgoing/bounce-refused.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";
import { type Engine, openEngine, rule } from "./engine-fixture.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await openEngine();
});
afterEach(() => engine.close());

const recipients = [
  { recipient: "a@shop.example", smtpReplyCode: "550", statusCode: "5.6.1", message: "Message content rejected" },
];
const bounce = (originalMessageId: SesMessageId, given: Partial<{ recipients: typeof recipients }> = {}) =>
  engine.store.ports.outbox.sendBounce({
    originalMessageId,
    bounceSender: "bounce@shop.example",
    recipients,
    ...given,
  });

test("SendBounce writes one DSN for a recipient, with the header section as it was stored", async () => {
  const id = await engine.accept([rule("a", [])]);
  await engine.run(id);
  const { messageId, repeated } = await bounce(id);
  expect(repeated).toBe(false);
  expect(await bounce(id)).toEqual({ messageId, repeated: true });
  const [dsn, ...more] = await engine.outbox();
  expect(more).toEqual([]);
  expect(dsn).toContain("Diagnostic-Code: smtp; 550 5.6.1 Message content rejected\r\n");
  expect(dsn).toMatch(
    /text\/rfc822-headers[\s\S]*Return-Path: <ann@sender\.example>[\s\S]*X-SES-RECEIPT[\s\S]*Subject: a\r\n\r\n\r\n--/,
  );
  expect(dsn).not.toContain("\r\nb\r\n");
});

test.for<[string, Parameters<Engine["accept"]>[1], Partial<{ recipients: typeof recipients }>, number]>([
  ["the null sender", { from: "" }, {}, 0],
  ["a message older than 24 hours", {}, {}, 86_400_001],
  [
    "a recipient it never had",
    {},
    { recipients: recipients.map((one) => ({ ...one, recipient: "x@shop.example" })) },
    0,
  ],
])("%s is refused for good", async ([, message, given, ageMs]) => {
  const id = await engine.accept([rule("a", [])], message);
  engine.clock.advance(ageMs);
  await expect(bounce(id, given)).rejects.toThrow(BounceRefusedError);
  expect(await engine.outbox()).toEqual([]);
});

test.for<[string, { raw?: string; spf?: "fail" | "softfail" | "none" }, RegExp]>([
  ["a sender that SPF refuses", { spf: "fail" }, /SPF did not pass for the sender \(FAIL\)/],
  ["a sender that publishes no SPF", { spf: "none" }, /SPF did not pass for the sender \(GRAY\)/],
  [
    "a vacation program",
    { raw: "From: ann@sender.example\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nb\r\n" },
    /automatic mail \(auto-reply/,
  ],
  [
    "a mailing list",
    { raw: "From: ann@sender.example\r\nList-Id: <l.sender.example>\r\nSubject: News\r\n\r\nb\r\n" },
    /automatic mail \(list/,
  ],
])("%s gets no bounce, unless the configuration says so", async ([, { raw, spf }, reason]) => {
  if (spf)
    engine.world.authentication = { ...engine.world.authentication, spf: { result: spf, domain: "sender.example" } };
  const id = await engine.accept([rule("a", [])], raw === undefined ? {} : { raw });
  await engine.run(id);
  await expect(bounce(id)).rejects.toThrow(reason);
  expect(await engine.outbox()).toEqual([]);
  const { clock, options, store } = engine;
  const compose = createBounceComposer({
    ...{ store: store.engine, region: "us-east-1", sign: options.sign, clock, random: options.tools.random },
    toAnySender: true,
  });
  const dsn = await compose({ originalMessageId: id, bounceSender: "bounce@shop.example", recipients });
  expect(dsn.to).toBe("ann@sender.example");
});

test("a message whose sender is not authenticated yet is not bounced yet", async () => {
  const id = await engine.accept([rule("a", [])]);
  await expect(bounce(id)).rejects.toThrow("not authenticated yet");
});
