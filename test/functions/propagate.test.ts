import { Webhook } from "standardwebhooks";
import { afterEach, expect, test } from "vitest";
import type { AccountList, Ports } from "../../shared/ports.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { dyingPorts, openPipeline, type Pipeline } from "./pipeline.ts";
import { type Call, secret, useWebhookReceiver } from "./webhook-receiver.ts";

const receiver = useWebhookReceiver();
let pipeline: Pipeline;
afterEach(async () => {
  await pipeline.close();
});

async function start(): Promise<void> {
  const { webhook } = receiver;
  pipeline = await openPipeline(
    testConfig({
      unsubscribe: {
        lists: { news: {} },
        propagate: { sesAccountList: true, webhooks: { crm: webhook, news: { ...webhook, lists: ["news"] } } },
      },
    }),
    { env: { HOOK: secret } },
  );
}

const suppress = (list = "*", effect = "one") =>
  pipeline.ports.suppressions.suppress(
    { effect },
    {
      person: "a".repeat(26),
      address: "ann@sender.example",
      list,
      reason: "one-click",
      since: "2026-08-04T09:15:02.417Z",
      evidence: { note: "pressed the button" },
    },
  );

const idOf = ({ headers }: Call) => String(headers["webhook-id"]);
const stateOf = async (change: string, target: string) =>
  (await pipeline.ports.propagations.get(change, target))?.state;
const firstChange = "chg_000000000001";

test("a change reaches every endpoint that wants its list, signed", async () => {
  await start();
  await suppress("weekly");
  await pipeline.drain();
  expect(receiver.calls.map(idOf)).toEqual([`${firstChange}.crm`]);
  await suppress("news", "two");
  await pipeline.drain();
  expect(receiver.calls.map(idOf).sort()).toEqual([
    `${firstChange}.crm`,
    "chg_000000000002.crm",
    "chg_000000000002.news",
  ]);
  const [{ headers, body }] = receiver.calls as [Call];
  // The signature is checked against the time of this machine; the pipeline's clock stands in 2026 for ever.
  const timestamp = new Date(Number(headers["webhook-timestamp"]) * 1000);
  expect(timestamp).toEqual(new Date(Math.floor(pipeline.clock.now().getTime() / 1000) * 1000));
  expect(headers["webhook-signature"]).toBe(new Webhook(secret).sign(idOf(receiver.calls[0]!), timestamp, body));
  expect(JSON.parse(body)).toEqual({
    type: "suppression.created",
    timestamp: "2026-08-04T09:15:02.417Z",
    data: { person: "a".repeat(26), address: "ann@sender.example", list: "weekly", reason: "one-click" },
  });
});

test("20 duplicates of the change's message call each endpoint once", async () => {
  await start();
  await suppress();
  const [message] = await pipeline.ports.queues.receive(pipeline.config.names.propagateQueue, { max: 1 });
  for (let copy = 0; copy < 20; copy++) await pipeline.queue(pipeline.config.names.propagateQueue, message!.body);
  await Promise.all(Array.from({ length: 4 }, () => pipeline.drain()));
  await pipeline.settle();
  expect(receiver.calls.map(idOf).sort()).toEqual([`${firstChange}.crm`, `${firstChange}.news`]);
});

test("a failing endpoint is tried again under the same id, later and later, until it takes the change", async () => {
  await start();
  receiver.answers = [503, 302, 404];
  await suppress("weekly");
  await pipeline.drain();
  expect(await pipeline.ports.propagations.get(firstChange, "webhook:crm")).toMatchObject({
    state: "waiting",
    attempts: 1,
    cause: "HTTP 503",
  });
  await pipeline.drain();
  expect(receiver.calls).toHaveLength(1);
  for (const [seconds, called] of [
    [6, 2],
    [72, 3],
    [300, 3],
    [60, 4],
  ] as const) {
    pipeline.clock.advance(seconds * 1000);
    await pipeline.drain();
    expect(receiver.calls.length).toBe(called);
  }
  expect(new Set(receiver.calls.map(idOf))).toEqual(new Set([`${firstChange}.crm`]));
  expect(await stateOf(firstChange, "webhook:crm")).toBe("done");
});

test("410 stops for good", async () => {
  await start();
  receiver.answers = [410];
  await suppress("weekly");
  await pipeline.settle();
  expect(receiver.calls).toHaveLength(1);
  expect(await stateOf(firstChange, "webhook:crm")).toBe("stopped");
});

test("an endpoint that never answers well ends as a dead letter, and a redrive brings it there", async () => {
  await start();
  receiver.answers = Array.from({ length: 100 }, () => 500);
  await suppress("weekly");
  for (let hour = 0; hour < 60; hour++) await pipeline.settle();
  const { propagateQueue } = pipeline.config.names;
  expect(await stateOf(firstChange, "webhook:crm")).toBe("failed");
  expect(await pipeline.deadLetters(propagateQueue)).toBe(1);
  receiver.answers = [];
  await pipeline.store.ports.queues.redrive(`${propagateQueue}-dlq`);
  await pipeline.drain();
  expect(await stateOf(firstChange, "webhook:crm")).toBe("done");
});

test("the SES account list gets who wants nothing at all, and gives back who returns", async () => {
  await start();
  const done: string[] = [];
  const accountList: AccountList = {
    put: async (address, reason) => {
      done.push(`put ${address} ${reason}`);
      return "done";
    },
    remove: async (address) => {
      done.push(`remove ${address}`);
      return "done";
    },
  };
  const ports: Ports = { ...pipeline.ports, accountList };
  await suppress("news");
  await suppress("*", "two");
  await pipeline.drain(ports);
  expect(done).toEqual(["put ann@sender.example COMPLAINT"]);
  const removal = {
    person: "a".repeat(26),
    list: "*",
    at: "2026-08-05T00:00:00.000Z",
    evidence: { note: "came back" },
  };
  await pipeline.ports.suppressions.remove({ effect: "three" }, removal);
  await pipeline.drain(ports);
  expect(done.at(-1)).toBe("remove ann@sender.example");
  expect(JSON.parse(receiver.calls.at(-1)!.body)).toMatchObject({ type: "suppression.removed" });
});

test("a process that dies at any point loses no change: it is told after the restart, under one id", async () => {
  await start();
  for (let nth = 1; ; nth++) {
    receiver.calls = [];
    await suppress("weekly", `effect ${nth}`);
    const change = (await pipeline.ports.suppressions.history("a".repeat(26))).findLast(
      ({ kind }) => kind === "suppressed",
    )!;
    const { ports, died } = dyingPorts(pipeline.ports, nth, nth % 2 === 0 ? "before" : "after");
    await pipeline.drain(ports);
    await pipeline.settle();
    expect(new Set(receiver.calls.map(idOf)), `call ${nth}`).toEqual(new Set([`${change.id}.crm`]));
    expect(receiver.calls.length).toBeLessThanOrEqual(2);
    expect(await stateOf(change.id, "webhook:crm")).toBe("done");
    const removal = { person: "a".repeat(26), list: "weekly", at: "2026-08-05T00:00:00.000Z", evidence: { note: "x" } };
    await pipeline.ports.suppressions.remove({ effect: `remove ${nth}` }, removal);
    await pipeline.settle();
    if (!died()) {
      expect(nth).toBeGreaterThan(4);
      return;
    }
  }
});
