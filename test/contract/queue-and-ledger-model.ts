import { expect } from "vitest";
import type { Claim, Ledger, Queues, ReceivedQueueMessage } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { fc } from "../property.ts";
import { decisionFor, streamMessage } from "./opened.ts";

/** An adapter family as the model meets it: one queue with its dead letters, and a ledger. */
export interface ModelHome {
  readonly ports: { readonly ledger: Ledger; readonly queues: Queues };
  readonly queue: string;
  /** One of three mails. */
  readonly idOf: (number: number) => SesMessageId;
  /** Lets time pass. @param over - handles of messages that are visible again by then */
  readonly pass: (ms: number, over: readonly string[]) => Promise<void>;
  /** Puts dead letters back; answers whose mail they are about. */
  readonly redrive: () => Promise<readonly string[]>;
  /** Whether messages come in the order of their time. SQS promises none, nor when it looks whether one is dead. */
  readonly inOrder: boolean;
  /** Ends the process that holds the store and starts another; absent where none does. */
  readonly restart?: () => Promise<ModelHome>;
  /** Whether a message that becomes a dead letter ends its recipients; elsewhere its last worker does. */
  readonly deadLettersFail: boolean;
  /**
   * Whether a handle that is over changes nothing. SQS says nothing of the kind for its own (it may delete all the same), so
   * there only handles in force are used.
   */
  readonly oldHandlesAreNothing: boolean;
}

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
  readonly home: ModelHome;
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
    const { ledger, queues } = world.home.ports;
    const [record] = await ledger.decide([decisionFor(world.home.idOf(id), recipient)]);
    const model = world.records.get(id) ?? { state: "decided", attempts: 0 };
    world.records.set(id, model);
    expect(record).toMatchObject(model);
    // Send unless it is routed or more.
    if (stopBehind < 1 || model.state !== "decided") return;
    await queues.send(world.home.queue, [
      { id: "m", body: JSON.stringify(streamMessage(world.home.idOf(id), [recipient])) },
    ]);
    world.messages.push({ id, queue: "ticket", visibleAt: world.now, receives: 0, receipts: 0, handle: undefined });
    if (stopBehind < 2) return;
    await ledger.routed(world.home.idOf(id), [recipient]);
    model.state = "routed";
  };

const receive =
  (max: number): Step =>
  async (world) => {
    const { home } = world;
    const got = await home.ports.queues.receive(home.queue, { max });
    if (!home.inOrder) return receivedInAnyOrder(world, got, max);
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
        if (record && home.deadLettersFail && !ended.has(record.state)) record.state = "failed";
      } else {
        next.receives++;
        next.receipts++;
        next.visibleAt = world.now + visibilityMs;
        expected.push(next);
      }
    }
    expect(got.map((message) => [JSON.parse(message.body).sesMessageId, message.receiveCount])).toEqual(
      expected.map((model) => [world.home.idOf(model.id), model.receives]),
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
    const { model } = found;
    const valid =
      model.queue === "ticket" && model.handle === found.message.receiptHandle && model.visibleAt > world.now;
    if (!world.home.oldHandlesAreNothing && !(valid && world.messages.includes(model))) return;
    await world.home.ports.queues.delete(world.home.queue, [found.message.receiptHandle]);
    if (valid && world.messages.includes(model)) world.messages.splice(world.messages.indexOf(model), 1);
  };

const giveBack =
  (index: number): Step =>
  async (world) => {
    const found = pick(world.received, index);
    if (!found) return;
    const { model } = found;
    const valid =
      model.queue === "ticket" && model.handle === found.message.receiptHandle && model.visibleAt > world.now;
    if (!world.home.oldHandlesAreNothing && !(valid && world.messages.includes(model))) return;
    await world.home.ports.queues.changeVisibility(world.home.queue, found.message.receiptHandle, 0);
    if (valid && world.messages.includes(model)) model.visibleAt = world.now;
  };

const claim =
  (id: number): Step =>
  async (world) => {
    const result = await world.home.ports.ledger.claim(world.home.idOf(id), recipient);
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
    expect(await world.home.ports.ledger.finish(found.claim, { state, outcome: "x" })).toBe(valid);
    if (valid) model.state = state;
  };

const reopen =
  (id: number): Step =>
  async (world) => {
    const model = world.records.get(id);
    const valid = model?.state === "quarantined";
    expect(await world.home.ports.ledger.reopen(world.home.idOf(id), recipient, "personal")).toBe(valid);
    if (valid) model.state = "decided";
  };

const isExhausted = (world: World, message: ModelMessage) =>
  message.queue === "ticket" && message.receives >= maxReceives && message.visibleAt <= world.now;

/** What came is something that may come, and something came if there was anything. */
function receivedInAnyOrder(world: World, got: readonly ReceivedQueueMessage[], max: number): void {
  const mayCome = world.messages.filter(
    ({ queue, visibleAt, receives }) => queue === "ticket" && visibleAt <= world.now && receives < maxReceives,
  );
  expect(got.length).toBeLessThanOrEqual(max);
  expect(got.length > 0).toBe(mayCome.length > 0);
  for (const message of got) {
    const about = JSON.parse(message.body).sesMessageId;
    const at = mayCome.findIndex(
      ({ id, receives }) => world.home.idOf(id) === about && receives + 1 === message.receiveCount,
    );
    expect(at, `${about}, received ${message.receiveCount} times, is none that may come`).toBeGreaterThanOrEqual(0);
    const [model] = mayCome.splice(at, 1);
    if (!model) continue;
    Object.assign(model, {
      receives: model.receives + 1,
      visibleAt: world.now + visibilityMs,
      handle: message.receiptHandle,
    });
    world.received.push({ message, model });
  }
}

const redrive: Step = async (world) => {
  const letters = await world.home.redrive();
  const candidates = world.messages.filter((message) =>
    world.home.inOrder ? message.queue === "dead" : isExhausted(world, message),
  );
  if (world.home.inOrder) expect(letters).toHaveLength(candidates.length);
  for (const letter of letters) {
    const at = candidates.findIndex(({ id }) => world.home.idOf(id) === letter);
    expect(at, `${letter} is no dead letter`).toBeGreaterThanOrEqual(0);
    const [message] = candidates.splice(at, 1);
    if (!message) continue;
    const receipts = message.receipts + 1;
    Object.assign(message, { queue: "ticket", visibleAt: world.now, receives: 0, receipts, handle: undefined });
  }
};

const wait =
  (ms: number): Step =>
  async (world) => {
    const over = world.messages.filter(
      ({ queue, handle, visibleAt }) =>
        queue === "ticket" && handle !== undefined && visibleAt > world.now && visibleAt <= world.now + ms,
    );
    await world.home.pass(
      ms,
      over.flatMap(({ handle }) => handle ?? []),
    );
    world.now += ms;
  };

const restart: Step = async (world) => {
  const { restart: again } = world.home;
  if (again === undefined) return;
  const home = await again();
  // What the process before had in its hands comes back at once.
  for (const message of world.messages) {
    if (message.queue !== "ticket" || message.receives === 0 || message.visibleAt <= world.now) continue;
    message.visibleAt = world.now;
    message.handle = undefined;
    // A receive that the end of the process cut short does not count; from the twentieth end on it does.
    if (message.receipts < 40) message.receives--;
    message.receipts++;
  }
  Object.assign(world, { home });
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

export interface ModelOptions {
  readonly runs: number;
  readonly seed: number;
  readonly longest: number;
}

/** Runs random steps on a home and on the page of plain code above, and compares every answer. `open` begins with nothing. */
export async function compareWithModel(
  open: () => Promise<{ readonly home: ModelHome; readonly now: number }>,
  { runs, seed, longest }: ModelOptions,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: longest, size: "max" }), async (steps) => {
      const { home, now } = await open();
      const world: World = { home, messages: [], records: new Map(), received: [], claims: [], now };
      for (const { perform } of steps) await perform(world);
      for (const [id, model] of world.records) {
        expect((await world.home.ports.ledger.recipients(world.home.idOf(id)))[0]).toMatchObject(model);
      }
    }),
    { numRuns: runs, seed },
  );
}
