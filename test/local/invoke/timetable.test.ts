import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { FunctionHost } from "../../../local/invoke/function-host.ts";
import { createTimetable } from "../../../local/invoke/timetable.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { fixedClock, testRandom, testTopology } from "../store/store-fixture.ts";

const hour = 3_600_000;

test("a timed function runs once in each interval, the first one over, whatever is restarted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-timetable-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clock = fixedClock();
  const random = testRandom(folder);
  const calls: string[] = [];
  const host = {
    invoke: async (name: string) => {
      calls.push(name);
      return { kind: "returned", value: undefined };
    },
  } as unknown as FunctionHost;
  const run = async () => {
    const store = await openStore({ folder, topology: testTopology, clock, random });
    const timetable = createTimetable({
      functions: [
        { name: "timed", arn: "arn:timed", timeoutMs: 1000, memoryMb: 128, everyMs: hour },
        { name: "other", arn: "arn:other", timeoutMs: 1000, memoryMb: 128 },
      ],
      database: store.database,
      host,
      clock,
      random,
      log: { info: () => {}, warn: () => {}, error: () => {} } as never,
    });
    await timetable.tick();
    await timetable.idle();
    const due = timetable.nextDue();
    await store.close();
    return due;
  };
  const began = clock.now().getTime();
  expect((await run())?.getTime()).toBe(began + hour);
  for (let quarter = 0; quarter < 3; quarter++) {
    clock.advance(hour / 4);
    await run();
  }
  expect(calls).toEqual([]);
  clock.advance(hour / 4);
  await run();
  await run();
  expect(calls).toEqual(["timed"]);
  clock.advance(3 * hour);
  await run();
  expect(calls).toEqual(["timed", "timed"]);
});
