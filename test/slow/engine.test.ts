import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTransport } from "nodemailer";
import { expect, onTestFinished, test } from "vitest";
import { type Engine, startEngine } from "../../local/engine.ts";
import type { MailConfig } from "../../shared/config/types.ts";
import type { Ticket } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { allTickets, mailsOf } from "../all-tickets.ts";

// Handlers that run in this process log to its stdout, one line per decision; they are loaded at the first mail.
process.env["POWERTOOLS_LOG_LEVEL"] = "ERROR";

// Split, so that no scanner takes this file for the thing itself.
const gtube = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");
const eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");

// Mail of example.net from this machine is authentic; example.org says that none of its mail comes from here.
const zone = {
  "example.net": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "example.org": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
  "_dmarc.example.org": { TXT: ["v=DMARC1; p=none"] },
};

interface Mail {
  readonly from?: string;
  readonly to: string | readonly string[];
  /** Header lines beside or instead of the usual ones, without their end. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

const request = ["From: person@example.net", "To: unsubscribe@example.com", "Subject: unsubscribe"];

test("each mail ends in its stream, with its work done", async () => {
  const { engine, send } = await startTemporary();
  const ticket = await send({ to: "support@example.com" });
  const personal = await send({ to: "ann@example.com" });
  const unsubscribe = await send({ to: "unsubscribe@example.com", headers: request });
  const spam = await send({ to: "support@example.com", body: gtube });
  const virus = await send({ to: "ann@example.com", body: eicar });
  const rejected = await send({ to: ["gone@example.com", "bob@example.com"] });

  expect(await ended(engine, ticket)).toEqual(["support@example.com ticket done ticket-opened"]);
  expect((await tickets(engine)).map((ticket) => mailsOf(ticket).map(({ sesMessageId }) => sesMessageId))).toEqual([
    [ticket],
  ]);

  expect(await ended(engine, personal)).toEqual(["ann@example.com personal done delivered"]);
  const [file] = await readdir(join(engine.data, "maildir/ann/new"));
  const delivered = await readFile(join(engine.data, "maildir/ann/new", file ?? ""), "latin1");
  expect(delivered.endsWith((await raw(engine, personal)).toString("latin1"))).toBe(true);

  expect(await ended(engine, unsubscribe)).toEqual(["unsubscribe@example.com unsubscribe done suppressed"]);
  expect(await engine.ports.suppressions.list({ limit: 10 })).toMatchObject([
    { address: "person@example.net", list: "*", evidence: { sesMessageId: unsubscribe } },
  ]);

  expect(await ended(engine, spam)).toEqual(["support@example.com quarantine quarantined held"]);
  expect(await ended(engine, virus)).toEqual(["ann@example.com quarantine quarantined held"]);
  const held = await engine.ports.quarantine.list({ limit: 10 });
  expect(held.map(({ sesMessageId, intendedStream }) => `${sesMessageId} ${intendedStream}`).sort()).toEqual(
    [`${spam} ticket`, `${virus} personal`].sort(),
  );

  expect(await ended(engine, rejected)).toEqual([
    "gone@example.com null done rejected",
    "bob@example.com personal done delivered",
  ]);
  const outbox = (await readdir(join(engine.data, "outbox"))).filter((name) => name.endsWith(".eml"));
  expect(outbox.length).toBe(1);
  const bounce = await readFile(join(engine.data, "outbox", outbox[0] ?? ""), "latin1");
  expect(bounce).toMatch(/^To: .*person@example\.net/m);
  expect(bounce).toMatch(/^Final-Recipient: rfc822; ?gone@example\.com/m);
  expect(bounce).toMatch(/^Status: 5\.1\.1/m);
  expect((await readdir(join(engine.data, "maildir/bob/new"))).length).toBe(1);
});

test("nothing automatic and nobody's forgery unsubscribes", async () => {
  const { engine, send } = await startTemporary();
  const to = "unsubscribe@example.com";
  const dsn = await send({
    from: "",
    to,
    headers: [
      "From: Mail Delivery System <mailer-daemon@example.net>",
      "Subject: Undelivered Mail Returned to Sender",
      "Auto-Submitted: auto-replied",
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
      "MIME-Version: 1.0",
    ],
    body:
      "--b\r\nContent-Type: text/plain\r\n\r\nUser unknown\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
      "Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; nobody@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--",
  });
  const vacation = await send({
    to,
    headers: ["From: person@example.net", "Subject: Out of office: your newsletter", "Auto-Submitted: auto-replied"],
    body: "I am away until Monday. To unsubscribe from my holidays is impossible.",
  });
  const spoof = await send({
    to,
    from: "attacker@example.org",
    headers: ["From: victim@example.org", "Subject: unsubscribe"],
    body: "unsubscribe",
  });
  // The envelope is authentic, but it is not the author's.
  const borrowed = await send({
    to,
    from: "attacker@example.net",
    headers: ["From: victim@example.org", "Subject: unsubscribe"],
    body: "unsubscribe",
  });
  expect(await ended(engine, dsn)).toEqual([`${to} bounce done recorded`]);
  expect(await ended(engine, vacation)).toEqual([`${to} auto-reply done recorded`]);
  expect(await ended(engine, spoof)).toEqual([`${to} unsubscribe done not-authenticated`]);
  expect(await ended(engine, borrowed)).toEqual([`${to} unsubscribe done not-authenticated`]);
  expect(await engine.ports.suppressions.list({ limit: 10 })).toEqual([]);
});

test("every notice, S3 event and queue message twenty times, while the first is in flight: one of each effect", async () => {
  const { engine, send } = await startTemporary();
  const { noticeQueue, objectQueue, streamQueue } = engine.config.names;
  const queues = [noticeQueue, objectQueue, ...["ticket", "unsubscribe", "personal"].map(streamQueue)];
  const copied = copyEverything(engine, queues, 20);
  const id = await send({
    to: ["support@example.com", "unsubscribe@example.com", "ann@example.com"],
    headers: request,
  });

  expect(await ended(engine, id)).toEqual([
    "support@example.com ticket done ticket-opened",
    "unsubscribe@example.com unsubscribe done suppressed",
    "ann@example.com personal done delivered",
  ]);
  await emptied(engine, queues);
  // Two routers at once may both send, since neither has noted yet that it did.
  for (const queue of queues) expect(copied.get(queue)).toBeGreaterThanOrEqual(20);
  expect(await effects(engine)).toEqual({ entries: [id], suppressed: ["person@example.net"], files: 1 });
});

test("started from a configuration file, whose handlers run in worker threads; restarted, it finds everything", async () => {
  const started = await startTemporary("file");
  const id = await started.send({
    to: ["support@example.com", "unsubscribe@example.com", "ann@example.com"],
    headers: request,
  });
  const held = await started.send({ to: "ann@example.com", body: eicar });
  const expected = [
    "support@example.com ticket done ticket-opened",
    "unsubscribe@example.com unsubscribe done suppressed",
    "ann@example.com personal done delivered",
  ];
  expect(await ended(started.engine, id)).toEqual(expected);
  expect(await ended(started.engine, held)).toEqual(["ann@example.com quarantine quarantined held"]);
  const before = { effects: await effects(started.engine), raw: await raw(started.engine, id) };
  await started.engine.stop();

  const { engine, send } = await started.again();
  expect(await ended(engine, id)).toEqual(expected);
  expect(await effects(engine)).toEqual(before.effects);
  expect((await raw(engine, id)).equals(before.raw)).toBe(true);
  expect((await engine.ports.quarantine.list({ limit: 10 })).map(({ sesMessageId }) => sesMessageId)).toEqual([held]);

  // It goes on as well: an answer to the first mail joins the ticket of before.
  const answer = await send({
    to: "support@example.com",
    headers: [`In-Reply-To: ${messageId(1)}`, "Subject: Re: a word"],
  });
  expect(await ended(engine, answer)).toEqual(["support@example.com ticket done ticket-joined"]);
  expect((await tickets(engine)).map(({ entries }) => entries.length)).toEqual([2]);
});

const messageId = (number: number) => `<engine-${number}@example.net>`;

async function startTemporary(how: "object" | "file" = "object") {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-engine-"));
  const zoneFile = join(folder, "zone.json");
  await writeFile(zoneFile, JSON.stringify(zone));
  const config: MailConfig = {
    domains: ["example.com"],
    streams: {
      ticket: { recipients: ["support@example.com"] },
      unsubscribe: { recipients: ["unsubscribe@example.com"] },
      personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
    },
    rejects: [{ recipients: ["gone@example.com"], template: "mailbox-does-not-exist" }],
    local: { dns: { zone: zoneFile } },
  };
  const configPath = join(folder, "mailweir.config.ts");
  await writeFile(configPath, `export default ${JSON.stringify(config)};\n`);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));

  let sent = 0;
  const again = async () => {
    const engine = await startEngine({
      ...(how === "file" ? { configPath } : { config }),
      smtp: "127.0.0.1:0",
      http: "127.0.0.1:0",
      data: join(folder, "data"),
      stderr: "none",
    });
    onTestFinished(() => engine.stop());
    const [host = "", port = ""] = engine.smtp.split(":");
    const transport = createTransport({ host, port: Number(port), ignoreTLS: true, name: "mx.example.net" });
    const send = async ({ from = "person@example.net", to, headers, body = "Thank you." }: Mail) => {
      sent += 1;
      const recipients = typeof to === "string" ? [to] : [...to];
      const usual = [
        `To: ${recipients.join(", ")}`,
        `Message-ID: ${messageId(sent)}`,
        "Date: Tue, 04 Aug 2026 09:15:02 +0000",
      ];
      const named = headers ?? [];
      const author = named.some((line) => line.startsWith("From:")) ? [] : ["From: A Person <person@example.net>"];
      const subject = named.some((line) => line.startsWith("Subject:")) ? [] : ["Subject: a word"];
      const octets = Buffer.from([...author, ...usual, ...subject, ...named, "", `${body}\r\n`].join("\r\n"), "latin1");
      const { response } = await transport.sendMail({ envelope: { from, to: recipients }, raw: octets });
      return (/^250 OK ([0-9a-z]{40})/.exec(response)?.[1] ?? response) as SesMessageId;
    };
    return { engine, send };
  };
  return { ...(await again()), again };
}

/** Waits until every recipient of the message has ended; `<recipient> <stream> <state> <outcome>`, in envelope order. */
async function ended(engine: Engine, id: SesMessageId): Promise<string[]> {
  for (;;) {
    await engine.settled();
    const listed = (await engine.store.engine.list({ limit: 100 })).find(({ sesMessageId }) => sesMessageId === id);
    const recipients = listed?.recipients ?? [];
    if (recipients.length > 0 && recipients.every(({ state }) => isEnd(state))) {
      return recipients.map(({ recipient, stream, state, outcome }) => `${recipient} ${stream} ${state} ${outcome}`);
    }
    await sleep(10);
  }
}

const isEnd = (state: string) => state === "done" || state === "quarantined" || state === "failed";

/**
 * Sends each message that appears in one of the queues again, so that it is there `times` times at once: what SNS, S3 and
 * SQS may do, and more. Answers how often each queue has had its message.
 */
function copyEverything(engine: Engine, names: readonly string[], times: number): ReadonlyMap<string, number> {
  const { queues } = engine.store.ports;
  const seen = new Set<string>();
  const copied = new Map<string, number>();
  const stop = engine.store.engine.onChange(() => {
    for (const name of names) {
      void queues.peek(name, { limit: 100 }).then(async (messages) => {
        for (const { body } of messages) {
          if (seen.has(body)) continue;
          seen.add(body);
          copied.set(name, (copied.get(name) ?? 0) + times);
          const copies = Array.from({ length: times - 1 }, (_, copy) => ({ id: String(copy), body, delaySeconds: 0 }));
          await queues.send(name, copies);
        }
      });
    }
  });
  onTestFinished(stop);
  return copied;
}

/** Waits until nothing is visible or in flight in the queues; what is delayed on purpose stays. */
async function emptied(engine: Engine, queues: readonly string[]): Promise<void> {
  for (;;) {
    await engine.settled();
    const counts = await Promise.all(queues.map(engine.store.ports.queues.counts));
    if (counts.every(({ visible, inFlight }) => visible === 0 && inFlight === 0)) return;
    await sleep(10);
  }
}

async function tickets(engine: Engine): Promise<readonly Ticket[]> {
  return allTickets(engine.ports.tickets);
}

async function effects(engine: Engine) {
  const entries = (await tickets(engine)).flatMap((ticket) => mailsOf(ticket).map(({ sesMessageId }) => sesMessageId));
  const suppressions = await engine.ports.suppressions.list({ limit: 100 });
  const files = await readdir(join(engine.data, "maildir/ann/new"));
  return { entries, suppressed: suppressions.map(({ address }) => address).sort(), files: files.length };
}

async function raw(engine: Engine, id: SesMessageId): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of engine.store.engine.openRaw(id)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
