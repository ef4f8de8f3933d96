import fc from "fast-check";
import { expect, test } from "vitest";
import type { Claim, ReceivedQueueMessage } from "../../../shared/ports.ts";
import { decisionFor, streamMessage } from "../../contract/opened.ts";
import { openTemporary, type Temporary } from "./open-temporary.ts";
import { sesId } from "./store-fixture.ts";

/** A queue and a ledger as one would write them on a page: no database, no transaction, no batch. */
interface ModelMessage {
  readonly id: number;
  queue: "ticket" | "dead";
  visibleAt: number;
  receives: number;
  /** Never set back: a receive, a release, a move each count. */
  receipts: number;
  handle: string | undefined;
}
interface ModelRecord {
  state: "decided" | "routed" | "working" | "done" | "quarantined" | "failed";
  attempts: number;
}
interface World {
  readonly temporary: Temporary;
  readonly messages: ModelMessage[];
  readonly records: Map<number, ModelRecord>;
  readonly received: { message: ReceivedQueueMessage; model: ModelMessage }[];
  readonly claims: { claim: Claim; id: number }[];
  now: number;
}

const recipient = "ann@in.example";
const visibilityMs = 60_000;
const maxReceives = 3;
const ended = new Set(["done", "quarantined"]);

type Step = (world: World) => Promise<void>;
const pick = <T>(list: readonly T[], index: number): T | undefined =>
  list.length === 0 ? undefined : list[index % list.length];

/** decide, send, note `routed`: a fan-out that may stop behind any of the three. */
const route =
  (id: number, stopBehind: number): Step =>
  async (world) => {
    const { ledger, queues } = world.temporary.store.ports;
    const [record] = await ledger.decide([decisionFor(sesId(id), recipient)]);
    const model = world.records.get(id) ?? { state: "decided", attempts: 0 };
    world.records.set(id, model);
    expect(record).toMatchObject(model);
    // Send unless it is routed or more.
    if (stopBehind < 1 || model.state !== "decided") return;
    await queues.send("ticket", [{ id: "m", body: JSON.stringify(streamMessage(sesId(id), [recipient])) }]);
    world.messages.push({ id, queue: "ticket", visibleAt: world.now, receives: 0, receipts: 0, handle: undefined });
    if (stopBehind < 2) return;
    await ledger.routed(sesId(id), [recipient]);
    model.state = "routed";
  };

const receive =
  (max: number): Step =>
  async (world) => {
    const got = await world.temporary.store.ports.queues.receive("ticket", { max });
    const visible = () =>
      world.messages
        .filter((message) => message.queue === "ticket" && message.visibleAt <= world.now)
        .sort((a, b) => a.visibleAt - b.visibleAt || world.messages.indexOf(a) - world.messages.indexOf(b));
    const expected: ModelMessage[] = [];
    for (let next = visible()[0]; next && expected.length < max; next = visible()[0]) {
      if (next.receives >= maxReceives) {
        next.queue = "dead";
        next.receipts++;
        const record = world.records.get(next.id);
        if (record && !ended.has(record.state)) record.state = "failed";
      } else {
        next.receives++;
        next.receipts++;
        next.visibleAt = world.now + visibilityMs;
        expected.push(next);
      }
    }
    expect(got.map((message) => [JSON.parse(message.body).sesMessageId, message.receiveCount])).toEqual(
      expected.map((model) => [sesId(model.id), model.receives]),
    );
    for (const [index, message] of got.entries()) {
      const model = expected[index]!;
      model.handle = message.receiptHandle;
      world.received.push({ message, model });
    }
  };

const acknowledge =
  (index: number): Step =>
  async (world) => {
    const found = pick(world.received, index);
    if (!found) return;
    await world.temporary.store.ports.queues.delete("ticket", [found.message.receiptHandle]);
    const { model } = found;
    const valid =
      model.queue === "ticket" && model.handle === found.message.receiptHandle && model.visibleAt > world.now;
    if (valid && world.messages.includes(model)) world.messages.splice(world.messages.indexOf(model), 1);
  };

const giveBack =
  (index: number): Step =>
  async (world) => {
    const found = pick(world.received, index);
    if (!found) return;
    await world.temporary.store.ports.queues.changeVisibility("ticket", found.message.receiptHandle, 0);
    const { model } = found;
    const valid =
      model.queue === "ticket" && model.handle === found.message.receiptHandle && model.visibleAt > world.now;
    if (valid && world.messages.includes(model)) model.visibleAt = world.now;
  };

const claim =
  (id: number): Step =>
  async (world) => {
    const result = await world.temporary.store.ports.ledger.claim(sesId(id), recipient);
    const model = world.records.get(id);
    if (!model) {
      expect(result).toEqual({ kind: "unknown" });
    } else if (ended.has(model.state)) {
      expect(result.kind).toBe("ended");
    } else {
      model.attempts++;
      model.state = "working";
      expect(result).toMatchObject({ kind: "claimed", claim: { attempt: model.attempts } });
      if (result.kind === "claimed") world.claims.push({ claim: result.claim, id });
    }
  };

const finish =
  (index: number, state: "done" | "quarantined" | "failed"): Step =>
  async (world) => {
    const found = pick(world.claims, index);
    if (!found) return;
    const model = world.records.get(found.id)!;
    const valid = model.state === "working" && model.attempts === found.claim.attempt;
    expect(await world.temporary.store.ports.ledger.finish(found.claim, { state, outcome: "x" })).toBe(valid);
    if (valid) model.state = state;
  };

const reopen =
  (id: number): Step =>
  async (world) => {
    const model = world.records.get(id);
    const valid = model?.state === "quarantined";
    expect(await world.temporary.store.ports.ledger.reopen(sesId(id), recipient, "personal")).toBe(valid);
    if (valid) model.state = "decided";
  };

const redrive: Step = async (world) => {
  const dead = world.messages.filter((message) => message.queue === "dead");
  expect(await world.temporary.store.ports.queues.redrive("ticket-dlq")).toBe(dead.length);
  for (const message of dead) {
    const receipts = message.receipts + 1;
    Object.assign(message, { queue: "ticket", visibleAt: world.now, receives: 0, receipts, handle: undefined });
  }
};

const wait =
  (ms: number): Step =>
  async (world) => {
    world.temporary.clock.advance(ms);
    world.now += ms;
  };

const restart: Step = async (world) => {
  const store = await world.temporary.reopen();
  // What the process before had in its hands comes back at once.
  for (const message of world.messages) {
    if (message.queue !== "ticket" || message.receives === 0 || message.visibleAt <= world.now) continue;
    message.visibleAt = world.now;
    message.handle = undefined;
    // A receive that the end of the process cut short does not count; from the twentieth end on it does.
    if (message.receipts < 40) message.receives--;
    message.receipts++;
  }
  Object.assign(world, { temporary: { ...world.temporary, store } });
};

const mail = fc.integer({ min: 1, max: 3 });
const index = fc.nat(30);
/** A step that a counterexample shows by its name. */
const named = (label: string, perform: Step) => ({ perform, [fc.toStringMethod]: () => label });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(mail, fc.nat(2)).map(([id, stop]) => named(`route ${id} ${stop}`, route(id, stop))),
  },
  {
    weight: 5,
    arbitrary: fc.integer({ min: 1, max: 4 }).map((max) => named(`receive ${max}`, receive(max))),
  },
  { weight: 2, arbitrary: index.map((at) => named(`acknowledge ${at}`, acknowledge(at))) },
  { weight: 3, arbitrary: index.map((at) => named(`give back ${at}`, giveBack(at))) },
  { weight: 4, arbitrary: mail.map((id) => named(`claim ${id}`, claim(id))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(index, fc.constantFrom("done" as const, "quarantined" as const, "failed" as const))
      .map(([at, state]) => named(`finish ${at} ${state}`, finish(at, state))),
  },
  { weight: 1, arbitrary: mail.map((id) => named(`reopen ${id}`, reopen(id))) },
  { weight: 1, arbitrary: fc.constant(named("redrive", redrive)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, 30_000, 60_000, 61_000).map((ms) => named(`wait ${ms}`, wait(ms))),
  },
  { weight: 1, arbitrary: fc.constant(named("restart", restart)) },
);

test("queue and ledger do what a page of plain code does, whatever comes in which order", async () => {
  const temporary = await openTemporary();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120, size: "max" }), async (steps) => {
      // One folder for all runs: each begins with empty tables.
      const { store } = run++ === 0 ? temporary : { store: await temporary.reopen() };
      await store.database.write((tx) => {
        for (const table of ["queue_messages", "recipients", "ids"]) tx.run(`DELETE FROM ${table}`);
      });
      const world: World = {
        temporary: { ...temporary, store },
        messages: [],
        records: new Map(),
        received: [],
        claims: [],
        now: temporary.clock.now().getTime(),
      };
      for (const { perform } of steps) await perform(world);
      for (const [id, model] of world.records) {
        expect((await world.temporary.store.ports.ledger.recipients(sesId(id)))[0]).toMatchObject(model);
      }
    }),
    { numRuns: 60, seed: 20_260_804 },
  );
});
