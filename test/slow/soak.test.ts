import { expect, test } from "vitest";
import { growing } from "./crash/bursts.ts";
import { soak } from "./crash/soak.ts";
import { trendOf } from "./crash/trend.ts";

const minutes = Number(process.env["MAILWEIR_SOAK_MINUTES"] ?? 1.5);

test(
  `${minutes} minutes of steady load: memory, descriptors, log, spool and threads do not grow`,
  async () => {
    const { faults, acknowledged, trends } = await soak({ minutes, mailsPerSecond: 15, seed: 9 });
    console.info(`${acknowledged} mails; growth ${JSON.stringify(trends)}`);
    expect(faults).toEqual([]);
    expect(acknowledged).toBeGreaterThan(minutes * 60);
  },
  minutes * 60_000 + 600_000,
);

// A heap's saw teeth: 40 MB up and down every 7 seconds, with a hiccup now and then.
const teeth = (leakPerSecond: number) =>
  Array.from({ length: 300 }, (_, second) => ({
    atMs: second * 1_000,
    value: 100e6 + (second % 7) * 6e6 + (second % 61 === 0 ? 80e6 : 0) + leakPerSecond * second,
  }));

test("a trend is told from saw teeth, in both directions", () => {
  expect(trendOf(teeth(0)).growth).toBe(0);
  expect(trendOf(teeth(100_000)).growth).toBeCloseTo(100_000 * 299, -6);
  expect(trendOf(teeth(-100_000)).perSecond).toBeLessThan(-80_000);
  // A single late reading is no trend.
  const samples = teeth(0);
  expect(trendOf([...samples.slice(0, -1), { atMs: 299_000, value: 900e6 }]).growth).toBe(0);
});

test("what grows from rest to rest is told, what only warmed up is not", () => {
  const rests = (leak: number) =>
    Array.from({ length: 12 }, (_, index) => ({
      mails: (index + 1) * 5_000,
      aliveBytes: (45 + leak * index) * 1_048_576,
      memoryBytes: (Math.min(590, 450 + 30 * index) + leak * index) * 1_048_576,
    }));
  expect(growing(rests(0))).toEqual([]);
  expect(growing(rests(1))).toEqual([expect.stringMatching(/^aliveBytes at rest grew by 5242880, 2097152 may pass/)]);
  expect(growing(rests(8))).toHaveLength(2);
});
