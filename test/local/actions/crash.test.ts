import { afterEach, expect, test } from "vitest";
import type { RunMessageOptions } from "../../../local/actions/run-message.ts";
import { actions, type Engine, openEngine, otherTopicArn, rule } from "./engine-fixture.ts";

let engines: Engine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  engines = [];
});
const open = async () => {
  const engine = await openEngine();
  engines.push(engine);
  return engine;
};

class Crash extends Error {}

/** The store of an engine that dies at its n-th write: before it, or after it was committed and before that was known. */
function dying(store: RunMessageOptions["store"], at: number, when: "before" | "after"): RunMessageOptions["store"] {
  let count = 0;
  const wrapped: Record<string, unknown> = { ...store };
  wrapped["recordRun"] = async (...given: Parameters<typeof store.recordRun>) => {
    count += 1;
    if (count === at && when === "before") throw new Crash(`write ${at}`);
    await store.recordRun(...given);
    if (count === at) throw new Crash(`write ${at}`);
  };
  return wrapped as unknown as RunMessageOptions["store"];
}

const rules = [
  rule("store", [actions.s3, actions.addHeader]),
  rule("gate", [actions.sync]),
  rule("rejects", [actions.bounce], { recipients: ["a@shop.example"] }),
  rule("rest", [
    { ...actions.event, topicArn: otherTopicArn },
    actions.sns,
    { ...actions.s3, bucketName: "plain", kmsKeyArn: "arn:aws:kms:us-east-1:111122223333:alias/aws/ses" },
    actions.stop,
  ]),
  rule("never", [actions.bounce]),
];

/** Everything that the message did to the world, without what names the moment. */
async function traces(engine: Engine, id: Awaited<ReturnType<Engine["accept"]>>) {
  const now = engine.clock.now();
  const invocations = await engine.store.engine.takeInvocations(now, new Date(now.getTime() + 1), 100);
  return {
    log: (await engine.store.engine.actionLog(id)).map(({ ruleName, actionType, state, result }) => ({
      ruleName,
      actionType,
      state,
      result,
    })),
    object: (await engine.object(`inbound/${id}`)).toString("latin1"),
    encrypted: (await engine.object(`inbound/${id}`, "plain")).length,
    notices: await engine.queue("notices"),
    others: await engine.queue("others"),
    objectEvents: (await engine.queue("objects")).length,
    outbox: await engine.outbox(),
    invocations: invocations.map(({ payload }) => JSON.parse(payload) as unknown),
    unended: await engine.store.engine.countUnended(),
    counts: engine.store.database.read((sql) =>
      sql.all("SELECT * FROM rule_counts ORDER BY 1, 2").map((row) => ({ ...row })),
    ),
    authenticated: engine.world.authenticated,
  };
}

test("a message that is stopped at any write, and gone on with, does everything exactly once", async () => {
  const undisturbed = await open();
  const id = await undisturbed.accept(rules);
  await undisturbed.run(id);
  const expected = await traces(undisturbed, id);
  expect(expected).toMatchObject({ objectEvents: 1, unended: 0 });
  expect([expected.outbox, expected.invocations, expected.notices, expected.others].map((list) => list.length)).toEqual(
    [1, 1, 3, 1],
  );

  let crashes = 0;
  for (const when of ["before", "after"] as const) {
    for (let at = 1; ; at += 1) {
      const engine = await open();
      const again = await engine.accept(rules);
      const crashed = await engine.run(again, { store: dying(engine.options.store, at, when) }).then(
        () => false,
        (error: unknown) => {
          expect(error).toBeInstanceOf(Crash);
          return true;
        },
      );
      if (!crashed) break;
      crashes += 1;
      expect(await engine.store.engine.unended({ limit: 10 })).toEqual(at === 7 && when === "after" ? [] : [again]);
      expect(await engine.run(again)).toMatchObject({ kind: "ended", stoppedBy: { rule: "rest" } });
      // Only what was never recorded is found out again.
      const judged = when === "before" && at === 1 ? 2 : 1;
      // Write 2 begins the synchronous function, write 3 ends it. Between the two nobody knows what it had done: it failed, and
      // runs again.
      const cutOff = (at === 2 && when === "after") || (at === 3 && when === "before");
      const counts = cutOff
        ? [{ rule_name: "gate", metric: "PublishFailure", value: 1 }, ...expected.counts]
        : expected.counts;
      expect(await traces(engine, again), `${when} write ${at}`).toEqual({
        ...expected,
        counts,
        authenticated: judged,
      });
      const gate = (await engine.store.engine.actionLog(again)).find(({ ruleName }) => ruleName === "gate");
      expect(gate?.attempts).toBe(cutOff ? 2 : 1);
    }
  }
  expect(crashes).toBe(14);
});

test("a message that dies at every second write still ends, and does everything once", async () => {
  const engine = await open();
  const id = await engine.accept(rules);
  let runs = 0;
  for (; (await engine.store.engine.countUnended()) > 0; runs += 1) {
    await expect(engine.run(id, { store: dying(engine.options.store, 2, "after") })).rejects.toThrow(Crash);
  }
  expect(runs).toBe(4);
  const { outbox, invocations, notices, others, objectEvents } = await traces(engine, id);
  expect([outbox, invocations, notices, others].map((list) => list.length)).toEqual([1, 1, 3, 1]);
  expect(objectEvents).toBe(1);
});

test("a function that takes the engine down at each call is given up, and the message with it", async () => {
  const engine = await open();
  const id = await engine.accept(rules);
  let calls = 0;
  engine.world.answer = async () => {
    calls += 1;
    throw new Crash("the power went off");
  };
  // The engine ends during the call: nothing of its end is recorded.
  const mute = {
    ...engine.options.store,
    recordRun: async (...given: Parameters<RunMessageOptions["store"]["recordRun"]>) => {
      const [gate] = given[1].actions.flatMap(({ entry }) => (entry.ruleName === "gate" ? [entry] : []));
      if (gate && gate.result !== "begun, its answer is awaited" && calls <= 20) {
        throw new Crash("nobody is left to write");
      }
      return engine.options.store.recordRun(...given);
    },
  };
  for (let start = 1; start <= 20; start += 1) {
    await expect(engine.run(id, { store: mute })).rejects.toThrow(Crash);
    expect(calls).toBe(start);
  }
  calls = 100;
  expect(await engine.run(id, { store: mute })).toMatchObject({ kind: "ended", stoppedBy: { how: "given-up" } });
  expect(calls).toBe(100);
  const gate = (await engine.store.engine.actionLog(id)).find(({ ruleName }) => ruleName === "gate");
  expect(gate).toMatchObject({ state: "failed", result: "begun 20 times and never ended: it seems to end the engine" });
});
