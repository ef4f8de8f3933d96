import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../seeded.ts";
import { prepareHome, sendUntilTrouble, startLife, untilSettled } from "./campaign.ts";
import { checkFolder } from "./checker.ts";
import { createMail, type Mail } from "./traffic.ts";
import { type Trend, trendOf } from "./trend.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly mailsPerSecond: number;
  readonly seed: number;
  readonly onSample?: (sample: Sample) => void;
}

export interface Sample {
  readonly atMs: number;
  /** Resident, all threads. */
  readonly memoryBytes: number;
  /** Alive in the thread that owns the store, behind a collection. */
  readonly aliveBytes: number;
  readonly descriptors: number;
  readonly walBytes: number;
  readonly spoolFiles: number;
  readonly threads: number;
  readonly acknowledged: number;
}

export interface SoakResult {
  readonly samples: number;
  readonly acknowledged: number;
  readonly trends: Readonly<Record<keyof typeof allowed, Trend>>;
  /** What grew, lost or broke, a sentence each. */
  readonly faults: readonly string[];
}

const megabyte = 1_048_576;
// What a steady state may still move by over the whole time: caches that fill, one more thread, a burst in the log.
const allowed = {
  memoryBytes: 32 * megabyte,
  aliveBytes: 12 * megabyte,
  descriptors: 4,
  walBytes: 8 * megabyte,
  spoolFiles: 2,
  threads: 1,
} as const;
// SQLite's bound (database.ts) and what one transaction may add to it.
const maxWalBytes = 80 * megabyte;
// V8 and malloc take what they like for about two minutes before they stay where they are.
const settlingMinutes = 3;

/**
 * A steady load for a while; the first third warms up and does not count. Resident memory is judged when that third is long
 * enough for it to settle; what is alive, always.
 */
export async function soak({ minutes, mailsPerSecond, seed, onSample }: SoakOptions): Promise<SoakResult> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-soak-"));
  const home = await prepareHome(folder);
  const life = startLife(home, folder, undefined, undefined, "bare");
  const faults: string[] = [];
  try {
    const ready = await Promise.race([life.ready, life.exited.then(() => undefined)]);
    if (!ready) throw new Error(`the engine did not start: ${life.log()}`);
    const random = seeded(seed);
    const mails: Mail[] = [];
    const waiting: Mail[] = [];
    const acknowledged = new Map<string, number>();
    const began = Date.now();
    const endsAt = began + minutes * 60_000;
    let over = false;
    void life.exited.then(() => {
      over = true;
    });
    const lanes = Array.from({ length: 8 }, async () => {
      while (!over && Date.now() < endsAt) {
        if (waiting.length === 0) await sleep(20);
        else await sendUntilTrouble(ready.host, ready.port, waiting, acknowledged);
      }
    });
    const samples: Sample[] = [];
    for (let next = began + 1_000; Date.now() < endsAt && !over; next += 1_000) {
      const due = Math.floor(((Date.now() - began) / 1_000) * mailsPerSecond);
      // A machine that is too slow gets no heap of mails that wait in this process.
      while (mails.length < due && waiting.length < 10 * mailsPerSecond) {
        const mail = createMail(mails.length + 1, random);
        mails.push(mail);
        waiting.push(mail);
      }
      const sample = await look(life.child.pid ?? 0, folder, home.data, Date.now() - began, acknowledged.size);
      samples.push(sample);
      onSample?.(sample);
      await sleep(Math.max(0, next - Date.now()));
    }
    await Promise.all(lanes);
    while (waiting.length > 0 && !over) await sendUntilTrouble(ready.host, ready.port, waiting, acknowledged);
    if (over) faults.push(`the engine ended: ${life.log().slice(-2_000)}`);
    const waits = over ? undefined : await untilSettled(home.data, 300_000);
    if (waits !== undefined) faults.push(waits);
    life.child.kill("SIGTERM");
    const { code } = await life.exited;
    if (code !== 0) faults.push(`the engine ended with ${code}`);
    faults.push(...checkFolder(home.data, { mails, acknowledged }).faults);

    const steady = samples.filter(({ atMs }) => atMs >= (minutes * 60_000) / 3);
    const trends = Object.fromEntries(
      Object.keys(allowed).map((name) => [
        name,
        trendOf(steady.map((sample) => ({ atMs: sample.atMs, value: sample[name as keyof typeof allowed] }))),
      ]),
    ) as Record<keyof typeof allowed, Trend>;
    for (const [name, { growth }] of Object.entries(trends)) {
      if (name === "memoryBytes" && minutes / 3 < settlingMinutes) continue;
      const most = allowed[name as keyof typeof allowed];
      if (growth > most)
        faults.push(`${name} grew by ${Math.round(growth)} within ${minutes} minutes, ${most} may pass`);
    }
    const wal = Math.max(...samples.map(({ walBytes }) => walBytes));
    if (wal > maxWalBytes) faults.push(`the write-ahead log reached ${wal} octets`);
    return { samples: samples.length, acknowledged: acknowledged.size, trends, faults };
  } finally {
    life.child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function look(pid: number, folder: string, data: string, atMs: number, acknowledged: number): Promise<Sample> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const count = (folder: string) =>
    readdir(folder).then(
      ({ length }) => length,
      () => 0,
    );
  return {
    atMs,
    memoryBytes: number("VmRSS") * 1_024,
    aliveBytes: Number(await readFile(join(folder, "memory"), "utf8").catch(() => "0")),
    descriptors: await count(`/proc/${pid}/fd`),
    walBytes: await stat(join(data, "mailweir.sqlite3-wal")).then(
      ({ size }) => size,
      () => 0,
    ),
    spoolFiles: await count(join(data, "spool")),
    threads: number("Threads"),
    acknowledged,
  };
}
