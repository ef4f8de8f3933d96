import { expect, test } from "vitest";
import type { BatchResponse } from "../../functions/batch.ts";
import type { Ports } from "../../shared/ports.ts";
import { buildSqsEvent } from "../../shared/receipt/sqs-event.ts";
import { allTickets, mailsOf } from "../all-tickets.ts";
import { fc } from "../property.ts";
import { seeded } from "../slow/seeded.ts";
import { type Events, openPipeline, type Pipeline } from "./pipeline.ts";

const long = process.env["MAILWEIR_LONG"] === "1";
const everyone = ["support@example.com", "unsubscribe@example.com", "ann@example.com"];

/** What a home does to a call. */
type Fault = "throttled" | "denied" | "timed out" | "answer lost" | "stale" | "hangs";

/** Calls of one invocation, spoilt by chance. A call that hangs goes on when `wake` is called, however late that is. */
function spoilt(ports: Ports, random: () => number, chance: number, hung: (() => void)[], whenHung: () => void): Ports {
  const earlier = new Map<string, unknown>();
  const fail = (code: string) => Object.assign(new Error(code), { code, retryable: true });
  const around = async (name: string, args: readonly unknown[], call: () => Promise<unknown>): Promise<unknown> => {
    const key = `${name} ${JSON.stringify(args).slice(0, 500)}`;
    const kinds: readonly Fault[] = ["throttled", "denied", "timed out", "answer lost", "stale", "hangs"];
    const fault = random() < chance ? kinds[Math.floor(random() * kinds.length)] : undefined;
    switch (fault) {
      case "throttled":
        throw fail("ERR_THROTTLED");
      case "denied":
        throw fail("ERR_ACCESS_DENIED");
      case "timed out":
        throw fail("ERR_TIMED_OUT");
      case "answer lost":
        await call();
        throw fail("ERR_ANSWER_LOST");
      case "stale":
        // Only these may be answered from a copy that lags behind.
        if (!stale.has(name)) break;
        return earlier.has(key) ? earlier.get(key) : name === "ledger.meta" ? undefined : [];
      case "hangs":
        whenHung();
        await new Promise<void>((resolve) => hung.push(resolve));
    }
    const answer = await call();
    if (stale.has(name) && !earlier.has(key)) earlier.set(key, answer);
    return answer;
  };
  const names = ["objects", "queues", "ledger", "suppressions", "tickets", "mailboxes", "records", "outbox"] as const;
  const wrapped = names.map((name) => {
    const port = new Proxy(ports[name], {
      get(target: object, property) {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== "function") return member;
        return (...args: readonly unknown[]) =>
          around(`${name}.${String(property)}`, args, async () => Reflect.apply(member, target, args) as unknown);
      },
    });
    return [name, port];
  });
  return { ...ports, ...(Object.fromEntries(wrapped) as Partial<Ports>) };
}
const stale = new Set(["ledger.recipients", "ledger.meta"]);

interface World {
  readonly pipeline: Pipeline;
  /** With whether the journal was told, and how many of its notices nobody lost. */
  readonly mails: (Events & { journalled: boolean; notices: number })[];
  readonly random: () => number;
  /** Invocations that outlived their time. */
  readonly hung: (() => void)[];
  poisoned: number;
}

type Step = (world: World) => Promise<void>;

const pick = <T>(list: readonly T[], index: number): T | undefined =>
  list.length === 0 ? undefined : list[index % list.length];

const arrive: Step = async ({ pipeline, mails }) => {
  const number = mails.length + 1;
  const mail = await pipeline.arrive({
    to: everyone,
    from: `person${number}@sender.example`,
    headers: { Subject: "Unsubscribe", From: `Person <person${number}@sender.example>` },
  });
  mails.push({ ...mail, journalled: false, notices: 0 });
};

/** One of the ways in which SES tells of a mail: late, twice, or never. */
const tell =
  (which: "notice" | "journal", index: number): Step =>
  async ({ pipeline, mails }) => {
    const mail = pick(mails, index);
    if (!mail) return;
    if (which === "notice") {
      mail.notices += 1;
      await pipeline.queue(pipeline.config.names.noticeQueue, mail.notice);
    } else {
      mail.journalled = true;
      await pipeline.call("journal", mail.lambda);
    }
  };

/** A batch of any queue through its function, which may fail, or not end; what it did may remain unacknowledged. */
const work =
  (index: number | string, max: number, chance: number, forgetful: boolean): Step =>
  async ({ pipeline, random, hung }) => {
    const { queues } = pipeline.ports;
    const working = [];
    for (const queue of pipeline.topology.queues) {
      if (queue.consumer && (await queues.counts(queue.name)).visible > 0) working.push(queue);
    }
    const queue = typeof index === "number" ? pick(working, index) : working.find(({ name }) => name === index);
    if (!queue?.consumer) return;
    const messages = [...(await queues.receive(queue.name, { max: Math.min(max, queue.consumer.batchSize) }))];
    if (messages.length === 0) return;
    // SQS keeps no order.
    messages.sort(() => random() - 0.5);
    let timeIsUp = () => {};
    const timeOut = new Promise<"timed out">((resolve) => {
      timeIsUp = () => resolve("timed out");
    });
    const ports = spoilt(pipeline.ports, random, chance, hung, timeIsUp);
    const event = buildSqsEvent(`arn:aws:sqs:us-east-1:000000000000:${queue.name}`, messages);
    const answer = pipeline.call(queue.consumer.functionName, event, ports).catch(() => "died" as const);
    const outcome = (await Promise.race([answer, timeOut])) as BatchResponse | "died" | "timed out";
    if (typeof outcome === "string" || forgetful) return;
    const failed = new Set(outcome.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const done = messages.filter(({ messageId }) => !failed.has(messageId));
    await queues.delete(
      queue.name,
      done.map(({ receiptHandle }) => receiptHandle),
    );
  };

/** A notice that the router may have begun with, and that nobody will ever see again. */
const lose: Step = async ({ pipeline, mails }) => {
  const { queues } = pipeline.ports;
  const lost = await queues.receive(pipeline.config.names.noticeQueue, { max: 1 });
  for (const { body } of lost) for (const mail of mails) if (body.includes(mail.id)) mail.notices -= 1;
  await queues.delete(
    pipeline.config.names.noticeQueue,
    lost.map(({ receiptHandle }) => receiptHandle),
  );
};

/** The router, most of its calls spoilt, and its notice gone behind it: decided, perhaps, and not sent. */
const routeAndLose =
  (at: number): Step =>
  async (world) => {
    await tell("notice", at)(world);
    await work(world.pipeline.config.names.noticeQueue, 10, 0.4, true)(world);
    world.pipeline.clock.advance(60 * 60_000);
    for (let count = 0; count < 10; count++) await lose(world);
  };

const wake: Step = async ({ hung }) => {
  hung.shift()?.();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const poison =
  (index: number, body: string): Step =>
  async (world) => {
    const { pipeline } = world;
    const streams = pipeline.config.streams.map(({ name }) => pipeline.config.names.streamQueue(name));
    await pipeline.queue(pick(streams, index) ?? "", body);
    world.poisoned += 1;
  };

const wait =
  (minutes: number): Step =>
  async ({ pipeline }) =>
    void pipeline.clock.advance(minutes * 60_000);

/** A step that a counterexample shows by its name. */
const named = (label: string, perform: Step) => ({ perform, [fc.toStringMethod]: () => label });
const index = fc.nat(20);
const step = fc.oneof(
  { weight: 2, arbitrary: fc.constant(named("arrive", arrive)) },
  { weight: 3, arbitrary: index.map((at) => named(`notice ${at}`, tell("notice", at))) },
  { weight: 2, arbitrary: index.map((at) => named(`journal ${at}`, tell("journal", at))) },
  {
    weight: 14,
    arbitrary: fc
      .record({
        at: index,
        max: fc.integer({ min: 1, max: 10 }),
        percent: fc.constantFrom(0, 10, 30),
        forget: fc.boolean(),
      })
      .map(({ at, max, percent, forget }) =>
        named(
          `work ${at} × ${max}, ${percent} %${forget ? ", unacknowledged" : ""}`,
          work(at, max, percent / 100, forget),
        ),
      ),
  },
  { weight: 2, arbitrary: fc.constant(named("wake", wake)) },
  { weight: 1, arbitrary: fc.constant(named("lose", lose)) },
  { weight: 2, arbitrary: index.map((at) => named(`route and lose ${at}`, routeAndLose(at))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(index, fc.constantFrom("no JSON", "{}", '{"version":99,"stream":"ticket"}'))
      .map(([at, body]) => named(`poison ${body}`, poison(at, body))),
  },
  { weight: 4, arbitrary: fc.constantFrom(1, 7, 16).map((minutes) => named(`wait ${minutes}`, wait(minutes))) },
);

test("whatever a home does to the functions: the safety net and a redrive end every mail, each effect once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 60, size: "max" }), fc.nat(), async (steps, seed) => {
      const pipeline = await openPipeline();
      try {
        const world: World = { pipeline, mails: [], random: seeded(seed), hung: [], poisoned: 0 };
        await arrive(world);
        for (const { perform } of steps) await perform(world);
        // The weather clears: whoever hung wakes up, the bucket's events come, time passes.
        while (world.hung.length > 0) await wake(world);
        for (const { object } of world.mails) await pipeline.queue(pipeline.config.names.objectQueue, object);
        await pipeline.settle();
        // What gave up says why, and goes on when it is sent back.
        for (const { id } of world.mails) {
          for (const record of await pipeline.ports.ledger.recipients(id)) {
            expect(["done", "failed"]).toContain(record.state);
            if (record.state === "failed") expect(record.cause).toMatch(/\S/);
          }
        }
        for (const { deadLetterQueue } of pipeline.topology.queues) {
          if (deadLetterQueue !== undefined) await pipeline.store.ports.queues.redrive(deadLetterQueue);
        }
        await pipeline.settle();
        await expectOnce(world);
      } finally {
        await pipeline.close();
      }
    }),
    { numRuns: long ? 1_000 : 40, seed: Number(process.env["MAILWEIR_SEED"] ?? 20_261_124), endOnFailure: !long },
  );
}, 3_000_000);

async function expectOnce({ pipeline, mails, poisoned }: World): Promise<void> {
  const entries = (await allTickets(pipeline.ports.tickets)).flatMap((ticket) => mailsOf(ticket));
  const ticketed = entries.map(({ sesMessageId }) => String(sesMessageId)).sort();
  const suppressed = (await pipeline.ports.suppressions.list({ limit: 100 })).map(
    ({ evidence }) => evidence.sesMessageId,
  );
  const delivered = Object.keys(await pipeline.maildirs());
  const told: Events[] = [];
  for (const mail of mails) {
    const states = await pipeline.states(mail.id);
    for (const state of Object.values(states)) expect(state).toMatch(/ done (?:ticket-|suppressed|delivered)/);
    if (mail.journalled || mail.notices > 0 || Object.keys(states).length === everyone.length) {
      expect(Object.keys(states).sort()).toEqual([...everyone].sort());
      told.push(mail);
      continue;
    }
    // Without notice and journal the header block names one recipient, and the envelope says that it may be incomplete.
    expect(Object.keys(states)).toEqual(everyone.slice(0, 1));
    expect((await pipeline.ports.ledger.meta(mail.id))?.recipientsIncomplete).toBe(true);
  }
  expect(ticketed).toEqual(mails.map(({ id }) => String(id)).sort());
  expect([...suppressed].sort()).toEqual(told.map(({ id }) => id).sort());
  expect(delivered).toHaveLength(told.length);
  for (const { id } of told) expect(delivered.filter((name) => name.includes(id))).toHaveLength(1);
  // Nothing is left but poison, in the dead letters.
  let dead = 0;
  for (const { name, deadLetterQueue } of pipeline.topology.queues) {
    expect(await pipeline.ports.queues.counts(name)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    if (deadLetterQueue !== undefined) dead += await pipeline.deadLetters(name);
  }
  expect(dead).toBe(poisoned);
}
