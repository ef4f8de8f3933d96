import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

// A process of its own, so that its peak is the envelope's and not the test runner's.
const script = fileURLToPath(new URL("encryption-memory/round-trip.ts", import.meta.url));
const megabyte = 1024 * 1024;

interface Peak {
  readonly plainBytes: number;
  /** Above what the process had before, in octets. */
  readonly peakBytes: number;
}

async function roundTrip(plainBytes: number, cut: number): Promise<Peak> {
  const child = fork(script, [String(plainBytes), String(cut)], { execArgv: ["--expose-gc"] });
  const [peak] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`exit status ${code}`))),
  ])) as [Peak];
  return peak;
}

describe("a message of 40 MB, written as SES does to a file and read back", () => {
  test.for([
    ["in chunks of 64 KB", 65_536],
    ["in chunks of 1000 octets", 1000],
  ] as const)("%s: the memory it takes is the message, once", async ([, cut]) => {
    const { plainBytes, peakBytes } = await roundTrip(40 * megabyte, cut);
    expect(plainBytes).toBe(40 * megabyte);
    console.log(`peak ${(peakBytes / megabyte).toFixed(1)} MB for ${plainBytes / megabyte} MB`);
    // Everything is held until the tag is right; beside it only chunks and what the collector has not yet taken.
    expect(peakBytes).toBeGreaterThan(30 * megabyte);
    expect(peakBytes).toBeLessThan(64 * megabyte);
  });
});
