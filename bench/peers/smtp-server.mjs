// smtp-server as its documentation shows it: `discard` throws the mail away, `sqlite` commits each mail before its 250.
import { DatabaseSync } from "node:sqlite";
import { SMTPServer } from "smtp-server";

const [store, folder] = process.argv.slice(2);
let insert;
if (store === "sqlite") {
  const database = new DatabaseSync(`${folder}/mail.sqlite`);
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE mail (id INTEGER PRIMARY KEY, sender TEXT, recipients TEXT, received_at INTEGER, raw BLOB)`);
  insert = database.prepare("INSERT INTO mail (sender, recipients, received_at, raw) VALUES (?, ?, ?, ?)");
}

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH"],
  disableReverseLookup: true,
  logger: false,
  size: 41_943_040,
  onRcptTo: ({ address }, _session, answer) =>
    answer(address.endsWith("@in.example") ? null : Object.assign(new Error("no such user"), { responseCode: 550 })),
  onData(stream, session, answer) {
    if (!insert) {
      stream.on("data", () => {});
      stream.on("end", answer);
      return;
    }
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      const { mailFrom, rcptTo } = session.envelope;
      const recipients = JSON.stringify(rcptTo.map(({ address }) => address));
      insert.run(mailFrom.address, recipients, Date.now(), Buffer.concat(chunks));
      answer();
    });
  },
});
server.on("error", () => {});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.server.address().port })));
