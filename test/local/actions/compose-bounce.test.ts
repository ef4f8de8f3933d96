import { afterEach, beforeEach, expect, test } from "vitest";
import { BounceRefusedError } from "../../../local/actions/compose-bounce.ts";
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
