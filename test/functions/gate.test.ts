import { afterEach, expect, test } from "vitest";
import type { MailConfig } from "../../shared/config/types.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";

const open: Pipeline[] = [];
afterEach(async () => {
  for (const pipeline of open.splice(0)) await pipeline.close();
});
async function start(config: Partial<MailConfig>): Promise<Pipeline> {
  const pipeline = await openPipeline(testConfig(config));
  open.push(pipeline);
  return pipeline;
}

const rejects = [{ recipients: ["old@example.com"], template: "mailbox-does-not-exist" }] as const;
const vacation = { "Auto-Submitted": "auto-replied" };

test.for<[string, Partial<MailConfig>, TestMail, string]>([
  ["nothing is wrong", { gate: { virus: "drop" } }, { to: ["ann@example.com"] }, "CONTINUE"],
  [
    "a virus is dropped",
    { gate: { virus: "drop" } },
    { to: ["ann@example.com"], verdicts: { virus: "FAIL" } },
    "STOP_RULE_SET",
  ],
  [
    "spam is bounced",
    { gate: { spam: "bounce" } },
    { to: ["ann@example.com"], verdicts: { spam: "FAIL" } },
    "STOP_RULE_SET",
  ],
  [
    "what is quarantined reaches no later action",
    { gate: { spam: "bounce" } },
    { to: ["ann@example.com"], verdicts: { virus: "FAIL" } },
    "STOP_RULE_SET",
  ],
  [
    "a policy of nothing",
    { gate: { spam: "nothing" } },
    { to: ["ann@example.com"], verdicts: { spam: "FAIL" } },
    "CONTINUE",
  ],
  [
    "one recipient is to be rejected by a later rule",
    { rejects, gate: { spam: "drop" } },
    { to: ["ann@example.com", "old@example.com"], verdicts: { spam: "FAIL" } },
    "CONTINUE",
  ],
  ["a reject's bounce reaches a real sender", { rejects }, { to: ["old@example.com"] }, "CONTINUE"],
  [
    "a reject's bounce would be backscatter: SPF",
    { rejects },
    { to: ["old@example.com"], verdicts: { spf: "FAIL" } },
    "STOP_RULE",
  ],
  ["a reject's bounce would go to <>", { rejects }, { from: "", to: ["old@example.com"] }, "STOP_RULE"],
  [
    "a reject's bounce would go to a vacation program",
    { rejects },
    { to: ["old@example.com"], headers: vacation },
    "STOP_RULE",
  ],
])("%s", async ([, config, mail, disposition]) => {
  const pipeline = await start(config);
  const { lambda } = await pipeline.arrive(mail);
  expect(await pipeline.call("gate", lambda)).toEqual({ disposition });
});

test("the gate bounces once, the router records it, whichever comes first and however often", async () => {
  for (const order of ["gate first", "router first"] as const) {
    const pipeline = await start({ gate: { spam: "bounce" } });
    const { names } = pipeline.config;
    const events = await pipeline.arrive({
      to: ["ann@example.com", "support@example.com"],
      verdicts: { spam: "FAIL" },
    });
    const route = async () => {
      await pipeline.queue(names.noticeQueue, events.notice);
      await pipeline.drain();
    };
    if (order === "router first") await route();
    expect(await pipeline.call("gate", events.lambda)).toEqual({ disposition: "STOP_RULE_SET" });
    expect(await pipeline.call("gate", events.lambda)).toEqual({ disposition: "STOP_RULE_SET" });
    await route();
    expect(await pipeline.states(events.id)).toEqual({
      "ann@example.com": "- done bounced",
      "support@example.com": "- done bounced",
    });
    expect((await pipeline.store.ports.outbox.list({ limit: 10 })).length).toBe(1);
    expect(await pipeline.maildirs()).toEqual({});
  }
});

test("a bounce that would be backscatter is none: the mail is held instead", async () => {
  const pipeline = await start({ gate: { spam: "bounce" } });
  const events = await pipeline.arrive({ to: ["ann@example.com"], verdicts: { spam: "FAIL", spf: "GRAY" } });
  await pipeline.call("gate", events.lambda);
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "quarantine quarantined held" });
  expect((await pipeline.record(events.id, "ann@example.com"))?.reasons.join()).toContain("backscatter");
  expect(await pipeline.store.ports.outbox.list({ limit: 10 })).toEqual([]);
});

test("a rejected recipient is recorded and sent nowhere, the others are delivered", async () => {
  const pipeline = await start({ rejects });
  const events = await pipeline.arrive({ to: ["old@example.com", "ann@example.com"] });
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain();
  expect(await pipeline.states(events.id)).toEqual({
    "old@example.com": "- done rejected",
    "ann@example.com": "personal done delivered",
  });
});
