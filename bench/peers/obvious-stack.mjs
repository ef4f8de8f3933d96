// What one would write in an afternoon: smtp-server takes the mail, mailauth checks it, mailparser reads it, SQLite keeps
// it, in one commit with its place in a queue (and, with `effect`, with what a worker would have written), before the 250.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { authenticate } from "mailauth";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

const [mode, folder, zoneFile] = process.argv.slice(2);
const zone = new Map(Object.entries(JSON.parse(readFileSync(zoneFile, "utf8"))));
const resolver = async (name, type) => {
  const records = zone.get(name.toLowerCase())?.[type];
  if (!records) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  return type === "TXT" ? records.map((text) => [text]) : records;
};

const database = new DatabaseSync(`${folder}/mail.sqlite`);
database.exec(`
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE mail (id INTEGER PRIMARY KEY, sender TEXT, recipients TEXT, received_at INTEGER, verdicts TEXT, raw BLOB);
  CREATE TABLE queue (id INTEGER PRIMARY KEY, stream TEXT, mail INTEGER, subject TEXT);
  CREATE TABLE tickets (id INTEGER PRIMARY KEY, subject TEXT, author TEXT, message_id TEXT, body TEXT);
  CREATE TABLE suppressed (address TEXT PRIMARY KEY, since INTEGER)`);
const prepare = (text) => database.prepare(text);
const begin = prepare("BEGIN IMMEDIATE");
const commit = prepare("COMMIT");
const keep = prepare("INSERT INTO mail (sender, recipients, received_at, verdicts, raw) VALUES (?, ?, ?, ?, ?)");
const queue = prepare("INSERT INTO queue (stream, mail, subject) VALUES (?, ?, ?)");
const ticket = prepare("INSERT INTO tickets (subject, author, message_id, body) VALUES (?, ?, ?, ?)");
const suppress = prepare("INSERT OR REPLACE INTO suppressed VALUES (?, ?)");
await mkdir(`${folder}/maildir/tmp`, { recursive: true });
await mkdir(`${folder}/maildir/new`, { recursive: true });

async function deliver(raw) {
  const name = `${Date.now()}.${createHash("sha256").update(raw).digest("hex").slice(0, 20)}.bench`;
  const file = await open(`${folder}/maildir/tmp/${name}`, "w");
  await file.writeFile(raw);
  await file.sync();
  await file.close();
  await rename(`${folder}/maildir/tmp/${name}`, `${folder}/maildir/new/${name}`);
  const directory = await open(`${folder}/maildir/new`, "r");
  await directory.sync();
  await directory.close();
}

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH"],
  disableReverseLookup: true,
  logger: false,
  size: 41_943_040,
  onData(stream, session, answer) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", async () => {
      try {
        const raw = Buffer.concat(chunks);
        const { mailFrom, rcptTo } = session.envelope;
        const [{ spf, dkim, dmarc }, mail] = await Promise.all([
          authenticate(raw, {
            ip: session.remoteAddress,
            helo: session.hostNameAppearsAs,
            sender: mailFrom.address,
            mta: "mx.in.example",
            resolver,
            disableArc: true,
            disableBimi: true,
          }),
          simpleParser(raw),
        ]);
        const verdicts = {
          spf: spf.status.result,
          dkim: dkim.results.map(({ status }) => status.result),
          dmarc: dmarc.status?.result,
        };
        const recipients = rcptTo.map(({ address }) => address);
        const streams = recipients.map((address) => address.split("@")[0]);
        if (mode === "effect" && streams.includes("ann")) await deliver(raw);
        begin.run();
        const { lastInsertRowid } = keep.run(
          mailFrom.address,
          JSON.stringify(recipients),
          Date.now(),
          JSON.stringify(verdicts),
          raw,
        );
        for (const name of streams) {
          if (mode === "queue") queue.run(name, lastInsertRowid, mail.subject ?? "");
          else if (name === "support") {
            ticket.run(mail.subject ?? "", mail.from?.text ?? "", mail.messageId ?? "", mail.text ?? "");
          } else if (name === "unsubscribe") suppress.run(mail.from?.value[0]?.address ?? "", Date.now());
        }
        commit.run();
        if (verdicts.dkim[0] !== "pass" || verdicts.spf !== "pass") throw new Error(JSON.stringify(verdicts));
        answer();
      } catch (error) {
        console.error(error);
        answer(error);
      }
    });
  },
});
server.on("error", () => {});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.server.address().port })));
