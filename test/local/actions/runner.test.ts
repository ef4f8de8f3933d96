import { afterEach, beforeEach, expect, test } from "vitest";
import { createRunner, type Runner, type RunnerOptions } from "../../../local/actions/runner.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";
import { actions, type Engine, openEngine, rule } from "./engine-fixture.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await openEngine();
});
afterEach(() => engine.close());

function runner(given: Partial<RunnerOptions> = {}): Runner {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  return createRunner({ ...engine.options, store: engine.store.engine, log, ...given });
}

const acceptMany = async (count: number, rules = [rule("a", [actions.sync, actions.s3])]) => {
  const ids: SesMessageId[] = [];
  for (let number = 0; number < count; number += 1) ids.push(await engine.accept(rules));
  return ids;
};

test("runs as many at a time as it may, in the order in which they came, each once", async () => {
  const ids = await acceptMany(20);
  let now = 0;
  let most = 0;
  const order: string[] = [];
  engine.world.answer = async (payload) => {
    order.push(/"messageId":"([0-9a-v]{40})"/.exec(payload)?.[1] ?? "");
    now += 1;
    most = Math.max(most, now);
    await new Promise(setImmediate);
    now -= 1;
    return null;
  };
  const running = runner({ concurrency: 3 });
  for (const id of [...ids, ...ids]) running.enqueue(id);
  await running.drain();
  expect(most).toBe(3);
  expect(order).toEqual(ids);
  expect(await engine.store.engine.countUnended()).toBe(0);
});

test("resumes what had not ended, and tries again when an action is due", async () => {
  const ids = await acceptMany(3);
  engine.world.answer = async () => {
    throw new Error("away");
  };
  const first = runner();
  await first.resume();
  await first.drain();
  await first.close();
  expect(await engine.store.engine.countUnended()).toBe(3);

  engine.world.answer = async () => null;
  const second = runner();
  await second.resume();
  await second.drain();
  expect(await engine.store.engine.countUnended()).toBe(3);
  await second.tick(engine.clock.now());
  await second.drain();
  expect(await engine.store.engine.countUnended()).toBe(3);
  engine.clock.advance(1_000);
  await second.tick(engine.clock.now());
  await second.drain();
  expect(await engine.store.engine.countUnended()).toBe(0);
  expect(await engine.queue("notices")).toHaveLength(ids.length);
});

test("a store that fails costs time, not messages", async () => {
  const [id = "" as SesMessageId] = await acceptMany(1, [rule("a", [actions.s3])]);
  let broken = true;
  const store = {
    ...engine.store.engine,
    recordRun: (...given: Parameters<typeof engine.store.engine.recordRun>) =>
      broken ? Promise.reject(new Error("disk full")) : engine.store.engine.recordRun(...given),
  };
  const running = runner({ store });
  running.enqueue(id);
  await running.drain();
  expect(running.nextDue()).toEqual(new Date(engine.clock.now().getTime() + 1_000));
  broken = false;
  await running.tick(engine.clock.now());
  await running.drain();
  expect(await engine.store.engine.countUnended()).toBe(1);
  engine.clock.advance(1_000);
  await running.tick(engine.clock.now());
  await running.drain();
  expect(await engine.store.engine.countUnended()).toBe(0);
  expect(running.nextDue()).toBeUndefined();
});

test("a message that is not there any more is told of once, and not tried again", async () => {
  const [id = "" as SesMessageId] = await acceptMany(1);
  const told: string[] = [];
  const log = { info: () => undefined, warn: () => undefined, error: (message: string) => void told.push(message) };
  const running = runner({ log, store: { ...engine.store.engine, message: async () => undefined } });
  running.enqueue(id);
  await running.drain();
  expect(told).toEqual(["message cannot be run"]);
  expect(running.nextDue()).toBeUndefined();
});

test("messages that come back take turns with new ones", async () => {
  const [waiting, rest] = [await acceptMany(4), await acceptMany(4)];
  const order: string[] = [];
  engine.world.answer = async () => {
    throw new Error("away");
  };
  const running = runner({ concurrency: 1 });
  for (const id of waiting) running.enqueue(id);
  await running.drain();
  engine.clock.advance(1_000);
  const started = Promise.withResolvers<void>();
  engine.world.answer = async (payload) => {
    await started.promise;
    order.push(/"messageId":"([0-9a-v]{40})"/.exec(payload)?.[1] ?? "");
    return null;
  };
  await running.tick(engine.clock.now());
  for (const id of rest) running.enqueue(id);
  started.resolve();
  await running.drain();
  const fresh = order.map((id) => (rest as string[]).includes(id));
  expect(fresh.slice(1, 7)).toEqual(
    [true, false, true, false, true, false].map((value) => (fresh[1] ? value : !value)),
  );
  expect(order).toHaveLength(8);
});

test("closing waits for what runs and starts nothing more", async () => {
  const [first = "" as SesMessageId, second = "" as SesMessageId] = await acceptMany(2);
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<unknown>();
  engine.world.answer = () => {
    asked.resolve();
    return held.promise;
  };
  const running = runner({ concurrency: 1 });
  running.enqueue(first);
  running.enqueue(second);
  await asked.promise;
  const closing = running.close();
  held.resolve(null);
  await closing;
  expect(await engine.store.engine.unended({ limit: 10 })).toEqual([second]);
});
