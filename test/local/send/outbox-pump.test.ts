import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SMTPServerAuthentication } from "smtp-server";
import { expect, onTestFinished, test } from "vitest";
import { createOutboxPump } from "../../../local/send/outbox-pump.ts";
import { createSmarthost } from "../../../local/send/smarthost.ts";
import { createSelfSignedCertificate } from "../../../local/smtp/self-signed-certificate.ts";
import type { OutboxEntry } from "../../../local/store/outbox-entries.ts";
import type { SmarthostConfig } from "../../../shared/config/types.ts";
import type { OutgoingMail } from "../../../shared/ports.ts";
import { openTemporary, type Temporary } from "../store/open-temporary.ts";
import { testRandom } from "../store/store-fixture.ts";
import { startRelay } from "./relay.ts";

const minute = 60_000;
const hour = 60 * minute;
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const mail = (more: Partial<OutgoingMail> = {}): OutgoingMail => ({
  id: "m1",
  kind: "reply",
  envelopeSender: "bounces@in.example",
  recipients: ["ann@sender.example"],
  raw: Buffer.from(
    "From: support@in.example\r\nMessage-ID: <m1@in.example>\r\nSubject: caf\u00e9\r\n\r\n.one dot\r\n..two\r\nend\r\n",
  ),
  ...more,
});

async function startSender(
  config: Pick<SmarthostConfig, "port"> & Partial<SmarthostConfig>,
  more: { readonly password?: string; readonly longestMs?: number; readonly opened?: Temporary } = {},
) {
  const opened = more.opened ?? (await openTemporary({ sendsMail: true }));
  const { store, clock } = opened;
  const smarthost = createSmarthost({
    config: { host: "127.0.0.1", tls: "none", ...config },
    name: "in.example",
    ...more,
  });
  const pump = createOutboxPump({
    outbox: store.ports.outbox,
    smarthost,
    connections: 2,
    giveUpAfterMs: 4 * hour,
    clock,
    random: testRandom("sender"),
    log,
  });
  onTestFinished(async () => {
    pump.stop();
    smarthost.close();
    await pump.idle();
  });
  return {
    ...opened,
    outbox: store.ports.outbox,
    /** Sends what is due; answers the first mail. */
    async run(): Promise<OutboxEntry | undefined> {
      await pump.tick();
      await pump.idle();
      return store.ports.outbox.entry(1);
    },
  };
}

test("a mail goes out as it is, once, to all its recipients in one session", async () => {
  const relay = await startRelay();
  const sender = await startSender(relay);
  const recipients = ["ann@sender.example", "bob@sender.example"];
  expect(await sender.outbox.sendMail(mail({ recipients }))).toEqual({ messageId: "m1@in.example", repeated: false });
  expect(await sender.run()).toMatchObject({
    state: "sent",
    attempts: 1,
    dueAt: null,
    recipients: [
      { recipient: "ann@sender.example", state: "sent", reply: expect.stringMatching(/^250 /) },
      { recipient: "bob@sender.example", state: "sent" },
    ],
  });
  await sender.outbox.sendMail(mail({ recipients }));
  await sender.run();
  const sent = Buffer.from(mail().raw).toString("latin1");
  expect(relay.taken).toEqual([
    { from: "bounces@in.example", to: recipients, raw: sent, secure: false, user: undefined },
  ]);
});

test("a bounce leaves from the null sender", async () => {
  const relay = await startRelay();
  const sender = await startSender(relay);
  await sender.outbox.sendMail(mail({ kind: "bounce", envelopeSender: "" }));
  expect(await sender.run()).toMatchObject({ state: "sent" });
  expect(relay.taken[0]).toMatchObject({ from: "" });
});

test("who is refused for now gets it later, who is refused for good never, the others once", async () => {
  const relay = await startRelay();
  const sender = await startSender(relay);
  relay.replies["busy@sender.example"] = "450 4.2.1 Mailbox busy";
  relay.replies["gone@sender.example"] = "550 5.1.1 No such user";
  const recipients = ["ann@sender.example", "busy@sender.example", "gone@sender.example"];
  await sender.outbox.sendMail(mail({ recipients }));
  const first = await sender.run();
  expect(first?.state).toBe("waiting");
  expect(first?.recipients.map(({ state, reply }) => `${state} ${reply}`)).toEqual([
    expect.stringMatching(/^sent 250 /),
    "waiting 450 4.2.1 Mailbox busy",
    "failed 550 5.1.1 No such user",
  ]);
  const waitMs = Date.parse(first?.dueAt ?? "") - sender.clock.now().getTime();
  expect(waitMs).toBeGreaterThanOrEqual(minute / 2);
  expect(waitMs).toBeLessThanOrEqual(minute);
  expect(await sender.store.engine.nextDue(sender.clock.now())).toEqual(new Date(first?.dueAt ?? ""));

  await sender.run();
  expect(relay.taken).toHaveLength(1);
  delete relay.replies["busy@sender.example"];
  sender.clock.advance(minute);
  expect(await sender.run()).toMatchObject({ state: "failed", attempts: 2, dueAt: null });
  expect(relay.taken.map(({ to }) => to)).toEqual([["ann@sender.example"], ["busy@sender.example"]]);
  expect(await sender.store.engine.nextDue(sender.clock.now())).toBeUndefined();
});

test.for<[string, { mail?: string; data?: string; rcpt?: string }, OutboxEntry["state"]]>([
  ["a sender refused for now", { mail: "451 4.7.1 Try again later" }, "waiting"],
  ["a sender refused for good", { mail: "550 5.7.1 Not from here" }, "failed"],
  ["a relay that wants to know who asks", { mail: "530 5.7.0 Authentication required" }, "waiting"],
  ["recipients of whom it wants to know who asks", { rcpt: "530 5.7.0 Authentication required" }, "waiting"],
  ["content refused for now", { data: "452 4.3.1 Out of space" }, "waiting"],
  ["content refused for good", { data: "554 5.6.0 Not this" }, "failed"],
  ["every recipient refused for now", { rcpt: "450 4.2.0 Greylisted" }, "waiting"],
  ["every recipient refused for good", { rcpt: "550 5.1.1 Nobody" }, "failed"],
])("%s", async ([, { rcpt, ...replies }, state]) => {
  const relay = await startRelay();
  const sender = await startSender(relay);
  Object.assign(relay.replies, replies, rcpt === undefined ? {} : { "ann@sender.example": rcpt });
  await sender.outbox.sendMail(mail());
  expect(await sender.run()).toMatchObject({ state, attempts: 1 });
  expect(relay.taken).toEqual([]);
});

test("nobody listens: the mail waits, with the cause, and goes when somebody does", async () => {
  const closed = await startRelay();
  await closed.close();
  const sender = await startSender({ port: closed.port });
  await sender.outbox.sendMail(mail());
  expect(await sender.run()).toMatchObject({
    state: "waiting",
    cause: expect.stringContaining("ECONNREFUSED"),
    recipients: [{ state: "waiting", reply: null }],
  });
  const relay = await startRelay({}, closed.port);
  sender.clock.advance(minute);
  expect(await sender.run()).toMatchObject({ state: "sent", attempts: 2, cause: null });
  expect(relay.taken).toHaveLength(1);
});

test("waiting grows from attempt to attempt up to an hour, and ends for good at the end of its time", async () => {
  const relay = await startRelay();
  const sender = await startSender(relay);
  relay.replies["ann@sender.example"] = "450 4.2.0 Greylisted";
  await sender.outbox.sendMail(mail());
  const created = sender.clock.now().getTime();
  const waits: number[] = [];
  for (;;) {
    const entry = await sender.run();
    if (entry?.state !== "waiting") break;
    const wait = Date.parse(entry.dueAt ?? "") - sender.clock.now().getTime();
    waits.push(wait);
    sender.clock.advance(wait);
  }
  expect(sender.clock.now().getTime() - created).toBe(4 * hour);
  for (const [index, wait] of waits.slice(0, -1).entries()) {
    const full = Math.min(hour, minute * 2 ** index);
    expect(wait).toBeGreaterThanOrEqual(full / 2);
    expect(wait).toBeLessThanOrEqual(full);
  }
  expect((await sender.outbox.entry(1))?.recipients).toMatchObject([
    { state: "failed", reply: `given up after ${waits.length + 1} attempts: 450 4.2.0 Greylisted` },
  ]);

  // Somebody looked into it and asks for another try: it has all its time again.
  delete relay.replies["ann@sender.example"];
  expect(await sender.outbox.retry(1)).toBe(true);
  expect(await sender.run()).toMatchObject({ state: "sent", attempts: 1 });
  expect(await sender.outbox.retry(1)).toBe(false);
  expect(relay.taken).toHaveLength(1);
});

test("TLS is required, verified, and the password goes nowhere without it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-relay-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { key, cert } = createSelfSignedCertificate(["localhost"], new Date(), randomBytes(16));
  const ca = join(folder, "ca.pem");
  await writeFile(ca, cert);
  const authenticated = {
    key,
    cert,
    disabledCommands: [],
    authOptional: false,
    onAuth: (
      auth: SMTPServerAuthentication,
      _session: unknown,
      done: (error: Error | null, answer?: { user: string }) => void,
    ) =>
      auth.username === "mailweir" && auth.password === "open sesame"
        ? done(null, { user: auth.username })
        : done(Object.assign(new Error("Invalid credentials"), { responseCode: 535 })),
  };
  const auth = { user: "mailweir", passwordFrom: "RELAY_PASSWORD" };
  const attempt = async (port: number, config: Partial<SmarthostConfig>, password: string) => {
    const sender = await startSender({ port, host: "localhost", auth, ...config }, { password });
    await sender.outbox.sendMail(mail());
    const entry = await sender.run();
    return { state: entry?.state, cause: entry?.cause };
  };
  const starttls = await startRelay(authenticated);
  const implicit = await startRelay({ ...authenticated, secure: true });
  const plain = await startRelay({ ...authenticated, disabledCommands: ["STARTTLS"], allowInsecureAuth: true });

  expect(await attempt(starttls.port, { tls: "starttls", ca }, "open sesame")).toEqual({ state: "sent", cause: null });
  expect(starttls.taken).toMatchObject([{ secure: true, user: "mailweir" }]);
  expect(await attempt(implicit.port, { tls: "implicit", ca }, "open sesame")).toEqual({ state: "sent", cause: null });
  expect(await attempt(starttls.port, { tls: "starttls", ca }, "wrong")).toMatchObject({
    state: "waiting",
    cause: expect.stringMatching(/^535 /),
  });
  expect(await attempt(starttls.port, { tls: "starttls" }, "open sesame")).toMatchObject({
    state: "waiting",
    cause: expect.stringMatching(/certificate/i),
  });
  // A relay that does not offer STARTTLS, or somebody on the way who hides it.
  expect(await attempt(plain.port, { tls: "starttls" }, "open sesame")).toMatchObject({ state: "waiting" });
  expect(plain.taken).toEqual([]);
  expect(starttls.taken).toHaveLength(1);
}, 30_000);

test("a relay that never answers is broken off, and stopping does not wait for it", async () => {
  const relay = await startRelay();
  relay.beforeReply = () => new Promise(() => undefined);
  const sender = await startSender(relay, { longestMs: 200 });
  await sender.outbox.sendMail(mail());
  expect(await sender.run()).toMatchObject({ state: "waiting", cause: "no end after 200 ms" });
});

test("a mail of 3 MB leaves whole", async () => {
  const relay = await startRelay();
  const sender = await startSender(relay);
  const raw = Buffer.from(`Message-ID: <big@in.example>\r\n\r\n${".0123456789abcdef\r\n".repeat(160_000)}`);
  await sender.outbox.sendMail(mail({ raw }));
  expect(await sender.run()).toMatchObject({ state: "sent", sizeBytes: raw.length });
  expect(relay.taken[0]?.raw).toBe(raw.toString("latin1"));
}, 30_000);

test("mail that was kept stays kept when a smarthost comes, until somebody asks; and the other way round", async () => {
  const opened = await openTemporary();
  await opened.store.ports.outbox.sendMail(mail());
  const relay = await startRelay();
  let store = await opened.reopen({ sendsMail: true });
  const sender = await startSender(relay, { opened: { ...opened, store } });
  expect(await sender.run()).toMatchObject({ state: "kept", attempts: 0 });
  await sender.outbox.sendMail(mail({ id: "m2" }));
  relay.replies["ann@sender.example"] = "450 4.2.0 Greylisted";
  expect(await sender.outbox.retry(1)).toBe(true);
  expect(await sender.run()).toMatchObject({ state: "waiting", attempts: 1 });

  store = await opened.reopen();
  expect((await store.ports.outbox.list({ limit: 10 })).map(({ state }) => state)).toEqual(["kept", "kept"]);
  expect(await store.engine.nextDue(opened.clock.now())).toBeUndefined();
});

test("a SIGKILL before the relay answered sends it again, with the same Message-ID and all that had their answer not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-send-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const relay = await startRelay();
  const child = fileURLToPath(new URL("send-child.ts", import.meta.url));
  const start = () =>
    spawn(process.execPath, [child, folder, String(relay.port)], { stdio: ["ignore", "pipe", "inherit"] });

  const first = start();
  let ends = 0;
  relay.beforeReply = async () => {
    ends += 1;
    if (ends < 3) return;
    first.kill("SIGKILL");
    await once(first, "exit");
  };
  await once(first, "exit");
  relay.beforeReply = async () => undefined;
  const second = start();
  const [line] = (await once(second.stdout, "data")) as [Buffer];
  second.kill("SIGKILL");
  await once(second, "exit");
  expect(JSON.parse(line.toString())).toEqual(["sent", "sent", "sent", "sent"]);
  const ids = relay.taken.map(({ raw }) => /^Message-ID: <(.*)>$/m.exec(raw)?.[1]);
  // The third was taken twice: the relay had it, and nobody could note that.
  expect(ids.toSorted()).toEqual(["m1@in.example", "m2@in.example", "m3@in.example", "m3@in.example", "m4@in.example"]);
}, 60_000);
