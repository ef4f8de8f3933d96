import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { seeded } from "../seeded.ts";
import { checkFolder, type Verdict } from "./checker.ts";
import { createControl, type DiskFault, diskFaults, diskShim } from "./disk-shim.ts";
import { startRelay } from "./relay.ts";
import { connectSmtp, type SmtpClient, sesIdOf } from "./smtp-client.ts";
import { config, createMail, type Mail, zone } from "./traffic.ts";

const node = fileURLToPath(new URL("../../../node_modules/node/bin/node", import.meta.url));
const root = fileURLToPath(new URL("../../../", import.meta.url));
const childFile = fileURLToPath(new URL("engine-child.ts", import.meta.url));

/** How one life of the engine ends. */
export type Blow =
  /** After so many ms of load. */
  | { readonly kind: "time"; readonly ms: number }
  /** At the n-th time that it comes to this step (engine-child.ts). */
  | { readonly kind: "step"; readonly step: string; readonly number: number }
  /** At the n-th call of the system on such a path, before it (n > 0) or behind it (disk-shim.c). */
  | { readonly kind: "call"; readonly call: string; readonly path: string; readonly number: number }
  /** Under load it is asked to stop, and must do so in order. */
  | { readonly kind: "stop"; readonly ms: number }
  /** It does not end: its disk fails for a while, and it must go on by itself. */
  | { readonly kind: "disk"; readonly fault: DiskFault; readonly chance: number; readonly ms: number };

export interface CampaignOptions {
  readonly folder: string;
  readonly seed: number;
  readonly blows: readonly Blow[];
  readonly mailsPerLife?: number;
  /** Names of steps that were seen are added to it. */
  readonly steps?: Set<string>;
}

export interface CampaignResult extends Verdict {
  /** Blows whose place was never reached in that life: it ended by time instead. */
  readonly missed: readonly Blow[];
  readonly unanswered: number;
  readonly log: string;
}

const lanes = 8;
// A life whose blow does not fall is ended by hand.
const longestLifeMs = 4_000;
// What a stop may take: ten seconds for messages, as long for functions, and a busy machine.
const longestStopMs = 60_000;

/**
 * One data folder, several lives: each is loaded by senders with a record of their own and ends by its blow. The last life
 * finishes everything, stops in order, and the checker compares.
 */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { folder, seed, blows, mailsPerLife = 24, steps } = options;
  const random = seeded(seed);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // Every second one keeps its mail as SES does under a KMS key: the workers decrypt it.
  // And every fourth one sends: its bounces, receipts and forwards leave for a next hop instead of the outbox folder.
  const relay = seed % 4 === 3 ? await startRelay() : undefined;
  const smarthost = relay && { smarthost: { host: "127.0.0.1", port: relay.port, tls: "none" } };
  const home = await prepareHome(folder, smarthost, { encrypt: seed % 2 === 1 });
  const control = createControl(join(folder, "control"), seed);
  const mails: Mail[] = [];
  const acknowledged = new Map<string, number>();
  const waiting: Mail[] = [];
  const missed: Blow[] = [];
  const faults: string[] = [];
  let unanswered = 0;
  let log = "";

  const live = async (blow: Blow | undefined) => {
    for (let count = 0; count < mailsPerLife; count++) {
      const mail = createMail(mails.length + 1, random);
      mails.push(mail);
      waiting.push(mail);
    }
    await control.heal();
    const life = startLife(home, folder, blow);
    const exited = life.exited.then(async ({ code, signal }) => {
      log = (log + life.log()).slice(-400_000);
      const inOrder = blow === undefined || blow.kind === "stop";
      if ((inOrder || signal !== "SIGKILL") && code !== 0)
        faults.push(`the engine ended by itself: ${code ?? signal}: ${life.log().slice(-2_000)}`);
    });
    const ready = await Promise.race([life.ready, exited.then(() => undefined)]);
    if (!ready) {
      if (blow?.kind !== "step" && blow?.kind !== "call")
        faults.push(`the engine did not start: ${life.log().slice(-2_000)}`);
      return;
    }
    let over = false;
    void exited.then(() => {
      over = true;
    });
    const load = Promise.all(
      Array.from({ length: lanes }, async () => {
        while (!over && waiting.length > 0)
          unanswered += await sendUntilTrouble(ready.host, ready.port, waiting, acknowledged);
      }),
    );
    if (blow?.kind === "time" || blow?.kind === "stop") {
      await sleep(blow.ms);
      life.child.kill(blow.kind === "stop" ? "SIGTERM" : "SIGKILL");
    } else if (blow?.kind === "disk") {
      await sleep(random() * 200);
      await control.set(blow.fault, blow.chance);
      await sleep(blow.ms);
      await control.heal();
    }
    if (blow && blow.kind !== "disk") {
      // Nothing is left to do in it: the blow will not fall.
      const stops = blow.kind === "stop";
      const settled = stops
        ? exited
        : load.then(() => untilSettled(home.data, longestLifeMs)).then(() => "late" as const);
      const deadline = sleep(stops ? longestStopMs : longestLifeMs, "late" as const, { ref: false });
      if ((await Promise.race([exited, settled, deadline])) === "late" && !over) {
        missed.push(blow);
        life.child.kill("SIGKILL");
      }
    } else {
      // It must get rid of everything without being started again.
      const last = blow === undefined;
      const settled = load.then(() => untilSettled(home.data, last ? 120_000 : 90_000));
      const outcome = await Promise.race([settled, exited.then(() => "the engine is gone")]);
      if (outcome !== undefined) faults.push(`${blow ? `disk, ${blow.fault}` : "the last life"}: ${outcome}`);
      life.child.kill(last ? "SIGTERM" : "SIGKILL");
    }
    await exited;
    await load;
  };

  try {
    for (const blow of blows) await live(blow);
    await live(undefined);
  } finally {
    relay?.close();
  }
  if (waiting.length > 0) faults.push(`${waiting.length} mails were never taken`);
  if (steps) {
    const text = await readFile(join(folder, "steps"), "utf8").catch(() => "");
    for (const step of text.split("\n").filter(Boolean)) steps.add(step);
  }
  const record = { mails, acknowledged, ...(relay && { relayed: relay.taken }) };
  await writeFile(
    join(folder, "senders.json"),
    JSON.stringify({ acknowledged: [...acknowledged], mails: mails.map(({ raw: _, ...mail }) => mail) }),
  );
  const verdict = checkFolder(home.data, record);
  return { ...verdict, faults: [...faults, ...verdict.faults], missed, unanswered, log };
}

export interface Home {
  readonly configFile: string;
  readonly data: string;
}

export async function prepareHome(folder: string, more: object = {}, mail: object = {}): Promise<Home> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "zone.json"), JSON.stringify(zone));
  const configFile = join(folder, "mailweir.config.ts");
  const local = { dns: { zone: join(folder, "zone.json") }, ...more };
  await writeFile(configFile, `export default ${JSON.stringify({ ...config, ...mail, local }, null, 2)};\n`);
  return { configFile, data: join(folder, "data") };
}

export interface Life {
  readonly child: ChildProcess;
  readonly ready: Promise<{ readonly host: string; readonly port: number; readonly http: string }>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  log(): string;
}

// What cli/mailweir.mjs sets for `mailweir start`: without it malloc and V8 keep more than a user's engine does.
const asStarted = { flags: ["--semi-space-growth-factor=1"], env: { MALLOC_ARENA_MAX: "2" } } as const;

/**
 * One life of the engine, whose end may be planned. `record`: file that gets what it does to its disk. `bare`: on the disk as it
 * is, nothing in between.
 */
export function startLife(home: Home, folder: string, blow?: Blow, record?: string, disk?: "bare"): Life {
  const shim = disk === "bare" ? undefined : diskShim();
  const flags = [...asStarted.flags, ...(disk === "bare" ? ["--expose-gc"] : [])];
  const child = spawn(node, [...flags, childFile, home.configFile, home.data], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...asStarted.env,
      MAILWEIR_STEPS_SEEN: join(folder, "steps"),
      ...(disk === "bare" && { MAILWEIR_MEMORY: join(folder, "memory") }),
      ...(blow?.kind === "step" && { MAILWEIR_STEP: blow.step, MAILWEIR_STEP_NUMBER: String(blow.number) }),
      ...(shim && {
        LD_PRELOAD: shim,
        MAILWEIR_DISK_ROOT: home.data,
        MAILWEIR_DISK_NOSYNC: "1",
        ...(record ? { MAILWEIR_DISK_RECORD: record } : { MAILWEIR_DISK_CONTROL: join(folder, "control") }),
        ...(blow?.kind === "call" && { MAILWEIR_DISK_KILL: `${blow.call} ${blow.path} ${blow.number}` }),
      }),
    },
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-200_000);
  });
  const ready = once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line").then(([line]) => {
    const { smtp, http } = JSON.parse(String(line)) as { smtp: string; http: string };
    const [host = "", port = ""] = smtp.split(":");
    return { host, port: Number(port), http };
  });
  const exited = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  return { child, ready, exited, log: () => log };
}

/**
 * One connection, until it breaks or nothing waits. A mail without its 250 goes back to those that wait, as any sender keeps it;
 * answers how many were left without a word.
 */
export async function sendUntilTrouble(
  host: string,
  port: number,
  waiting: Mail[],
  acknowledged: Map<string, number>,
): Promise<number> {
  let client: SmtpClient;
  try {
    client = await connectSmtp(host, port);
  } catch {
    await sleep(20);
    return 0;
  }
  try {
    for (let mail = waiting.shift(); mail; mail = waiting.shift()) {
      let reply: string;
      try {
        reply = await client.send(mail);
      } catch {
        waiting.push(mail);
        return 1;
      }
      const id = sesIdOf(reply);
      if (id !== undefined) {
        acknowledged.set(id, mail.number);
        continue;
      }
      waiting.push(mail);
      if (!reply.startsWith("4")) throw new Error(`the engine refused mail ${mail.number}: ${reply}`);
      await client.ask("RSET").catch(() => undefined);
      await sleep(25);
    }
    return 0;
  } finally {
    client.close();
  }
}

const unsettled = `
  SELECT (SELECT count(*) FROM messages WHERE ended_at IS NULL) AS messages,
         (SELECT count(*) FROM recipients WHERE open = 1) AS recipients,
         (SELECT count(*) FROM queue_messages WHERE NOT (queue LIKE '%object%' AND body LIKE '%"s3"%')) AS queued,
         (SELECT count(*) FROM outbox WHERE filed = 0 OR state = 'waiting') AS outgoing`;

/** Looks until nothing waits any more. Answers what still does when the time is over. */
export async function untilSettled(data: string, timeoutMs: number): Promise<string | undefined> {
  const until = Date.now() + timeoutMs;
  const database = new DatabaseSync(join(data, "mailweir.sqlite3"), { readOnly: true, timeout: 5_000 });
  try {
    const look = database.prepare(unsettled);
    for (;;) {
      const counts = look.get() as Record<string, number>;
      if (Object.values(counts).every((count) => count === 0)) return undefined;
      if (Date.now() > until) return `after ${timeoutMs} ms these wait: ${JSON.stringify(counts)}`;
      await sleep(50);
    }
  } finally {
    database.close();
  }
}

export const calls: readonly (readonly [string, string])[] = [
  ["write", "mailweir.sqlite3-wal"],
  ["sync", "mailweir.sqlite3-wal"],
  ["write", "mailweir.sqlite3"],
  ["sync", "mailweir.sqlite3"],
  ["create", "spool/*"],
  ["write", "spool/*"],
  ["sync", "spool/*"],
  ["sync", "spool"],
  ["rename", "contents/*"],
  ["sync", "contents/*"],
  ["unlink", "contents/*"],
  ["create", "maildir/*"],
  ["write", "maildir/*"],
  ["sync", "maildir/*"],
  ["rename", "maildir/*"],
  ["mkdir", "maildir/*"],
  ["create", "outbox/*"],
  ["write", "outbox/*"],
  ["rename", "outbox/*"],
  ["sync", "outbox"],
  ["rename", "keys/*"],
  ["rename", "engine.json"],
  ["mkdir", "contents/*"],
];

/** Any blow, with the steps that are known. Without a compiler the system's calls and its disk are left in peace. */
export function anyBlow(random: () => number, steps: readonly string[]): Blow {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const kind = random();
  const withShim = diskShim() !== undefined;
  if (random() < 0.05) return { kind: "stop", ms: Math.floor(random() * 900) };
  if (kind < 0.15 || (!withShim && kind < 0.3)) return { kind: "time", ms: Math.floor(random() * 900) };
  if (kind < 0.55 || !withShim) {
    return steps.length > 0
      ? { kind: "step", step: pick(steps), number: 1 + Math.floor(random() ** 2 * 20) }
      : { kind: "time", ms: Math.floor(random() * 900) };
  }
  if (kind < 0.88) {
    const [call, path] = pick(calls);
    const often = call === "write" && path.endsWith("-wal") ? 400 : path.endsWith("-wal") ? 60 : 12;
    const number = 1 + Math.floor(random() ** 2 * often);
    return { kind: "call", call, path, number: random() < 0.5 ? number : -number };
  }
  const fault = pick(Object.keys(diskFaults) as DiskFault[]);
  return { kind: "disk", fault, chance: 50 + Math.floor(random() * 600), ms: 100 + Math.floor(random() * 900) };
}
