import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkPromised } from "./crash/checker.ts";
import { diskShim } from "./crash/disk-shim.ts";
import { cutPower } from "./crash/power-cut.ts";
import { cutsOf, judgeCuts, type RecordedRun, recordRun, restartBehindCut, syncs } from "./crash/record-run.ts";

// SIGKILL leaves the system's memory alone; a power cut does not. One recorded run is cut off at many places, each time
// without what was not synced, or with any part of it.
const seed = Number(process.env["MAILWEIR_SEED"] ?? 9);
const long = process.env["MAILWEIR_LONG"] === "1";

describe.runIf(diskShim() !== undefined)(`a power cut (needs a C compiler; seed ${seed})`, () => {
  let folder: string;
  let run: RecordedRun;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mailweir-power-"));
    run = await recordRun(join(folder, "run"), seed, 240);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("wherever it falls: what got its 250 is there, and so is every file that a row calls delivered", async () => {
    const { cuts, faults, acknowledged } = await judgeCuts(run, folder, cutsOf(run, seed, long ? 1_000 : 50));
    console.info(`${cuts} cuts in ${run.calls.length} calls; ${acknowledged} acknowledged mails looked for, all told`);
    expect(acknowledged).toBeGreaterThan(1_000);
    expect(faults.slice(0, 10)).toEqual([]);
  }, 3_000_000);

  test.for(Object.keys(syncs))("forgetting to sync %s would be found", async (name) => {
    const { faults } = await judgeCuts(run, folder, cutsOf(run, seed + 1, 30), syncs[name], "first");
    expect(faults).not.toEqual([]);
  });

  test("started again behind a cut, it finishes everything once; senders that heard nothing send again", async () => {
    for (const cut of cutsOf(run, seed + 2, long ? 40 : 4)) {
      expect((await restartBehindCut(run, join(folder, "again"), cut)).faults).toEqual([]);
    }
  }, 3_000_000);

  test("the rebuilt folder is the folder itself, when everything survives and nothing was cut", async () => {
    const whole = { at: run.calls.length, random: Math.random, survival: 1, sectorBytes: 512 } as const;
    await cutPower(run.calls, [whole], async (cut) => {
      await cut.rebuild(join(folder, "whole"));
      expect(cut.acknowledged).toEqual(new Set(run.acknowledged.keys()));
    });
    const record = { mails: run.mails, acknowledged: run.acknowledged };
    expect(checkPromised(join(folder, "whole"), record)).toEqual([]);
    // And a record with one mail too many is not believed.
    const invented = new Map([...run.acknowledged, ["a".repeat(40), 1]]);
    expect(checkPromised(join(folder, "whole"), { ...record, acknowledged: invented })).toHaveLength(1);
  });
});
