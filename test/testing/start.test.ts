import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createTransport } from "nodemailer";
import { expect, onTestFinished, test } from "vitest";
import type { MailConfig } from "../../shared/config/types.ts";
import { type Mailweir, type MailweirOptions, startMailweir } from "../../testing/main.ts";

const config: MailConfig = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    unsubscribe: { recipients: ["unsubscribe@example.com"] },
    personal: { recipients: ["ann@example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
  },
};

async function start(options: Partial<MailweirOptions> = {}): Promise<Mailweir> {
  const mailweir = await startMailweir(options.configFile === undefined ? { config, ...options } : options);
  onTestFinished(() => mailweir.stop());
  return mailweir;
}

test("a mail of parts becomes a ticket; its answer joins it", async () => {
  const mailweir = await start();
  const mail = await mailweir.inject({
    from: { name: "Bob Customer", address: "bob@customer.example" },
    to: "support@example.com",
    subject: "Broken door",
    text: "It does not open.",
    attachments: [{ fileName: "door.txt", content: "a picture, nearly" }],
  });
  const ticket = await mailweir.waitFor("ticket", { mail });
  expect(ticket).toMatchObject({
    subject: "Broken door",
    participants: ["bob@customer.example"],
    entries: [{ kind: "mail", trust: "aligned", attachments: [{ fileName: "door.txt" }] }],
  });
  const answer = await mailweir.inject({
    from: "bob@customer.example",
    to: "support@example.com",
    subject: "Re: Broken door",
    text: "Now it does.",
    inReplyTo: mail,
  });
  expect(await mailweir.waitFor("ticket", { mail: answer })).toMatchObject({ id: ticket.id });
  expect(await mailweir.waitFor("ticket", { from: "Bob@customer.example", subject: /door/i })).toMatchObject({ id: 1 });
});

test("unsubscribed, but nobody by a forgery", async () => {
  const mailweir = await start();
  const mail = await mailweir.inject({ to: "unsubscribe@example.com", subject: "unsubscribe", text: "" });
  expect(await mailweir.waitFor("unsubscribe", { mail, address: "ann@sender.example" })).toMatchObject({
    list: "*",
    reason: "mailto",
  });
  const forged = await mailweir.inject({
    ...{ from: "bob@sender.example", to: "unsubscribe@example.com", subject: "unsubscribe", text: "" },
    authentication: "fail",
  });
  await expect(mailweir.waitFor("unsubscribe", { mail: forged })).rejects.toThrow(
    /everything has run.*What happened instead:.*dmarc FAIL.*unsubscribe@example\.com: quarantined/s,
  );
});

test("delivered to a Maildir, byte for byte below SES's block", async () => {
  const mailweir = await start();
  const raw = "From: Carl <carl@other.example>\nSubject: Hi\nMessage-ID: <1@other.example>\n\nHello Ann.\n";
  const mail = await mailweir.inject({ raw, to: ["ann@example.com"] });
  expect(mail.messageId).toBe("<1@other.example>");
  const delivered = await mailweir.waitFor("delivery", { mail, recipient: "ann@example.com" });
  expect(delivered.raw.toString()).toContain(raw.replaceAll("\n", "\r\n"));
  expect(delivered.raw.toString()).toMatch(/^Return-Path: <carl@other\.example>\r\nReceived: from mx\.sender\.example/);
});

test("mail over SMTP, by whatever sends it", async () => {
  const mailweir = await start({ dns: { "sender.example": { TXT: [["v=spf1 ip4:127.0.0.1 -all"]] } } });
  const [host = "", port] = mailweir.smtp.split(":");
  const transport = createTransport({ host, port: Number(port), ignoreTLS: true });
  const waiting = mailweir.waitFor("ticket", { subject: "By SMTP" });
  await transport.sendMail({ from: "ann@sender.example", to: "support@example.com", subject: "By SMTP", text: "Hi" });
  transport.close();
  expect(await waiting).toMatchObject({ id: 1, entries: [{ trust: "aligned" }] });
});

test("what checks are to find, and what they find by themselves", async () => {
  const mailweir = await start({ dns: { "sender.example": { TXT: [["v=spf1 ip4:203.0.113.25 -all"]] } } });
  const verdicts = async (mail: Parameters<Mailweir["inject"]>[0]) => {
    const injected = await mailweir.inject({ to: "support@example.com", ...mail });
    await mailweir.settled();
    return (await mailweir.journey(injected)).verification?.verdicts;
  };
  const clean = { spam: "PASS", virus: "PASS" };
  const passed = { spf: "PASS", dkim: "PASS", dmarc: "PASS" };
  expect(await verdicts({})).toEqual({ ...clean, ...passed });
  expect(await verdicts({ authentication: "fail" })).toEqual({
    ...clean,
    ...{ spf: "FAIL", dkim: "FAIL", dmarc: "FAIL", dmarcPolicy: "reject" },
  });
  expect(await verdicts({ authentication: { virus: "FAIL" } })).toEqual({ ...clean, ...passed, virus: "FAIL" });
  expect(await verdicts({ authentication: "check" })).toMatchObject({ spf: "PASS", dkim: "GRAY", dmarc: "GRAY" });
  expect(await verdicts({ authentication: "check", ip: "198.51.100.9" })).toMatchObject({ spf: "FAIL" });
  const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
  expect(await verdicts({ text: gtube })).toMatchObject({ spam: "FAIL" });
});

test("what nobody takes is refused with what its sender would hear", async () => {
  const mailweir = await start({ config: { ...config, ipFilters: [{ block: "198.51.100.0/24" }] } });
  await expect(mailweir.inject({ to: "support@elsewhere.example" })).rejects.toMatchObject({
    code: "ERR_MAIL_REFUSED",
    reply: expect.stringMatching(/^550 5\.1\.1 /),
    message: expect.stringContaining("support@elsewhere.example"),
  });
  await expect(mailweir.inject({ to: "support@example.com", ip: "198.51.100.3" })).rejects.toMatchObject({
    reply: expect.stringMatching(/^550 5\.7\.1 /),
  });
  const mixed = await mailweir.inject({ to: ["support@example.com", "x@elsewhere.example"] });
  expect(mixed.refused).toEqual([{ recipient: "x@elsewhere.example", reply: expect.stringMatching(/^550 /) }]);
});

test("a worker of the test's own, whose failure is told", async () => {
  const seen: string[] = [];
  const mailweir = await start({
    config: {
      ...config,
      streams: {
        invoices: {
          recipients: ["invoices@example.com"],
          worker: async (message, tools) => {
            if (message.headers.subject === "wrong") throw new Error("no such account");
            seen.push(`${tools.recipient} ${message.headers.subject}`);
            return { outcome: "filed", detail: { number: "7" } };
          },
        },
      },
    },
  });
  const mail = await mailweir.inject({ to: "invoices@example.com", subject: "Invoice 7" });
  expect(await mailweir.waitFor("stream", { mail, stream: "invoices" })).toMatchObject({
    ...{ outcome: "filed", state: "done", detail: { number: "7" }, sesMessageId: mail.sesMessageId },
  });
  expect(seen).toEqual(["invoices@example.com Invoice 7"]);
  const wrong = await mailweir.inject({ to: "invoices@example.com", subject: "wrong" });
  const error = await mailweir.waitFor("stream", { mail: wrong }).catch((thrown: Error) => thrown.message);
  expect(error).toMatch(/no such account/);
  expect(error).toMatch(/due at 2026-01-01T12:00:02\.\d+Z by the engine's clock: advance\(\)/);
  await mailweir.advance({ hours: 1 });
  expect(await mailweir.waitFor("stream", { mail: wrong, state: "failed" })).toMatchObject({
    cause: "Error: no such account",
    attempts: 5,
  });
});

test("time passes by advance, and what is due on the way runs at its time", async () => {
  const times: string[] = [];
  const mailweir = await start({
    now: "2026-03-01T00:00:00Z",
    config: {
      domains: ["example.com"],
      streams: {
        late: {
          recipients: ["late@example.com"],
          worker: async (_message, { ports }) => {
            times.push(ports.clock.now().toISOString());
            throw new Error("not yet");
          },
        },
      },
    },
  });
  await mailweir.inject({ to: "late@example.com" });
  await mailweir.advance({ minutes: 1 });
  expect(times).toEqual([
    "2026-03-01T00:00:00.000Z",
    "2026-03-01T00:00:02.000Z",
    "2026-03-01T00:00:06.000Z",
    "2026-03-01T00:00:14.000Z",
    "2026-03-01T00:00:30.000Z",
  ]);
  expect(mailweir.now().toISOString()).toBe("2026-03-01T00:01:00.000Z");
});

test("a wait that is in vain ends at its time and shows refusals too", async () => {
  const mailweir = await start();
  await mailweir.inject({ to: "x@elsewhere.example" }).catch(() => undefined);
  await expect(mailweir.waitFor("delivery", { recipient: "ann@example.com" }, { timeoutMs: 50 })).rejects.toThrow(
    /No delivery with recipient "ann@example\.com".*within 50 ms.*No mail has come in\..*Refused at RCPT: 550/s,
  );
});

test("outgoing mail is kept, whatever the configuration says, and can be waited for", async () => {
  const mailweir = await start({
    config: { ...config, local: { smarthost: { host: "mail.example.net", port: 25 } }, tickets: { acknowledge: true } },
  });
  const mail = await mailweir.inject({ from: "bob@customer.example", to: "support@example.com", subject: "Door" });
  const sent = await mailweir.waitFor("outgoing", { mail, kind: "acknowledgement", to: "bob@customer.example" });
  expect(sent).toMatchObject({ state: "kept", about: mail.sesMessageId });
  expect(sent.raw.toString()).toMatch(/^Auto-Submitted: auto-replied\r$/m);
});

test("reset: nothing is left but the addresses and the keys", async () => {
  const mailweir = await start();
  const before = { smtp: mailweir.smtp, http: mailweir.http, key: await readdir(join(mailweir.data, "keys")) };
  await mailweir.waitFor("ticket", { mail: await mailweir.inject({ to: "support@example.com" }) });
  await mailweir.advance({ days: 3 });
  mailweir.faults.diskFull();
  await mailweir.reset();
  expect({ smtp: mailweir.smtp, http: mailweir.http, key: await readdir(join(mailweir.data, "keys")) }).toEqual(before);
  expect(mailweir.now().toISOString()).toBe("2026-01-01T12:00:00.000Z");
  const status = await fetch(new URL("/api/status", mailweir.http), {
    headers: { authorization: `Bearer ${mailweir.token}` },
  });
  expect(await status.json()).toMatchObject({ messages: 0 });
  const mail = await mailweir.inject({ to: "support@example.com" });
  expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 1 });
});

test("several side by side, and stop leaves nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-side-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const all = await Promise.all([1, 2, 3].map(() => startMailweir({ config, folder })));
  expect(new Set(all.flatMap(({ smtp, http }) => [smtp, new URL(http).host])).size).toBe(6);
  await Promise.all(
    all.map(async (mailweir, index) => {
      const mail = await mailweir.inject({ to: "support@example.com", subject: `Number ${index}` });
      expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 1, subject: `Number ${index}` });
    }),
  );
  expect(await readdir(folder)).toHaveLength(3);
  const [{ http } = { http: "" }] = all;
  await Promise.all(all.map((mailweir) => mailweir.stop()));
  expect(await readdir(folder)).toEqual([]);
  await expect(fetch(http)).rejects.toThrow();
});

test("a configuration file runs in worker threads", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-file-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const configFile = join(folder, "mailweir.config.ts");
  await writeFile(
    configFile,
    `import { isMainThread } from "node:worker_threads";
export default {
  domains: ["example.com"],
  streams: { own: { recipients: ["own@example.com"], worker: async () => ({ outcome: isMainThread ? "main" : "thread" }) } },
};
`,
  );
  const mailweir = await start({ configFile });
  const mail = await mailweir.inject({ to: "own@example.com" });
  expect(await mailweir.waitFor("stream", { mail })).toMatchObject({ outcome: "thread" });
  await mailweir.stop();
  expect(existsSync(dirname(mailweir.data))).toBe(false);
});

test.for<[string, object, RegExp]>([
  ["neither configuration", {}, /either a config or a configFile/],
  ["both", { config, configFile: "x.ts" }, /either a config or a configFile/],
  ["no time", { config, now: "yesterday" }, /"yesterday" is no time/],
  ["a mistake in the configuration", { config: { domains: [] } }, /domains/],
])("refused: %s", async ([, options, message]) => {
  await expect(startMailweir(options)).rejects.toThrow(message);
});
