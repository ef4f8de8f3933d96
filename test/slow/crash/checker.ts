import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Effect, Mail } from "./traffic.ts";

/** What the senders wrote down: every mail they tried, and each SES id that a 250 named for it. */
export interface SendersRecord {
  readonly mails: readonly Mail[];
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Where there is a next hop: how often it took which Message-ID. */
  readonly relayed?: ReadonlyMap<string, number>;
}

export interface Verdict {
  /** A sentence each; none when nothing was lost, doubled or broken. */
  readonly faults: readonly string[];
  readonly acknowledged: number;
  /** SES ids in the store, also those whose sender never heard of it. */
  readonly stored: number;
  readonly effects: Readonly<Record<string, number>>;
}

/**
 * Judges a data folder whose engine has stopped. Deliberately knows nothing of the engine's code: it reads the senders' record, the
 * tables and the files, as somebody would who does not believe a word.
 */
export function checkFolder(data: string, record: SendersRecord): Verdict {
  const faults: string[] = [];
  const database = new DatabaseSync(join(data, "mailweir.sqlite3"));
  try {
    const all = (text: string) => database.prepare(text).all() as Record<string, string | number | null | Uint8Array>[];
    const integrity = all("PRAGMA integrity_check").map((row) => String(row["integrity_check"]));
    if (integrity.join() !== "ok") faults.push(`the database is damaged: ${integrity.slice(0, 3).join("; ")}`);

    const stored = storedMails(data, all, record, faults);
    checkAcknowledged(record, stored, faults);
    checkStates(all, stored, faults);
    const effects = countEffects(data, all);
    checkEffects(record, stored, effects, faults);
    checkLeftovers(data, all, faults);
    checkOutgoing(all, record, faults);
    return {
      faults,
      acknowledged: record.acknowledged.size,
      stored: stored.size,
      effects: Object.fromEntries([...effects].map(([name, ids]) => [name, ids.length])),
    };
  } finally {
    database.close();
  }
}

/**
 * What a 250 and a committed row promise: each acknowledged mail is there, whole, and so is every file that the database says
 * was delivered or written. For a folder that no engine has seen since the power went.
 */
export function checkPromised(data: string, record: SendersRecord): string[] {
  const faults: string[] = [];
  let database: DatabaseSync;
  try {
    // A folder that was lost altogether must not be made here.
    statSync(join(data, "mailweir.sqlite3"));
    database = new DatabaseSync(join(data, "mailweir.sqlite3"));
  } catch (error) {
    return record.acknowledged.size === 0 ? [] : [`there is no database: ${String(error)}`];
  }
  try {
    const all = (text: string) => database.prepare(text).all() as Record<string, string | number | null | Uint8Array>[];
    const integrity = all("PRAGMA integrity_check").map((row) => String(row["integrity_check"]));
    if (integrity.join() !== "ok") faults.push(`the database is damaged: ${integrity.slice(0, 3).join("; ")}`);
    if (all("SELECT 1 FROM sqlite_master WHERE name = 'messages'").length === 0) {
      return record.acknowledged.size === 0 ? faults : ["the database has no tables"];
    }
    const stored = storedMails(data, all, record, faults);
    checkAcknowledged(record, stored, faults);
    checkNoted(data, all, stored, faults);
  } catch (error) {
    faults.push(`the database cannot be read: ${String(error)}`);
  } finally {
    database.close();
  }
  return faults;
}

type Query = (text: string) => Record<string, string | number | null | Uint8Array>[];
/** SES id → number of the mail whose octets it holds. */
type Stored = ReadonlyMap<string, Mail>;

function storedMails(data: string, all: Query, { mails }: SendersRecord, faults: string[]): Stored {
  const byHash = new Map(mails.map((mail) => [mail.sha256, mail]));
  const stored = new Map<string, Mail>();
  const rows = all(
    `SELECT ids.ses_message_id AS id, c.path, c.bytes, c.size_bytes, m.recipients FROM messages m
     JOIN ids USING (seq) LEFT JOIN contents c ON c.id = m.raw`,
  );
  for (const { id, path, bytes, size_bytes: size, recipients } of rows) {
    let octets: Uint8Array | undefined;
    try {
      octets = path === null ? (bytes as Uint8Array) : readFileSync(join(data, "contents", String(path)));
    } catch {
      // Said below.
    }
    const hash = octets && createHash("sha256").update(octets).digest("hex");
    const mail = hash === undefined ? undefined : byHash.get(hash);
    if (!mail) {
      faults.push(
        `${id} holds octets that nobody sent (${octets?.length ?? "none"} of ${size}, ${path ?? "in a row"})`,
      );
      continue;
    }
    if (JSON.stringify(mail.to) !== recipients) faults.push(`${id} is for ${recipients} instead of ${mail.to}`);
    stored.set(String(id), mail);
  }
  return stored;
}

function checkAcknowledged({ acknowledged }: SendersRecord, stored: Stored, faults: string[]): void {
  for (const [id, number] of acknowledged) {
    const mail = stored.get(id);
    if (!mail) faults.push(`LOST: ${id} got its 250 (mail ${number}) and is not stored`);
    else if (mail.number !== number) faults.push(`${id} was mail ${number} and holds mail ${mail.number}`);
  }
}

function checkNoted(data: string, all: Query, stored: Stored, faults: string[]): void {
  const effects = all(
    "SELECT ids.ses_message_id AS id, result FROM effects JOIN ids USING (seq) WHERE effect LIKE 'deliver maildir%'",
  );
  for (const { id, result } of effects) {
    const raw = stored.get(String(id))?.raw;
    const octets = readOrNothing(join(data, String(result)));
    if (!octets) faults.push(`LOST: ${id} was delivered to ${result}, and no such file is there`);
    else if (raw && !octets.subarray(-raw.length).equals(raw)) faults.push(`LOST: ${result} is not what was delivered`);
  }
  for (const { id, size, name } of all(
    "SELECT outbox.id, size_bytes AS size, message_id AS name FROM outbox JOIN contents ON contents.id = content WHERE filed = 1",
  )) {
    const file = names(join(data, "outbox")).find((candidate) => candidate.endsWith(`-${id}.eml`));
    const octets = file === undefined ? undefined : readOrNothing(join(data, "outbox", file));
    if (!octets) faults.push(`LOST: ${name} was written to the outbox, and no such file is there`);
    else if (octets.length !== size || octets.includes(0)) faults.push(`LOST: ${file} is not what was written`);
  }
}

function readOrNothing(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function checkStates(all: Query, stored: Stored, faults: string[]): void {
  const rows = all(
    `SELECT ids.ses_message_id AS id, recipient, stream, state, outcome, cause FROM recipients JOIN ids USING (seq)`,
  );
  const byId = Map.groupBy(rows, ({ id }) => String(id));
  for (const [id, mail] of stored) {
    const records = byId.get(id) ?? [];
    const present = records.map(({ recipient }) => String(recipient)).sort();
    if (present.join() !== [...mail.to].sort().join()) faults.push(`${id} has records for ${present}`);
    for (const { recipient, state, outcome, cause } of records) {
      if (state !== "done" && state !== "quarantined") {
        faults.push(`STUCK: ${id} ${recipient} is ${state}, outcome ${outcome}, cause ${cause}`);
      } else if (outcome === null) faults.push(`${id} ${recipient} is ${state} without an outcome`);
    }
  }
}

type Effects = ReadonlyMap<Effect | "acknowledgement", readonly string[]>;

/** The effects that the stores and folders hold, as `<SES id>` or `<SES id> <recipient>`, once for each time they happened. */
function countEffects(data: string, all: Query): Effects {
  const tickets = all("SELECT entry FROM ticket_entries").flatMap(({ entry }) => {
    const { sesMessageId } = JSON.parse(String(entry)) as { sesMessageId?: string };
    return sesMessageId === undefined ? [] : [sesMessageId];
  });
  const suppressions = all("SELECT evidence FROM suppression_changes WHERE kind = 'suppressed'").map(
    ({ evidence }) => (JSON.parse(String(evidence)) as { sesMessageId: string }).sesMessageId,
  );
  const outgoing = all("SELECT kind, about FROM outbox");
  const about = (kind: string) => outgoing.filter((row) => row["kind"] === kind).map((row) => String(row["about"]));
  const held = all("SELECT ids.ses_message_id AS id, recipient FROM quarantine JOIN ids USING (seq)");
  return new Map<Effect | "acknowledgement", readonly string[]>([
    ["ticket", tickets],
    ["suppression", suppressions],
    ["bounce", about("bounce")],
    ["acknowledgement", about("acknowledgement")],
    ["forward", about("forward")],
    ["held", held.map(({ id, recipient }) => `${id} ${recipient}`)],
    ["file", deliveredFiles(data)],
  ]);
}

/** `<SES id> <recipient>` of each file in a Maildir; whose it is says the hash in its name. */
function deliveredFiles(data: string): string[] {
  const found: string[] = [];
  const folder = join(data, "maildir");
  const known = new Map(
    ["ann@example.com", "bob@example.com"].map((recipient) => [
      createHash("sha256").update(recipient).digest("hex").slice(0, 16),
      recipient,
    ]),
  );
  for (const mailbox of names(folder)) {
    for (const part of ["new", "cur"]) {
      for (const name of names(join(folder, mailbox, part))) {
        const [, id = name, to = ""] = /^\d+\.([0-9a-z]+)_([0-9a-f]+)/.exec(name) ?? [];
        found.push(`${id} ${known.get(to) ?? to}`);
      }
    }
  }
  return found;
}

/**
 * Once per SES id and, since a sender that missed our 250 sends the very same mail again, once per mail. Bounces are SES's own
 * action, which knows no duplicates: one for each SES id.
 */
function checkEffects(
  { mails, acknowledged }: SendersRecord,
  stored: Stored,
  effects: Effects,
  faults: string[],
): void {
  const sent = new Set(acknowledged.values());
  const idsOf = new Map<number, string[]>();
  for (const [id, mail] of stored) idsOf.set(mail.number, [...(idsOf.get(mail.number) ?? []), id]);
  const counts = new Map([...effects].map(([name, list]) => [name, counted(list)]));
  const times = (effect: Effect | "acknowledgement", id: string, recipient: string) => {
    const count = counts.get(effect);
    return (count?.get(id) ?? 0) + (count?.get(`${id} ${recipient}`) ?? 0);
  };
  const expected = new Map<string, number>();
  for (const mail of mails) {
    const ids = idsOf.get(mail.number) ?? [];
    if (ids.length === 0) continue;
    for (const [recipient, effect] of Object.entries(mail.effects)) {
      const happened = ids.map((id) => times(effect, id, recipient));
      const total = happened.reduce((sum, count) => sum + count, 0);
      const should = effect === "bounce" ? ids.length : 1;
      if (Math.max(...happened) > 1) faults.push(`DOUBLED: ${effect} for ${recipient}, ${happened} times (${ids})`);
      else if (total > should) faults.push(`DOUBLED: ${effect} for ${recipient} of mail ${mail.number} (${ids})`);
      else if (total < should) {
        const heard = sent.has(mail.number) ? "acknowledged" : "not acknowledged";
        faults.push(`LOST: ${effect} for ${recipient} of mail ${mail.number}, ${heard} (${ids})`);
      }
      expected.set(effect, (expected.get(effect) ?? 0) + should);
      if (effect === "ticket") {
        const told = ids.reduce((sum, id) => sum + times("acknowledgement", id, recipient), 0);
        if (told !== 1) faults.push(`${told} acknowledgements for mail ${mail.number} (${ids})`);
      }
    }
  }
  for (const [effect, list] of effects) {
    if (effect === "acknowledgement") continue;
    const should = expected.get(effect) ?? 0;
    if (list.length !== should) faults.push(`${list.length} × ${effect} in all, ${should} expected`);
  }
}

/** Nothing waits, nothing lies about. */
function checkLeftovers(data: string, all: Query, faults: string[]): void {
  const one = (text: string) => Number(Object.values(all(text)[0] ?? {})[0]);
  const unended = one("SELECT count(*) FROM messages WHERE ended_at IS NULL");
  if (unended > 0) faults.push(`${unended} messages have not ended`);
  for (const { name, value } of all("SELECT name, value FROM totals")) {
    const is =
      name === "bytes"
        ? one("SELECT coalesce(sum(size_bytes), 0) FROM messages")
        : one(`SELECT count(*) FROM messages${name === "unended" ? " WHERE ended_at IS NULL" : ""}`);
    if (value !== is) faults.push(`the total "${name}" says ${value}, there are ${is}`);
  }
  // The safety net's events come a quarter of an hour later, and are no leftover until then.
  const waiting = all("SELECT queue, body FROM queue_messages").filter(
    ({ queue, body }) => !(/object/.test(String(queue)) && String(body).includes('"s3"')),
  );
  if (waiting.length > 0) faults.push(`${waiting.length} queue messages are left, one in ${waiting[0]?.["queue"]}`);
  const unsure = all("SELECT state, count(*) AS n FROM actions WHERE state <> 'done' GROUP BY state");
  if (unsure.length > 0) faults.push(`actions are ${JSON.stringify(unsure)}`);

  const named = new Map(
    all("SELECT path, size_bytes FROM contents WHERE path IS NOT NULL").map((row) => [row["path"], row["size_bytes"]]),
  );
  const folder = join(data, "contents");
  let files = 0;
  for (const start of names(folder)) {
    for (const name of names(join(folder, start))) {
      files += 1;
      const size = named.get(`${start}/${name}`);
      if (size === undefined) faults.push(`contents/${start}/${name} belongs to no row`);
      else if (size !== statSync(join(folder, start, name)).size) faults.push(`contents/${start}/${name} is cut`);
    }
  }
  if (files < named.size) faults.push(`${named.size - files} files of contents/ are missing`);
  const lost = one(
    `SELECT count(*) FROM contents c LEFT JOIN (
       SELECT id, sum(n) AS n FROM (
         SELECT raw AS id, count(*) AS n FROM messages GROUP BY raw
         UNION ALL SELECT content, count(*) FROM objects GROUP BY content
         UNION ALL SELECT content, count(*) FROM outbox GROUP BY content
       ) GROUP BY id
     ) r ON r.id = c.id WHERE c.refs <> coalesce(r.n, 0)`,
  );
  if (lost > 0) faults.push(`${lost} contents count their references wrong`);
  const spooled = names(join(data, "spool"));
  if (spooled.length > 0) faults.push(`the spool holds ${spooled.length} files`);
  const outgoing = names(join(data, "outbox"));
  const kept = one("SELECT count(*) FROM outbox WHERE state = 'kept'");
  if (outgoing.length !== kept) faults.push(`${outgoing.length} files in the outbox folder for ${kept} rows`);
}

/** Without a next hop everything is kept. With one, each mail was taken at least once, under an id that is the mail's own. */
function checkOutgoing(all: Query, { relayed }: SendersRecord, faults: string[]): void {
  const rows = all("SELECT kind, message_id AS id, state FROM outbox");
  const wanted = relayed ? "sent" : "kept";
  const known = new Set<string>();
  for (const { kind, id, state } of rows) {
    const name = String(id).replace(/^<|>$/g, "");
    if (state !== wanted) faults.push(`STUCK: ${kind} ${name} is ${state} instead of ${wanted}`);
    if (known.has(name)) faults.push(`DOUBLED: ${kind} ${name} stands in two rows`);
    known.add(name);
    if (relayed && !relayed.has(name)) faults.push(`LOST: ${kind} ${name} is ${state}, and the next hop never took it`);
  }
  for (const name of relayed?.keys() ?? []) {
    if (!known.has(name)) faults.push(`the next hop took ${name}, which no row knows`);
  }
}

function counted(list: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
