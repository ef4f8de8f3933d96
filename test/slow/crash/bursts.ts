import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../seeded.ts";
import { prepareHome, sendUntilTrouble, startLife, untilSettled } from "./campaign.ts";
import { checkFolder } from "./checker.ts";
import { createMail, type Mail } from "./traffic.ts";

export interface BurstsOptions {
  readonly bursts: number;
  readonly mailsPerBurst: number;
  readonly seed: number;
  readonly onRest?: (rest: Rest) => void;
}

/** The engine behind a burst, when nothing is under way any more. */
export interface Rest {
  readonly mails: number;
  /** Alive in the thread that owns the store: the least of ten seconds, a collection before each reading. */
  readonly aliveBytes: number;
  /** Resident, all threads: the least of the same seconds. */
  readonly memoryBytes: number;
}

export interface BurstsResult {
  readonly rests: readonly Rest[];
  readonly faults: readonly string[];
}

const megabyte = 1_048_576;
const restSeconds = 10;
// As in a soak, but for what is alive: nothing is under way, so only caches may still fill.
const allowed = { aliveBytes: 2 * megabyte, memoryBytes: 32 * megabyte } as const;

/**
 * Mail as fast as it is taken, and rests in between. A steady load's readings move with what is under way and with what others leave
 * of the machine; at rest only what the engine keeps is there. The first half warms up: the second may not grow.
 */
export async function bursts({ bursts: count, mailsPerBurst, seed, onRest }: BurstsOptions): Promise<BurstsResult> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-bursts-"));
  const home = await prepareHome(folder);
  const life = startLife(home, folder, undefined, undefined, "bare");
  const faults: string[] = [];
  try {
    const { host, port } = await life.ready;
    const random = seeded(seed);
    const mails: Mail[] = [];
    const acknowledged = new Map<string, number>();
    const rests: Rest[] = [];
    for (let burst = 0; burst < count; burst++) {
      const waiting = Array.from({ length: mailsPerBurst }, (_, index) => createMail(mails.length + index + 1, random));
      mails.push(...waiting);
      const lanes = Array.from({ length: 8 }, async () => {
        while (waiting.length > 0 && life.child.exitCode === null)
          await sendUntilTrouble(host, port, waiting, acknowledged);
      });
      await Promise.all(lanes);
      if (life.child.exitCode !== null) throw new Error(`the engine ended: ${life.log().slice(-2_000)}`);
      const waits = await untilSettled(home.data, 300_000);
      if (waits !== undefined) faults.push(waits);
      const rest = await atRest(life.child.pid ?? 0, folder, mails.length);
      rests.push(rest);
      onRest?.(rest);
    }
    life.child.kill("SIGTERM");
    const { code } = await life.exited;
    if (code !== 0) faults.push(`the engine ended with ${code}`);
    faults.push(...checkFolder(home.data, { mails, acknowledged }).faults, ...growing(rests));
    return { rests, faults };
  } finally {
    life.child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function atRest(pid: number, folder: string, mails: number): Promise<Rest> {
  let rest: Rest = { mails, aliveBytes: Number.POSITIVE_INFINITY, memoryBytes: Number.POSITIVE_INFINITY };
  for (let second = 0; second < restSeconds; second++) {
    await sleep(1_000);
    const alive = Number(await readFile(join(folder, "memory"), "utf8"));
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
    rest = {
      mails,
      aliveBytes: Math.min(rest.aliveBytes, alive),
      memoryBytes: Math.min(rest.memoryBytes, resident),
    };
  }
  return rest;
}

/** What the last rests hold more than those in the middle, a sentence each. */
export function growing(rests: readonly Rest[]): readonly string[] {
  const warm = rests.slice(Math.floor(rests.length / 2));
  return Object.entries(allowed).flatMap(([name, most]) => {
    const values = warm.map((rest) => rest[name as keyof typeof allowed]);
    const growth = (values.at(-1) ?? 0) - (values[0] ?? 0);
    return growth > most ? [`${name} at rest grew by ${growth}, ${most} may pass`] : [];
  });
}
