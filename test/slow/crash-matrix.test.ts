import { appendFileSync, copyFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Blow, calls, runCampaign } from "./crash/campaign.ts";
import { checkFolder, type SendersRecord } from "./crash/checker.ts";
import { type DiskFault, diskFaults, diskShim } from "./crash/disk-shim.ts";
import { essential as essentialSteps } from "./crash/steps.ts";
import { createMail, type Mail } from "./crash/traffic.ts";
import { seeded } from "./seeded.ts";

// A sample of what `npm run crash` does by the thousand, every named step and every call among it.
const seed = Number(process.env["MAILWEIR_SEED"] ?? 9);
const perCampaign = 11;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-matrix-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function campaigns(name: string, blows: readonly Blow[], mailsPerLife = 12) {
  const faults: string[] = [];
  const missed: Blow[] = [];
  let acknowledged = 0;
  for (let at = 0; at < blows.length; at += perCampaign) {
    const part = blows.slice(at, at + perCampaign);
    const own = join(folder, `${name}-${at}`);
    const result = await runCampaign({ folder: own, seed: seed + at, blows: part, mailsPerLife });
    if (result.faults.length > 0) faults.push(...result.faults, `the blows were ${JSON.stringify(part)}`);
    missed.push(...result.missed);
    acknowledged += result.acknowledged;
    await rm(own, { recursive: true, force: true });
  }
  console.info(`${name}: ${blows.length} blows, ${missed.length} missed, ${acknowledged} mails acknowledged`);
  return { faults, missed };
}

test(`a SIGKILL at every named step (seed ${seed})`, async () => {
  // A life that ends by itself tells what steps there are.
  const steps = new Set<string>();
  const first = await runCampaign({ folder: join(folder, "steps"), seed, blows: [], mailsPerLife: 60, steps });
  expect(first.faults).toEqual([]);
  for (const step of essential) expect([...steps]).toContain(step);
  const random = seeded(seed);
  const blows = [...steps]
    .sort()
    .map((step): Blow => ({ kind: "step", step, number: 1 + Math.floor(random() ** 2 * 4) }));
  const { faults, missed } = await campaigns("step", blows);
  expect(faults).toEqual([]);
  // Some steps are taken only by mails that a life did not happen to get.
  expect(missed.length).toBeLessThan(blows.length / 4);
}, 900_000);

// A name that changes in steps.ts changes in docs/guarantees.md too.
const essential = [
  "open",
  "open done",
  ...Object.entries(essentialSteps).flatMap(([port, methods]) =>
    methods.flatMap((method) => [`${port}.${method}`, `${port}.${method} done`]),
  ),
];

describe.runIf(diskShim() !== undefined)("below the engine (needs a C compiler)", () => {
  test("a SIGKILL before or behind each kind of call that changes the disk", async () => {
    const random = seeded(seed + 1);
    const blows = calls.map(([call, path], index): Blow => {
      const number = 1 + Math.floor(random() ** 2 * (path.endsWith("-wal") ? 40 : 3));
      return { kind: "call", call, path, number: index % 2 === 0 ? number : -number };
    });
    const { faults } = await campaigns("call", blows);
    expect(faults).toEqual([]);
  }, 600_000);

  test("a full disk, a failing one, short writes: what cannot be kept is refused, and it goes on by itself", async () => {
    const blows = (Object.keys(diskFaults) as DiskFault[]).map(
      (fault): Blow => ({ kind: "disk", fault, chance: 400, ms: 500 }),
    );
    const { faults } = await campaigns("disk", blows);
    expect(faults).toEqual([]);
  }, 600_000);
});

test("the checker sees a lost mail, a doubled effect, a cut file, a stuck recipient", async () => {
  const own = join(folder, "tampered");
  const { faults } = await runCampaign({ folder: own, seed: seed + 500, blows: [], mailsPerLife: 60 });
  expect(faults).toEqual([]);
  const data = join(own, "data");
  const record = recordOf(own, seed + 500);
  const database = new DatabaseSync(join(data, "mailweir.sqlite3"));
  const found = (): string => checkFolder(data, record).faults.join("\n");
  expect(found()).toBe("");

  // The same folder, had there been a next hop: one that took nothing, and one that took what nobody sent.
  const relayed = checkFolder(data, { ...record, relayed: new Map([["invented@example.com", 1]]) }).faults.join("\n");
  expect(relayed).toMatch(/STUCK: forward \S+ is kept instead of sent/);
  expect(relayed).toMatch(/LOST: acknowledgement \S+ is kept, and the next hop never took it/);
  expect(relayed).toContain("the next hop took invented@example.com, which no row knows");
  database.exec(
    "UPDATE outbox SET about = (SELECT about FROM outbox WHERE kind = 'forward' LIMIT 1) WHERE kind = 'forward'",
  );
  expect(found()).toMatch(/DOUBLED: forward for carol@example.com/);

  const folderOfAnn = join(data, "maildir/ann/new");
  const [file] = readdirSync(folderOfAnn);
  copyFileSync(join(folderOfAnn, file!), join(folderOfAnn, `${file}.again`));
  expect(found()).toMatch(/DOUBLED: file for ann@example.com/);
  rmSync(join(folderOfAnn, file!));
  rmSync(join(folderOfAnn, `${file}.again`));
  expect(found()).toMatch(/LOST: file for ann@example.com of mail \d+, acknowledged/);

  database.exec(
    "INSERT INTO ticket_entries SELECT ticket, number + 1000, header_message_id, body_sha256, entry FROM ticket_entries LIMIT 1",
  );
  expect(found()).toMatch(/DOUBLED: ticket for support@example.com/);
  database.exec("UPDATE recipients SET state = 'working' WHERE recipient = 'bob@example.com'");
  expect(found()).toMatch(/STUCK: [0-9a-z]{40} bob@example.com is working/);

  // Not any file: encrypted objects have files of their own.
  const [large] = database
    .prepare("SELECT path FROM messages JOIN contents ON contents.id = messages.raw WHERE path IS NOT NULL")
    .all() as { path: string }[];
  appendFileSync(join(data, "contents", large!.path), "x");
  expect(found()).toMatch(/holds octets that nobody sent/);
  expect(found()).toContain(`contents/${large!.path} is cut`);

  // Last, since the checker knows nothing more of a mail that is gone: its file or ticket would not be missed either.
  const [first] = [...record.acknowledged.keys()];
  database.prepare("DELETE FROM messages WHERE seq = (SELECT seq FROM ids WHERE ses_message_id = ?)").run(first!);
  expect(found()).toContain(`LOST: ${first} got its 250`);
  database.close();
}, 300_000);

/** The senders' record of a campaign of one life: its mails follow from the seed. */
function recordOf(own: string, of: number): SendersRecord {
  const kept = JSON.parse(readFileSync(join(own, "senders.json"), "utf8")) as { acknowledged: [string, number][] };
  const random = seeded(of);
  const mails: Mail[] = Array.from({ length: 60 }, (_, index) => createMail(index + 1, random));
  return { mails, acknowledged: new Map(kept.acknowledged) };
}
