import { cpSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { mail, startConsoleEngine } from "../console/console-engine.ts";

// A data folder that somebody is to be forgotten in: every place that may hold them does.

export const victim = "victim.person@gone.example";
export const envelopeOnly = "Nothing names anybody here.";
export const victimConfig = { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } };
export const needles = ["victim.person@gone", Buffer.from("Ask Victim.Person").toString("base64").slice(0, 20)];

/** Five messages, four of them theirs. */
export async function fillForVictim(folder: string): Promise<void> {
  const running = await startConsoleEngine();
  try {
    const { engine } = running;
    const author = { From: `A Victim <${victim}>` };
    const hidden = { "MIME-Version": "1.0", "Content-Type": "text/plain", "Content-Transfer-Encoding": "base64" };
    await running.send(mail("Kept", "Of somebody else."), ["ann@example.com", "support@example.com"]);
    await running.send(mail("Ticket", "A ticket, please.", author), ["support@example.com"], { from: victim });
    await running.send(mail("Envelope", envelopeOnly), ["ann@example.com"], { from: victim });
    await running.send(mail("Large", "A line of text.\r\n".repeat(6_000), author), ["ann@example.com"]);
    await running.send(mail("Hidden", Buffer.from(`Ask Victim.Person@Gone.Example.`).toString("base64"), hidden), [
      "ann@example.com",
    ]);
    await running.ended();
    await engine.search.caughtUp();
    await engine.ports.senders.allow({ address: victim, by: "test", at: "2026-08-04T09:15:02.000Z" });
    await writeFile(join(engine.data, "mailweir.sqlite3.schema-3.saved"), `an old copy with ${victim}`);
    await engine.stop();
    cpSync(engine.data, folder, { recursive: true });
  } finally {
    await running.close();
  }
}

/** Stores their small message so many times more, each with its own octets, object and rows, as a stopped engine leaves it. */
export function multiplyVictim(folder: string, times: number): void {
  const database = new DatabaseSync(join(folder, "mailweir.sqlite3"));
  database.exec(`
    PRAGMA synchronous = OFF;
    BEGIN;
    CREATE TEMP TABLE model AS SELECT m.seq, m.raw, i.ses_message_id AS id FROM messages m JOIN ids i USING (seq) WHERE subject = 'Ticket';
    CREATE TEMP TABLE base AS SELECT (SELECT max(seq) FROM ids) AS seq, (SELECT max(id) FROM contents) AS content;
    CREATE TEMP TABLE n AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${times}) SELECT n FROM c;
    INSERT INTO ids SELECT base.seq + n, printf('%s%07d', substr(model.id, 1, length(model.id) - 7), n) FROM n, base, model;
    INSERT INTO contents SELECT base.content + n, size_bytes, 2, NULL, bytes FROM n, base, model JOIN contents c ON c.id = model.raw;
    UPDATE totals SET value = value + ${times} WHERE name = 'messages';
    UPDATE totals SET value = value + ${times} * (SELECT size_bytes FROM messages JOIN model USING (seq)) WHERE name = 'bytes';
  `);
  const copies = (table: string, changed: Readonly<Record<string, string>>, from: string) => {
    const columns = database
      .prepare("SELECT name FROM pragma_table_info(?)")
      .all(table)
      .map(({ name }) => String(name));
    const values = columns.map((name) => changed[name] ?? `t."${name}"`);
    database.exec(`INSERT INTO ${table} SELECT ${values.join(", ")} FROM n, base, model JOIN ${table} t ON ${from}`);
  };
  copies("messages", { seq: "base.seq + n", raw: "base.content + n" }, "t.seq = model.seq");
  for (const table of ["metas", "recipients", "verifications", "actions", "fingerprints", "effects"])
    copies(table, { seq: "base.seq + n" }, "t.seq = model.seq");
  copies("stream_feed", { id: "NULL", seq: "base.seq + n" }, "t.seq = model.seq");
  const newId = "printf('%s%07d', substr(model.id, 1, length(model.id) - 7), n)";
  copies(
    "objects",
    { id: "NULL", key: `replace(t.key, model.id, ${newId})`, content: "base.content + n" },
    "instr(t.key, model.id) > 0",
  );
  database.exec("COMMIT");
  database.close();
}
