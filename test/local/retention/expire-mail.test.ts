import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../../../cli/check-config.ts";
import { type Engine, startEngine } from "../../../local/engine.ts";
import { createExpiry } from "../../../local/retention/expire-mail.ts";
import { createHolds } from "../../../local/retention/holds.ts";
import { whatIsShortened } from "../../../local/retention/shortened.ts";
import { openIndexReadOnly } from "../../../local/search/open-index.ts";
import { openStoreReadOnly } from "../../../local/store/open-read-only.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { MailConfig } from "../../../shared/config/types.ts";
import { mail } from "../console/console-engine.ts";

const dayMs = 86_400_000;
const begin = Date.parse("2026-08-04T09:15:02.000Z");
const base: MailConfig = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    own: {
      recipients: ["own@example.com"],
      worker: async () => {
        if (failing) throw new Error("not yet");
        return { outcome: "done" };
      },
    },
    personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
  },
  retention: { default: { days: 10 }, streams: { ticket: { days: 30 } } },
};

let failing = false;
let folder: string;
let now: number;
let engine: Engine;
const clock = { now: () => new Date(now), ticking: false };

const start = async (config: MailConfig = base) => {
  engine = await startEngine({
    config: { ...config, local: { dns: { zone: join(folder, "zone.json") } } },
    data: join(folder, "data"),
    smtp: "127.0.0.1:0",
    http: "127.0.0.1:0",
    clock,
    stderr: "none",
  });
};

beforeEach(async () => {
  failing = false;
  now = begin;
  folder = await mkdtemp(join(tmpdir(), "mailweir-expire-"));
  await writeFile(join(folder, "zone.json"), "{}");
}, 60_000);
afterEach(async () => {
  await engine.stop();
  await rm(folder, { recursive: true });
}, 60_000);

async function send(raw: string, to: readonly string[]): Promise<string> {
  const query = new URLSearchParams({ from: "ann@sender.example", ip: "203.0.113.25", helo: "mx.sender.example" });
  for (const recipient of to) query.append("to", recipient);
  const response = await fetch(new URL(`/api/messages?${query}`, engine.http), {
    method: "POST",
    headers: { authorization: `Bearer ${engine.token}`, "content-type": "message/rfc822" },
    body: raw,
  });
  const { sesMessageId } = (await response.json()) as { sesMessageId: string };
  expect(sesMessageId).toBeTypeOf("string");
  return sesMessageId;
}

const count = (text: string, ...values: readonly (string | number)[]) =>
  engine.store.database.read((sql) => Number(sql.get(text, ...values)?.["n"]));
const open = () => count("SELECT count(*) AS n FROM recipients WHERE open = 1");
const kept = () =>
  engine.store.database.read((sql) =>
    sql.all("SELECT ses_message_id AS id FROM messages JOIN ids USING (seq)").map(({ id }) => String(id)),
  );

/** Everything that is due by the clock has run. */
async function settle(isDone: () => boolean): Promise<void> {
  await expect
    .poll(
      async () => {
        engine.wake();
        await engine.settled();
        return isDone();
      },
      { timeout: 60_000, interval: 20 },
    )
    .toBe(true);
}
async function worked(messages: number): Promise<void> {
  await settle(() => open() === 0 && count("SELECT count(DISTINCT seq) AS n FROM recipients") === messages);
  // The safety net looks at every stored object a while later.
  now += dayMs / 24;
  await settle(() => count("SELECT count(*) AS n FROM queue_messages") === 0);
}
/** Moves the clock and lets the job have its turn. */
async function at(days: number): Promise<void> {
  now = begin + days * dayMs;
  await settle(() => count("SELECT value AS n FROM settings WHERE name = 'began expire-mail'") === now);
  await engine.settled();
}

test("mail expires whole when the longest of its streams' periods is over, and not before", async () => {
  await start();
  const large = `Marmalade\r\n${"A line of text.\r\n".repeat(6_000)}`;
  const personal = await send(mail("Personal", large), ["ann@example.com"]);
  const both = await send(mail("Both", "Quince."), ["ann@example.com", "support@example.com"]);
  await worked(2);
  await engine.search.caughtUp();
  await at(9.9);
  expect(kept()).toEqual([personal, both]);
  expect((await engine.search.find("marmalade", { limit: 5 })).messages).toHaveLength(1);

  await at(10.1);
  expect(kept()).toEqual([both]);
  expect((await engine.search.find("marmalade", { limit: 5 })).messages).toEqual([]);
  expect((await engine.search.find("quince", { limit: 5 })).messages).toHaveLength(1);
  expect(count("SELECT count(*) AS n FROM objects WHERE key LIKE ?", `%${personal}%`)).toBe(0);
  for (const table of ["recipients", "metas", "actions", "verifications", "effects", "stream_feed", "fingerprints"])
    expect([table, count(`SELECT count(*) AS n FROM ${table} WHERE seq = 1`)]).toEqual([table, 0]);
  expect((await engine.store.engine.status()).messages).toBe(1);

  await at(30.1);
  expect(kept()).toEqual([]);
  expect(count("SELECT count(*) AS n FROM contents")).toBe(0);
  await expect
    .poll(async () =>
      (await readdir(join(folder, "data", "contents"), { recursive: true })).filter((n) => n.length > 10),
    )
    .toEqual([]);
  // What belongs to somebody else stays.
  expect(existsSync(join(folder, "data", "maildir", "ann", "new"))).toBe(true);
  expect((await readdir(join(folder, "data", "maildir", "ann", "new"))).length).toBe(2);
  expect((await engine.ports.tickets.list({ limit: 5 })).tickets).toHaveLength(1);
}, 120_000);

test("a record of the bounce stream goes with its mail", async () => {
  await start({ ...base, retention: { streams: { bounce: { days: 5 } } } });
  const report = [
    "From: MAILER-DAEMON@sender.example",
    "To: support@example.com",
    "Subject: Undelivered Mail Returned to Sender",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    "MIME-Version: 1.0",
    "",
    "--b",
    "",
    "It could not be delivered.",
    "--b",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; mx.sender.example",
    "",
    "Final-Recipient: rfc822; bob@sender.example",
    "Action: failed",
    "Status: 5.1.1",
    "",
    "--b--",
    "",
  ].join("\r\n");
  await send(report, ["support@example.com"]);
  const personal = await send(mail("Personal"), ["ann@example.com"]);
  await worked(2);
  expect((await engine.ports.records.list({ limit: 5 })).map(({ kind }) => kind)).toEqual(["bounce"]);
  await at(6);
  expect(kept()).toEqual([personal]);
  expect(await engine.ports.records.list({ limit: 5 })).toEqual([]);
}, 120_000);

test("a period of no stream, or of no length, is refused with its place", () => {
  const refusal = (retention: unknown) => {
    try {
      resolveConfig({ ...base, retention });
    } catch (error) {
      return String(error);
    }
    return "accepted";
  };
  expect(refusal({ streams: { bounc: { days: 5 } } })).toMatch(/retention\.streams\.bounc\b[\s\S]*bounce/);
  expect(refusal({ default: { days: 0 } })).toMatch(/retention\.default\.days/);
  expect(refusal({ natures: { autoreply: { days: 3 } } })).toMatch(/retention\.natures\b[\s\S]*auto-reply/);
  expect(refusal({ streams: { ticket: { natures: { human: { days: 0 } } } } })).toMatch(/natures\.human\.days/);
  expect(refusal({ tickets: { days: 0 } })).toMatch(/retention\.tickets\.days/);
  expect(refusal({ default: { day: 3 } })).toMatch(/retention\.default\.day\b[\s\S]*days/);
  expect(refusal({ default: { days: 1 }, streams: { bounce: { days: "forever" } } })).toBe("accepted");
});

test("a nature has a period of its own, in every stream or in one", async () => {
  await start({
    ...base,
    retention: {
      default: { days: 10 },
      streams: { personal: { natures: { "auto-reply": { days: 2 } } } },
      natures: { "auto-reply": { days: 20 } },
    },
  });
  const automatic = { "Auto-Submitted": "auto-replied", Subject: "Out of office" };
  const personal = await send(mail("Away", "I am away.", automatic), ["ann@example.com"]);
  const diverted = await send(mail("Away too", "I am away.", automatic), ["support@example.com"]);
  const human = await send(mail("Human", "Hello."), ["ann@example.com"]);
  await worked(3);
  await at(3);
  expect(kept()).toEqual([diverted, human]);
  expect(kept()).not.toContain(personal);
  await at(11);
  expect(kept()).toEqual([diverted]);
  await at(21);
  expect(kept()).toEqual([]);
}, 120_000);

test("a ticket expires when it was closed so long ago, an open or a held one does not", async () => {
  await start({ ...base, retention: { tickets: { days: 30 } } });
  const author = (name: string) => ({ From: `${name} <${name}@sender.example>` });
  await send(mail("Closed", "One.", author("one")), ["support@example.com"]);
  await send(mail("Open", "Two.", author("two")), ["support@example.com"]);
  await send(mail("Held", "Three.", author("three")), ["support@example.com"]);
  await worked(3);
  const subjects = async () =>
    (await engine.ports.tickets.list({ limit: 9 })).tickets.map(({ subject }) => subject).sort();
  expect(await subjects()).toEqual(["Closed", "Held", "Open"]);
  for (const { id, subject } of (await engine.ports.tickets.list({ limit: 9 })).tickets)
    if (subject !== "Open") await engine.ports.tickets.change(id, { id: `close-${id}`, state: "closed" });
  const holds = createHolds(engine.store.database);
  const subject = "three@sender.example";
  await holds.hold({ subject, reason: "case 4711", by: "counsel", at: clock.now().toISOString() });
  await at(29);
  expect(await subjects()).toEqual(["Closed", "Held", "Open"]);
  await at(31);
  expect(await subjects()).toEqual(["Held", "Open"]);
  expect(count("SELECT count(*) AS n FROM ticket_entries")).toBe(2);
  expect(count("SELECT count(*) AS n FROM ticket_message_ids")).toBeGreaterThan(0);
  // The mail has a period of its own: none.
  expect(kept()).toHaveLength(3);
  await holds.release(subject);
  await at(32);
  expect(await subjects()).toEqual(["Open"]);
  await at(4_000);
  expect(await subjects()).toEqual(["Open"]);
}, 120_000);

test("a shorter period is told at start with what goes, and deletes nothing for an hour", async () => {
  await start({ ...base, retention: { default: { days: 100 } } });
  const ids = [await send(mail("One"), ["ann@example.com"]), await send(mail("Two"), ["support@example.com"])];
  await worked(2);
  for (const { id } of (await engine.ports.tickets.list({ limit: 9 })).tickets)
    await engine.ports.tickets.change(id, { id: `close-${id}`, state: "closed" });
  await at(20);
  await engine.stop();
  const shorter: MailConfig = {
    ...base,
    retention: { default: { days: 10 }, streams: { personal: { days: 50 } }, tickets: { days: 10 } },
  };
  const store = await openStoreReadOnly(join(folder, "data"));
  const { retention } = resolveConfig(shorter);
  expect(await whatIsShortened(store.database, retention, clock.now())).toEqual({
    messages: 1,
    oldest: "2026-08-04T09:15:02.000Z",
    byKind: { "ticket human": 1 },
    tickets: 1,
  });
  await store.close();
  const configFile = join(folder, "mailweir.config.ts");
  const streams = { ticket: { recipients: ["support@example.com"] }, personal: { recipients: ["example.com"] } };
  const config = { domains: ["example.com"], streams, retention: { default: { days: 1 }, tickets: { days: 1 } } };
  await writeFile(configFile, `export default ${JSON.stringify(config)};\n`);
  const checked = await checkConfig({ config: configFile, data: join(folder, "data"), dns: false, today: clock.now() });
  expect(checked.findings.filter(({ code }) => code === "retention-shortened")).toEqual([
    expect.objectContaining({
      severity: "warning",
      at: "retention",
      what: expect.stringContaining("and 1 closed tickets"),
    }),
  ]);
  await start(shorter);
  expect(engine.notes.filter((note) => note.startsWith("retention"))).toEqual([
    expect.stringContaining("1 messages since 2026-08-04 (1 × ticket human) and 1 closed tickets"),
  ]);
  engine.wake();
  await engine.settled();
  expect(kept()).toEqual(ids);
  await engine.stop();
  // Lengthened again: nothing is over, nothing is told.
  await start({ ...base, retention: { default: { days: 100 } } });
  expect(engine.notes.filter((note) => note.startsWith("retention"))).toEqual([]);
  await at(21);
  expect(kept()).toEqual(ids);
  await engine.stop();
  await start(shorter);
  await at(21.5);
  expect(kept()).toEqual([ids[0]]);
}, 120_000);

test("without a configured period nothing ever expires", async () => {
  const { retention: _, ...without } = base;
  await start(without);
  const id = await send(mail("Personal"), ["ann@example.com"]);
  await worked(1);
  now = begin + 4_000 * dayMs;
  engine.wake();
  await engine.settled();
  expect(kept()).toEqual([id]);
  expect(count("SELECT count(*) AS n FROM settings WHERE name = 'began expire-mail'")).toBe(0);
}, 120_000);

test("what is not done stays, and goes when it is done", async () => {
  failing = true;
  await start();
  const id = await send(mail("Own"), ["own@example.com"]);
  await settle(() => count("SELECT count(*) AS n FROM recipients WHERE attempts > 0") === 1 && open() === 1);
  // The queue would give up otherwise: nothing of it is due while the job looks.
  await engine.store.database.write(
    (tx) => void tx.run("UPDATE queue_messages SET visible_at = ?", begin + 12 * dayMs),
  );
  await at(11);
  expect(kept()).toEqual([id]);
  // Also where no queue names it.
  const bodies = engine.store.database.read((sql) => sql.all("SELECT id, body FROM queue_messages"));
  await engine.store.database.write((tx) => void tx.run("UPDATE queue_messages SET body = '{}'"));
  await at(11.2);
  expect(kept()).toEqual([id]);
  await engine.store.database.write((tx) => {
    for (const { id, body } of bodies)
      tx.run("UPDATE queue_messages SET body = ? WHERE id = ?", String(body), Number(id));
  });
  failing = false;
  await at(12.5);
  await worked(1);
  await at(13);
  expect(kept()).toEqual([]);
}, 120_000);

test("held in quarantine it stays until that is over", async () => {
  await start();
  const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
  const id = await send(mail("Spam", gtube), ["ann@example.com"]);
  await worked(1);
  expect(await engine.ports.quarantine.list({ limit: 5 })).toHaveLength(1);
  await at(11);
  expect(kept()).toEqual([id]);
  await at(31);
  await settle(() => count("SELECT count(*) AS n FROM quarantine") === 0);
  await at(31.1);
  expect(kept()).toEqual([]);
}, 120_000);

test.for([
  "message",
  "address in the text",
] as const)("a hold on the %s keeps it and the log says why", async (what) => {
  await start();
  const held = await send(mail("Held", "Ask Counsel@Case.Example about it."), ["ann@example.com"]);
  const other = await send(mail("Other"), ["ann@example.com"]);
  await worked(2);
  const holds = createHolds(engine.store.database);
  const subject = what === "message" ? held : "counsel@case.example";
  await holds.hold({ subject, reason: "case 4711", by: "counsel", at: clock.now().toISOString() });
  await at(11);
  expect(kept()).toEqual([held]);
  expect(kept()).not.toContain(other);
  // The log is written behind the turn.
  const told = async () => {
    const log = await readFile(join(folder, "data", "engine.log"), "utf8");
    return log.split("\n").filter((line) => line.includes("case 4711") && line.includes(held));
  };
  await expect.poll(told, { timeout: 60_000 }).toHaveLength(1);
  await holds.release(subject);
  await at(12);
  expect(kept()).toEqual([]);
});

test("a run that died between two batches is finished after a restart, and the search forgets too", async () => {
  await start();
  for (let n = 0; n < 30; n++) await send(mail(`Personal ${n}`, "Marmalade."), ["ann@example.com"]);
  await worked(30);
  await engine.search.caughtUp();
  expect((await engine.search.find("marmalade", { limit: 50 })).messages).toHaveLength(30);
  const later = { now: () => new Date(begin + 11 * dayMs) };
  const died: unknown[] = [];
  const expiry = createExpiry({
    store: engine.store,
    // Dies behind the first commit.
    search: { forget: () => Promise.reject(new Error("killed")), sweep: () => Promise.reject(new Error("swept")) },
    retention: engine.config.retention,
    clock: later,
    log: { info: () => undefined, error: (_, fields) => void died.push(fields) },
  });
  await expiry.tick();
  await expiry.idle();
  expect(died).toEqual([{ cause: "killed" }]);
  expect(kept()).toHaveLength(5);
  await engine.stop();
  now = begin + 11.1 * dayMs;
  await start();
  await settle(() => kept().length === 0);
  const left = await indexed();
  expect(left).toBe(0);
}, 120_000);

async function indexed(): Promise<number> {
  const index = openIndexReadOnly(engine.store.folder);
  try {
    return index.read((sql) => Number(sql.get("SELECT count(*) AS n FROM docs")?.["n"]));
  } finally {
    await index.close();
  }
}
