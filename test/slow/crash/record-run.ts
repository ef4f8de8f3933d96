import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../seeded.ts";
import { type Home, type Life, prepareHome, sendUntilTrouble, startLife, untilSettled } from "./campaign.ts";
import { checkFolder, checkPromised, type Verdict } from "./checker.ts";
import { type CutOptions, cutPower, type DiskCall, readRecord } from "./power-cut.ts";
import { createMail, type Mail } from "./traffic.ts";

export interface RecordedRun {
  readonly home: Home;
  /** Whether it keeps its mail under a KMS key, as every second seed does. */
  readonly encrypt: boolean;
  readonly mails: readonly Mail[];
  /** SES id → number of the mail. */
  readonly acknowledged: ReadonlyMap<string, number>;
  readonly calls: readonly DiskCall[];
}

/** Where a SIGKILL leaves something done and not yet durable, which the next life finds. */
const unsynced: readonly (readonly [string, string])[] = [
  ["sync", "keys"],
  ["sync", "."],
  ["sync", "contents"],
  ["sync", "maildir"],
  ["sync", "maildir/ann"],
  ["sync", "maildir/ann/new"],
  ["sync", "maildir/*/new"],
  ["sync", "outbox"],
  ["sync", "contents/?"],
  ["sync", "mailweir.sqlite3-wal"],
];

/**
 * Several lives under load with everything that they did to their disk. Each but the last ends by a SIGKILL just before a sync:
 * what the next one finds may go with the power.
 */
export async function recordRun(folder: string, seed: number, mailCount: number): Promise<RecordedRun> {
  await rm(folder, { recursive: true, force: true });
  const encrypt = seed % 2 === 1;
  const home = await prepareHome(folder, {}, { encrypt });
  const record = join(folder, "record");
  const random = seeded(seed);
  const mails = Array.from({ length: mailCount }, (_, index) => createMail(index + 1, random));
  const acknowledged = new Map<string, number>();
  const coming = [...mails];
  const waiting: Mail[] = [];
  for (const [call, path] of unsynced) {
    waiting.push(...coming.splice(0, Math.floor(mailCount / 20)));
    const life = startLife(home, folder, { kind: "call", call, path, number: 1 }, record);
    const load = sendAll(waiting, life, acknowledged);
    // It may have nothing to sync there any more.
    await Promise.race([life.exited, load.then(() => sleep(1_000))]);
    life.child.kill("SIGKILL");
    await life.exited;
    await load;
  }
  const last = startLife(home, folder, undefined, record);
  await sendAll([...waiting, ...coming], last, acknowledged);
  const waits = await untilSettled(home.data, 120_000);
  if (waits !== undefined) throw new Error(waits);
  last.child.kill("SIGTERM");
  await last.exited;
  return { home, encrypt, mails, acknowledged, calls: readRecord(record) };
}

/** The syncs that a promise hangs on, each by the path that it is called for: without it the promise breaks. */
export const syncs: Readonly<Record<string, (path: string) => boolean>> = {
  "the write-ahead log": (path) => path === "mailweir.sqlite3-wal",
  "the database at a checkpoint": (path) => path === "mailweir.sqlite3",
  "the data folder": (path) => path === ".",
  "a large message": (path) => /^spool\/./.test(path),
  "the folder of large messages": (path) => /^contents\/\d+$/.test(path),
  "the folder above it": (path) => path === "contents",
  "a mail in a Maildir": (path) => /^maildir\/[^/]+\/tmp\/./.test(path),
  "new/ of a Maildir": (path) => /^maildir\/[^/]+\/new$/.test(path),
  "the folder of a Maildir": (path) => /^maildir(?:\/[^/]+)?$/.test(path),
  "a mail in the outbox folder": (path) => /^outbox\/./.test(path),
  "the outbox folder": (path) => path === "outbox",
};

/** Cuts anywhere, with anything between nothing and everything of the unsynced surviving. */
export function cutsOf({ calls }: RecordedRun, seed: number, count: number): readonly CutOptions[] {
  const random = seeded(seed);
  return Array.from(
    { length: count },
    (): CutOptions => ({
      at: Math.floor(random() * calls.length),
      random: seeded(Math.floor(random() * 2 ** 31)),
      survival: [0, 0.1, 0.5, 0.9, 1][Math.floor(random() * 5)] ?? 0,
      sectorBytes: random() < 0.5 ? 512 : 4096,
    }),
  );
}

/** Rebuilds the folder for each cut and looks for what was promised before it. */
export async function judgeCuts(
  { calls, mails, acknowledged }: RecordedRun,
  folder: string,
  cuts: readonly CutOptions[],
  ignoreSync?: (path: string) => boolean,
  until: "end" | "first" = "end",
) {
  const faults: string[] = [];
  let looked = 0;
  let judged = 0;
  const rebuilt = join(folder, "rebuilt");
  const judge = async (cut: Parameters<Parameters<typeof cutPower>[2]>[0], { at, survival }: CutOptions) => {
    if (until === "first" && faults.length > 0) return;
    await cut.rebuild(rebuilt);
    const heard = new Map([...acknowledged].filter(([id]) => cut.acknowledged.has(id)));
    judged += 1;
    looked += heard.size;
    for (const fault of checkPromised(rebuilt, { mails, acknowledged: heard })) {
      faults.push(`cut before call ${at}, ${100 * survival} % of the unsynced survived: ${fault}`);
    }
  };
  await cutPower(calls, cuts, judge, ignoreSync);
  return { cuts: judged, acknowledged: looked, faults };
}

/** The next life on the rebuilt folder, to its end; mails of the time before the cut that got no 250 are sent again. */
export async function restartBehindCut(run: RecordedRun, folder: string, options: CutOptions): Promise<Verdict> {
  await rm(folder, { recursive: true, force: true });
  const home = await prepareHome(folder, {}, { encrypt: run.encrypt });
  const acknowledged = new Map<string, number>();
  await cutPower(run.calls, [options], async (cut) => {
    await cut.rebuild(home.data);
    for (const [id, number] of run.acknowledged) if (cut.acknowledged.has(id)) acknowledged.set(id, number);
  });
  const heard = new Set(acknowledged.values());
  const newest = Math.max(0, ...heard);
  const waiting = run.mails.filter(({ number }) => !heard.has(number) && number <= newest + 20);
  const life = startLife(home, folder);
  await sendAll(waiting, life, acknowledged);
  const waits = await untilSettled(home.data, 120_000);
  life.child.kill("SIGTERM");
  const { code } = await life.exited;
  const verdict = checkFolder(home.data, { mails: run.mails, acknowledged });
  const faults = [...(waits === undefined ? [] : [waits]), ...(code === 0 ? [] : [life.log().slice(-2_000)])];
  return { ...verdict, faults: [...faults, ...verdict.faults] };
}

/** Until everything is acknowledged or the life is over. */
async function sendAll(waiting: Mail[], life: Life, acknowledged: Map<string, number>): Promise<void> {
  const ready = await Promise.race([life.ready, life.exited]);
  if ("code" in ready) {
    if (ready.signal === "SIGKILL") return;
    throw new Error(`the engine did not start: ${life.log().slice(-2_000)}`);
  }
  let over = false;
  void life.exited.then(() => {
    over = true;
  });
  const lane = async () => {
    while (!over && waiting.length > 0) await sendUntilTrouble(ready.host, ready.port, waiting, acknowledged);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}
