import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DeliveryConfig, ImapAccount } from "../../shared/config/types.ts";
import { createImapMailboxes, type ImapMailboxes } from "../../shared/delivery/imap-mailbox.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { freshId } from "../contract/opened.ts";
import { eventsOf, openPipeline, type Pipeline } from "../functions/pipeline.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { type Dovecot, dovecotProgram, freePort, password, startDovecot } from "./dovecot.ts";

const missing = dovecotProgram ? "" : " (skipped: dovecot is not here, see .ci/debian-packages)";
const corpus = fileURLToPath(new URL("../../../shared/corpus/", import.meta.url));
const families = existsSync(corpus)
  ? ["ham", "spam", "dsn", "arf", "autoreply", "list", "mime", "reply", "ticket", "torture", "unsubscribe"]
  : [];
const perFamily = 60;
const receivedAt = new Date("2026-08-04T09:15:02.000Z");
const secrets = { read: async () => password };

describe.skipIf(!dovecotProgram)(`IMAP, against Dovecot${missing}`, { timeout: 120_000 }, () => {
  let server: Dovecot;
  const open: { close(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    server = await startDovecot(dovecotProgram ?? "");
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  afterAll(() => server?.stop());

  const mailboxes = (options: Partial<Parameters<typeof createImapMailboxes>[0]> = {}): ImapMailboxes => {
    const made = createImapMailboxes({ secrets, ...options });
    open.push(made);
    return made;
  };
  const stored = (id: SesMessageId, raw: Uint8Array) =>
    eventsOf(testConfig(), { to: ["ann@example.com"], raw }, id, 1).stored;
  const simple = Buffer.from("From: Ann <ann@sender.example>\r\nMessage-ID: <m1@sender.example>\r\n\r\nHello\r\n");
  const mail = (id: SesMessageId, raw: Uint8Array = simple) => ({
    sesMessageId: id,
    raw: stored(id, raw),
    receivedAt,
    check: async () => undefined,
  });
  async function pipelineTo(entry: DeliveryConfig | readonly DeliveryConfig[], ...more: unknown[]): Promise<Pipeline> {
    const folders = more[0] === undefined ? {} : { personal: { folders: [more[0] as never] } };
    const config = testConfig({
      streams: { personal: { recipients: ["example.com"], delivery: { "ann@example.com": entry } } },
      ...folders,
    });
    const pipeline = await openPipeline(config, { env: { IMAP_PASSWORD: password } });
    open.push(pipeline);
    return pipeline;
  }

  test.skipIf(families.length === 0)("mails of every corpus family come back octet for octet", async () => {
    const imap = mailboxes();
    let compared = 0;
    for (const family of families) {
      const names = (await readdir(join(corpus, family), { recursive: true })).filter((name) => name.endsWith(".eml"));
      const step = Math.max(1, Math.floor(names.length / perFamily));
      const expected: Buffer[] = [];
      for (const name of names.filter((_, index) => index % step === 0)) {
        const id = freshId();
        const { raw } = mail(id, await readFile(join(corpus, family, name)));
        await imap.append(server.account("bob"), `corpus-${family}`, { ...mail(id), raw });
        expected.push(asDovecotKeeps(raw));
      }
      expect(expected.length, family).toBeGreaterThan(0);
      const found = await server.read("bob", `corpus-${family}`);
      expect(found.length, family).toBe(expected.length);
      for (const [index, bytes] of expected.entries()) {
        const same = found[index]?.equals(bytes);
        if (!same) expect(found[index]?.toString("latin1"), family).toBe(bytes.toString("latin1"));
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(300);
  });

  test("through the pipeline, into the folder that a rule names, which is made", async () => {
    const rule = { match: { nature: "list" }, folder: "Lists/Dev" };
    const pipeline = await pipelineTo({ imap: server.account("ann") }, rule);
    const headers = { "List-Id": "<dev.lists.example>", "List-Post": "<mailto:dev@lists.example>", Precedence: "list" };
    const events = await pipeline.arrive({ to: ["ann@example.com"], headers });
    await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
    await pipeline.drain();
    expect(await pipeline.record(events.id, "ann@example.com")).toMatchObject({
      state: "done",
      outcome: "delivered",
      detail: {
        folder: "Lists/Dev",
        path: expect.stringMatching(/^imap:\/\/ann@example\.com@127\.0\.0\.1\/Lists\/Dev;UID=/),
      },
    });
    expect(await server.read("ann", "Lists/Dev")).toEqual([events.stored]);
  });

  test("20 deliveries at once, each on a connection of its own: one mail", async () => {
    const id = freshId();
    const results = await Promise.all(
      Array.from({ length: 20 }, () => mailboxes().append(server.account("ann"), "Twenty", mail(id))),
    );
    expect(await server.read("ann", "Twenty")).toHaveLength(1);
    expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1);
  });

  test("the connection dies between APPEND and its answer: the next attempt finds the mail", async () => {
    let cuts = 0;
    const proxy = await startProxy(server.plainPort, (fromServer) => fromServer.includes("APPENDUID") && cuts++ === 0);
    open.push(proxy);
    const account = server.account("ann", { port: proxy.port, tls: "none" });
    const pipeline = await pipelineTo({ imap: account, folder: "Cut" });
    const events = await pipeline.arrive({ to: ["ann@example.com"] });
    await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
    expect(await pipeline.drain()).toBeGreaterThan(0);
    expect(cuts).toBe(1);
    expect((await pipeline.record(events.id, "ann@example.com"))?.cause).toMatch(/ERR_IMAP_UNREACHABLE/);
    await pipeline.settle();
    expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal done delivered" });
    expect(await server.read("ann", "Cut")).toEqual([events.stored]);
  });

  test("a sender that writes another mail's id into its own Received hides nothing", async () => {
    const id = freshId();
    const forged = Buffer.concat([
      Buffer.from(
        `Received: from x by inbound-smtp.us-east-1.amazonaws.com with SMTP id ${id} for a@b.example; now\r\n`,
      ),
      simple,
    ]);
    const imap = mailboxes();
    await imap.append(server.account("ann"), "Forged", mail(freshId(), forged));
    expect(await imap.append(server.account("ann"), "Forged", mail(id))).toMatchObject({ repeated: false });
    expect(await server.read("ann", "Forged")).toHaveLength(2);
  });

  test("of several targets the others get the mail while one fails, and only that one is tried again", async () => {
    const port = await freePort();
    const pipeline = await pipelineTo([
      { maildir: "ann" },
      { imap: server.account("ann", { port }) },
      { imap: server.account("ann"), folder: "Group" },
    ]);
    const events = await pipeline.arrive({ to: ["ann@example.com"] });
    await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
    await pipeline.settle();
    expect(await pipeline.states(events.id)).toEqual({ "ann@example.com": "personal failed failed" });
    expect(Object.keys(await pipeline.maildirs())).toHaveLength(1);
    expect(await server.read("ann", "Group")).toHaveLength(1);
    expect(await pipeline.deadLetters(pipeline.config.names.streamQueue("personal"))).toBe(1);
  });

  test.for<[string, Partial<ImapAccount>, string, string]>([
    ["a wrong user", { user: "nobody@example.com" }, "ann", "ERR_IMAP_LOGIN"],
    ["an unknown authority", { ca: "/etc/ssl/certs/ca-certificates.crt" }, "ann", "ERR_IMAP_UNREACHABLE"],
    ["a full mailbox", {}, "full", "ERR_IMAP_QUOTA"],
  ])("%s is told by its own code", async ([, more, user, code]) => {
    if (more.ca !== undefined && !existsSync(more.ca)) return;
    const big = Buffer.concat([simple, Buffer.alloc(30_000, "x\r\n")]);
    const attempt = mailboxes().append(server.account(user, more), "INBOX", mail(freshId(), big));
    await expect(attempt).rejects.toMatchObject({ code });
  });

  test("STARTTLS, which must succeed, and a connection that the server closed meanwhile", async () => {
    const imap = mailboxes({ idleMs: 60_000 });
    const account = server.account("bob", { port: server.plainPort, tls: "starttls" });
    expect(await imap.append(account, "INBOX", mail(freshId()))).toMatchObject({ repeated: false });
    const sockets = await startProxy(server.port, () => false);
    open.push(sockets);
    const through = server.account("bob", { port: sockets.port });
    await imap.append(through, "INBOX", mail(freshId()));
    sockets.cut();
    const again = mail(freshId());
    await imap.append(through, "INBOX", again).catch(() => imap.append(through, "INBOX", again));
    expect(await server.read("bob")).toHaveLength(3);
  });
});

/** IMAP transports CRLF: Dovecot completes bare line ends, keeps no NUL, and drops a CR at the very end. */
function asDovecotKeeps(raw: Buffer): Buffer {
  const text = raw.toString("latin1").replace(/\0/g, "\x80").replace(/\r?\n/g, "\r\n").replace(/\r$/, "");
  return Buffer.from(text, "latin1");
}

async function startProxy(to: number, cutsAt: (fromServer: string) => boolean) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.pipe(upstream);
    upstream.on("data", (chunk) => {
      if (cutsAt(chunk.toString("latin1"))) {
        client.destroy();
        upstream.destroy();
      } else client.write(chunk);
    });
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut,
    async close() {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}
