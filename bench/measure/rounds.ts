import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { haveStrace, type Load, send } from "./load.ts";
import type { Server, Workplace } from "./peers.ts";
import { cpuSeconds, peakMemoryBytes, processTree } from "./process-tree.ts";
import type { Running } from "./server-process.ts";
import { createSenders, type Senders, seeded, writeSignedMails } from "./signed-mails.ts";

/** What one run of one server showed. */
export interface Sample {
  readonly perSecond: number;
  readonly cpuPer1000: number;
}

export interface Measured {
  readonly server: Server;
  readonly samples: readonly Sample[];
  readonly peakBytes: number;
  /** Calls of fsync and fdatasync for 1,000 mails, from a run of its own; `undefined` where it was not counted. */
  readonly syncsPer1000?: number;
}

export interface RowRun {
  readonly measured: readonly Measured[];
  readonly missing: readonly { readonly server: Server; readonly why: string }[];
  /** `append 4 KB + fdatasync` of the disk, a second, before each run. */
  readonly probes: readonly number[];
}

export interface RowPlan {
  readonly servers: readonly Server[];
  readonly rounds: number;
  readonly load: Omit<Load, "mails">;
  readonly warmUp: number;
  /** Slow servers get fewer, so that a round stays short; all are warmed up with as many. */
  readonly countOf?: (server: Server) => number;
  /** Signed mails to these recipients, new ones in every run. */
  readonly signedTo?: readonly string[];
  /** When the server is done with what it took: of ours, when so many recipients of the ledger are so far. */
  readonly until?: "routed" | "done";
  readonly countSyncs?: boolean;
}

const config = (zone: string) => `export default {
  domains: ["in.example"],
  ipFilters: [{ block: "203.0.113.0/24" }, { block: "198.51.100.0/25" }, { allow: "198.51.100.7" }],
  streams: {
    ticket: { recipients: ["support@in.example"] },
    unsubscribe: { recipients: ["unsubscribe@in.example"] },
    personal: { recipients: ["in.example"] },
  },
  local: { dns: { zone: ${JSON.stringify(zone)} }, limits: { unfinished: 1_000_000 } },
};
`;

/**
 * All servers of a row run side by side, and take turns in rounds: what the machine does meanwhile meets all of them. In
 * each round their order is another one.
 */
export async function runRow(
  plan: RowPlan,
  progress: (done: number, all: number, what: string) => void,
): Promise<RowRun> {
  const folder = mkdtempSync(join(tmpdir(), "mailweir-bench-"));
  // Postfix gives its rights away, and must still find its way here.
  chmodSync(folder, 0o755);
  const senders = createSenders();
  const random = seeded(Date.now());
  const missing = plan.servers.flatMap((server) => {
    const why = server.missing?.();
    return why === undefined ? [] : [{ server, why }];
  });
  const present = plan.servers.filter((server) => !missing.some((entry) => entry.server === server));
  const running: { server: Server; run: Running; place: Workplace; taken: number }[] = [];
  const samples = new Map<Server, Sample[]>(present.map((server) => [server, []]));
  const probes: number[] = [];
  const all = present.length * (plan.rounds + 1);
  let done = 0;
  try {
    for (const server of present) {
      const place = workplace(folder, senders, running.length);
      running.push({ server, place, run: await server.start(place), taken: 0 });
    }
    for (let round = 0; round <= plan.rounds; round += 1) {
      for (const entry of shuffled(running, random)) {
        const count = round === 0 ? plan.warmUp : (plan.countOf?.(entry.server) ?? plan.load.count);
        progress(done, all, `${entry.server.name}${round === 0 ? " (warm-up)" : ""}`);
        const load = await readyLoad(plan, count, entry.place, senders, random);
        if (round > 0) probes.push(probe(folder));
        const before = cpuSeconds(entry.run.pid);
        const { startedAt, endedAt } = await send(entry.run.port, load);
        entry.taken += count;
        if (plan.until && entry.server.ours) await isSettled(entry.place, plan.until, entry.taken);
        const seconds = ((plan.until && entry.server.ours ? Date.now() : endedAt) - startedAt) / 1_000;
        const cpu = cpuSeconds(entry.run.pid) - before;
        if (round > 0) {
          samples.get(entry.server)?.push({ perSecond: count / seconds, cpuPer1000: (cpu / count) * 1_000 });
        }
        done += 1;
      }
    }
    const measured: Measured[] = [];
    for (const { server, run } of running) {
      measured.push({ server, samples: samples.get(server) ?? [], peakBytes: peakMemoryBytes(run.pid) });
    }
    for (const { run } of running.splice(0)) await run.stop();
    if (plan.countSyncs && haveStrace) {
      progress(done, all, "counting fsyncs");
      for (const [index, entry] of measured.entries()) {
        const place = workplace(folder, senders, 100 + index);
        const syncs = await countSyncs(entry.server, place, plan, senders, random);
        measured[index] = { ...entry, ...(syncs !== undefined && { syncsPer1000: syncs }) };
      }
    }
    return { measured, missing, probes };
  } finally {
    for (const { run } of running) await run.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

export function workplace(folder: string, senders: Senders, number: number): Workplace {
  const own = join(folder, String(number));
  mkdirSync(own, { recursive: true });
  const place = { folder: own, zone: join(own, "zone.json"), config: join(own, "mailweir.config.ts") };
  writeFileSync(place.zone, JSON.stringify(senders.zone));
  writeFileSync(place.config, config(place.zone));
  return place;
}

async function readyLoad(
  plan: RowPlan,
  count: number,
  place: Workplace,
  senders: Senders,
  random: () => number,
): Promise<Load> {
  if (!plan.signedTo) return { ...plan.load, count };
  const mails = join(place.folder, "mails");
  rmSync(mails, { recursive: true, force: true });
  await writeSignedMails(mails, senders, { count, recipients: plan.signedTo, random });
  return { ...plan.load, count, mails };
}

/** Waits until the ledger of the engine holds so many recipients that are routed, or done. Nothing is asked of the engine. */
async function isSettled({ folder }: Workplace, until: "routed" | "done", count: number): Promise<void> {
  const database = new DatabaseSync(join(folder, "data/mailweir.sqlite3"), { readOnly: true });
  try {
    const query = database.prepare(
      until === "routed"
        ? "SELECT count(*) AS n FROM recipients WHERE state NOT IN ('received', 'decided')"
        : "SELECT count(*) AS n FROM recipients WHERE open = 0",
    );
    for (let waited = 0; Number(query.get()?.["n"]) < count; waited += 20) {
      if (waited > 300_000) throw new Error(`only ${query.get()?.["n"]} of ${count} are ${until} after 300 s`);
      await sleep(20);
    }
    const failed = database.prepare(
      "SELECT count(*) AS n FROM recipients WHERE state = 'failed' OR stream = 'quarantine'",
    );
    const bad = Number(failed.get()?.["n"]);
    if (bad > 0) throw new Error(`${bad} mails failed or were taken for dangerous`);
  } finally {
    database.close();
  }
}

/** Appends of 4 KB with fdatasync in 0.3 s, as a rate: how the disk does just now. */
function probe(folder: string): number {
  const file = openSync(join(folder, "probe"), "a");
  const block = Buffer.alloc(4_096, 1);
  const end = performance.now() + 300;
  let count = 0;
  while (performance.now() < end) {
    writeSync(file, block);
    fdatasyncSync(file);
    count += 1;
  }
  closeSync(file);
  return count / 0.3;
}

async function countSyncs(
  server: Server,
  place: Workplace,
  plan: RowPlan,
  senders: Senders,
  random: () => number,
): Promise<number | undefined> {
  const run = await server.start(place);
  try {
    const count = Math.min(200, plan.countOf?.(server) ?? plan.load.count);
    await send(run.port, await readyLoad(plan, count, place, senders, random));
    if (plan.until && server.ours) await isSettled(place, plan.until, count);
    const pids = processTree(run.pid).flatMap((pid) => ["-p", String(pid)]);
    const strace = spawn("strace", ["-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range", ...pids], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    // It may end at once, where tracing is not allowed.
    const ended = once(strace, "exit");
    let report = "";
    strace.stderr.on("data", (chunk: Buffer) => {
      report += chunk;
    });
    await sleep(1_000);
    await send(run.port, await readyLoad(plan, count, place, senders, random));
    if (plan.until && server.ours) await isSettled(place, plan.until, 2 * count);
    strace.kill("SIGINT");
    const timer = setTimeout(() => strace.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(timer);
    let calls = 0;
    for (const [, number] of report.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*sync/gm)) calls += Number(number);
    return /% time/.test(report) || /attached/.test(report) ? (calls / count) * 1_000 : undefined;
  } finally {
    await run.stop();
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
