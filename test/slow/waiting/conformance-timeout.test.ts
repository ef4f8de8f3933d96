import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { actions, rule, startConformance } from "../../local/conformance-engine.ts";
import { row } from "../../local/conformance-rows.ts";

test(row(29), async () => {
  const started = await startConformance([rule("first", [actions.sync]), rule("second", [actions.s3])]);
  started.answer = async () => {
    await sleep(31_000);
    return { disposition: "CONTINUE" };
  };
  const id = await started.send();
  const [entry] = await started.engine.store.engine.actionLog(id as never);
  expect(entry).toMatchObject({ state: "pending", result: expect.stringContaining("30000 ms") });
  // What follows waits, as it does behind any failure of a synchronous function (a choice).
  expect(started.notices()).toEqual([]);
  started.answer = async () => null;
  await started.pass(2_000);
  expect(started.notices()).toHaveLength(1);
});
