import { afterEach, expect, test } from "vitest";
import { discardHeld } from "../../shared/streams/discard.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { dyingPorts, openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";

let pipeline: Pipeline;
afterEach(() => pipeline?.close());

const support = "support@example.com";
const spam: TestMail = { to: [support], verdicts: { spam: "FAIL" } };
const dayMs = 86_400_000;

async function arrive(mail: TestMail, ports = pipeline.ports) {
  const { id, notice } = await pipeline.arrive(mail);
  await pipeline.queue(pipeline.config.names.noticeQueue, notice);
  await pipeline.drain(ports);
  return id;
}
const allow = (address: string) =>
  pipeline.ports.senders.allow({ address, by: "carol", at: "2026-08-04T09:00:00.000Z" });
const state = async (id: Awaited<ReturnType<typeof arrive>>) => (await pipeline.states(id))[support];

test("spam of an allowed sender goes on at once, and says why", async () => {
  pipeline = await openPipeline();
  await allow("ann@sender.example");
  const id = await arrive(spam);
  expect(await state(id)).toBe("ticket done ticket-opened");
  expect(await pipeline.ports.quarantine.list({ limit: 10 })).toEqual([]);
});

test.for<[string, TestMail]>([
  ["somebody else", { ...spam, headers: { From: "bob@sender.example" } }],
  ["an author that nothing proves", { ...spam, verdicts: { spam: "FAIL", spf: "GRAY", dkim: "GRAY", dmarc: "GRAY" } }],
  [
    "a forged author",
    { ...spam, verdicts: { spam: "FAIL", spf: "FAIL", dkim: "FAIL", dmarc: "FAIL", dmarcPolicy: "reject" } },
  ],
  ["a virus", { ...spam, verdicts: { spam: "FAIL", virus: "FAIL" } }],
  ["a virus alone", { ...spam, verdicts: { virus: "FAIL" } }],
  ["a virus scan that did not end", { ...spam, verdicts: { spam: "FAIL", virus: "PROCESSING_FAILED" } }],
])("an allowed sender lets through no mail of %s", async ([, mail]) => {
  pipeline = await openPipeline();
  await allow("ann@sender.example");
  expect(await state(await arrive(mail))).toMatch(/quarantined held$/);
});

test.for([
  "before",
  "after",
] as const)("killed %s any call, mail of an allowed sender is worked on once or held", async (when) => {
  for (let nth = 1; ; nth++) {
    pipeline = await openPipeline();
    await allow("ann@sender.example");
    const { id, notice } = await pipeline.arrive(spam);
    await pipeline.queue(pipeline.config.names.noticeQueue, notice);
    const dying = dyingPorts(pipeline.ports, nth, when);
    await pipeline.drain(dying.ports);
    await pipeline.settle();
    const held = (await pipeline.ports.quarantine.list({ limit: 10 })).length;
    const { tickets } = await pipeline.ports.tickets.list({ limit: 10 });
    expect(tickets.length, `call ${nth}`).toBeLessThan(2);
    if (tickets.length === 1) expect(await state(id)).toMatch(/^ticket done ticket-(?:opened|repeated)$/);
    else expect([await state(id), held], `call ${nth}`).toEqual(["quarantine quarantined held", 1]);
    await pipeline.close();
    if (!dying.died()) break;
  }
});

test("what was discarded is done, cannot be released, and says so", async () => {
  pipeline = await openPipeline();
  const id = await arrive(spam);
  expect(await discardHeld(pipeline.ports, id, support, "discarded")).toBe("discarded");
  expect(await discardHeld(pipeline.ports, id, support, "discarded")).toBe("ended");
  expect(await discardHeld(pipeline.ports, id, "nobody@example.com", "discarded")).toBe("unknown");
  expect(await state(id)).toBe("quarantine done discarded");
  expect(await pipeline.ports.quarantine.list({ limit: 10 })).toEqual([]);
});

test("what nobody releases expires after the configured days, and nothing before", async () => {
  pipeline = await openPipeline(testConfig({ quarantine: { days: 7 } }));
  const old = await arrive(spam);
  pipeline.clock.advance(5 * dayMs);
  const young = await arrive({ ...spam, headers: { "Message-ID": "<young@sender.example>" }, body: "Young\r\n" });
  pipeline.clock.advance(2 * dayMs + 1);
  expect(await pipeline.call("expire-quarantine", {})).toEqual({ expired: 1 });
  expect(await pipeline.call("expire-quarantine", {})).toEqual({ expired: 0 });
  expect(await state(old)).toBe("quarantine done expired");
  expect(await state(young)).toBe("quarantine quarantined held");
});
