import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { prepareHome, runCampaign, sendUntilTrouble, startLife, untilSettled } from "./crash/campaign.ts";
import { checkFolder } from "./crash/checker.ts";
import { connectSmtp, openSocket, sesIdOf } from "./crash/smtp-client.ts";
import { createMail, type Mail } from "./crash/traffic.ts";
import { seeded } from "./seeded.ts";

const seed = Number(process.env["MAILWEIR_SEED"] ?? 9);

/** An engine of its own, with a record of what its senders were told. */
async function start(limits: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-overload-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const home = await prepareHome(folder, { limits });
  const life = startLife(home, folder, undefined, undefined, "bare");
  onTestFinished(async () => {
    life.child.kill("SIGKILL");
    await life.exited;
  });
  const ready = await Promise.race([life.ready, life.exited.then(() => undefined)]);
  if (!ready) throw new Error(life.log());
  const random = seeded(seed);
  const mails: Mail[] = [];
  const acknowledged = new Map<string, number>();
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const mail = () => {
    const made = createMail(mails.length + 1, random);
    mails.push(made);
    return made;
  };
  return {
    ...{ life, home, mails, acknowledged, mail, host: ready.host, port: ready.port },
    async memoryBytes() {
      const status = await readFile(`/proc/${life.child.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1_024;
    },
    descriptors: async () => (await readdir(`/proc/${life.child.pid}/fd`)).length,
    /** Connected, or refused by the system; whatever comes is thrown away. */
    idle: () =>
      new Promise<Socket | undefined>((resolve) => {
        const socket = connect({ host: ready.host, port: ready.port });
        sockets.push(socket);
        socket.resume();
        socket.once("connect", () => resolve(socket));
        socket.once("error", () => resolve(undefined));
      }),
    /** One mail of a well-behaved sender. */
    async sendOne() {
      const one = mail();
      const client = await connectSmtp(ready.host, ready.port);
      try {
        const reply = await client.send(one);
        const id = sesIdOf(reply);
        if (id !== undefined) acknowledged.set(id, one.number);
        return reply;
      } finally {
        client.close();
      }
    },
    /** Everything to its end; stops in order; the checker's findings. */
    async judge() {
      const waits = await untilSettled(home.data, 180_000);
      life.child.kill("SIGTERM");
      const { code } = await life.exited;
      const { faults } = checkFolder(home.data, { mails, acknowledged });
      return [...(waits === undefined ? [] : [waits]), ...(code === 0 ? [] : [`ended with ${code}`]), ...faults];
    },
  };
}

test("ten times what it takes: 4xx for the rest, nothing lost, and it recovers by itself", async () => {
  const limits = { connections: 40, unfinished: 30 };
  const engine = await start(limits);
  const { host, port, acknowledged } = engine;
  const replies: string[] = [];
  const waiting = Array.from({ length: 10 * limits.connections }, engine.mail);
  const all = [...waiting];
  const one = async (mail: Mail) => {
    const client = openSocket(connect({ host, port }));
    try {
      for (const step of [() => client.reply(), () => client.ask("EHLO mx.example.net"), () => client.send(mail)]) {
        const reply = await step();
        replies.push(reply.split("\n").at(-1) ?? "");
        const id = sesIdOf(reply);
        if (id !== undefined) {
          acknowledged.set(id, mail.number);
          waiting.splice(waiting.indexOf(mail), 1);
        }
        if (!/^2/.test(reply)) return;
      }
    } catch {
      // Beyond twice the connections nobody is even told: a sender tries again all the same.
      replies.push("closed");
    } finally {
      client.close();
    }
  };
  await Promise.all(all.map(one));
  const firstDigits = new Set(replies.map((reply) => reply[0]));
  expect(firstDigits).toContain("4");
  expect(firstDigits).not.toContain("5");
  expect(replies.some((reply) => reply.startsWith("421 4.3.2 Too many connections"))).toBe(true);
  expect(acknowledged.size).toBeGreaterThan(0);
  // Whoever was put off comes again, a few at a time.
  while (waiting.length > 0) {
    await Promise.all(Array.from({ length: 8 }, () => sendUntilTrouble(host, port, waiting, acknowledged)));
  }
  expect(acknowledged.size).toBeGreaterThanOrEqual(all.length);
  expect(await engine.sendOne()).toMatch(/^250 OK /);
  expect(await engine.judge()).toEqual([]);
}, 600_000);

test("10,000 idle connections where the limit allows them: mail gets through, and what they cost is given back", async () => {
  const engine = await start({ connections: 12_000 });
  expect(await engine.sendOne()).toMatch(/^250 OK /);
  const before = { memory: await engine.memoryBytes(), descriptors: await engine.descriptors() };
  const sockets: Socket[] = [];
  for (let count = 0; count < 10_000; count += 250) {
    for (const socket of await Promise.all(Array.from({ length: 250 }, engine.idle))) if (socket) sockets.push(socket);
  }
  expect(sockets).toHaveLength(10_000);
  // The system has them all; the engine takes them as it comes to it.
  while ((await engine.descriptors()) <= 10_000) await sleep(100);
  expect(await engine.sendOne()).toMatch(/^250 OK /);
  const each = ((await engine.memoryBytes()) - before.memory) / 10_000;
  console.info(`${Math.round(each / 1_024)} KB for each idle connection`);
  expect(each).toBeLessThan(64 * 1_024);
  for (const socket of sockets) socket.destroy();
  while ((await engine.descriptors()) > before.descriptors + 20) await sleep(100);
  expect(await engine.judge()).toEqual([]);
}, 600_000);

test("10,000 connections where 500 are allowed: the rest hear 421 or nothing, the idle ones go, and mail gets through", async () => {
  const engine = await start();
  const before = await engine.memoryBytes();
  for (let count = 0; count < 10_000; count += 250) await Promise.all(Array.from({ length: 250 }, engine.idle));
  expect(await engine.descriptors()).toBeLessThan(1_200);
  // Under such stress half a minute without a word is enough to be sent away.
  let reply = "";
  for (const until = Date.now() + 180_000; !reply.startsWith("250") && Date.now() < until; await sleep(500)) {
    reply = await engine.sendOne().catch((error: unknown) => String(error));
  }
  expect(reply).toMatch(/^250 OK /);
  expect((await engine.memoryBytes()) - before).toBeLessThan(150 * 1_048_576);
  expect(await engine.judge()).toEqual([]);
}, 600_000);

test("octet by octet, a mail arrives as it was sent; slow-loris beside it hinders nobody", async () => {
  const engine = await start();
  const { host, port, mail, acknowledged } = engine;
  const loris = await Promise.all(Array.from({ length: 200 }, engine.idle));
  const drip = setInterval(() => {
    for (const socket of loris) socket?.write("N");
  }, 100);
  onTestFinished(() => clearInterval(drip));
  const client = await connectSmtp(host, port);
  client.socket.setNoDelay(true);
  let one = mail();
  while (one.raw.length > 4_000) one = mail();
  const octets = Buffer.concat([
    Buffer.from(`MAIL FROM:<${one.from}>\r\n${one.to.map((to) => `RCPT TO:<${to}>\r\n`).join("")}DATA\r\n`),
    one.raw,
    Buffer.from(".\r\n"),
  ]);
  for (let at = 0; at < octets.length; at++) {
    if (client.socket.destroyed) break;
    client.write(octets.subarray(at, at + 1));
    // Each in a packet of its own.
    if (at % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const replies = [await client.reply()];
  for (const _ of one.to) replies.push(await client.reply());
  replies.push(await client.reply(), await client.reply());
  client.close();
  const id = sesIdOf(replies.at(-1) ?? "");
  expect(id).toMatch(/^[0-9a-z]{40}$/);
  acknowledged.set(id!, one.number);
  for (let count = 0; count < 20; count++) expect(await engine.sendOne()).toMatch(/^250 OK /);
  expect(await engine.judge()).toEqual([]);
}, 300_000);

test("half-open: what was not finished is not kept; who closes its side before the 250 and sends again has one effect", async () => {
  const engine = await start();
  const { host, port, mail, mails, acknowledged } = engine;
  const cut = mail();
  const gone = await connectSmtp(host, port);
  for (const command of [`MAIL FROM:<${cut.from}>`, `RCPT TO:<${cut.to[0]}>`, "DATA"]) await gone.ask(command);
  gone.write(cut.raw);
  gone.socket.end();
  await expect(gone.reply()).rejects.toThrow();
  // Nobody reads, nobody says goodbye: the engine only sees silence.
  const silent = await connectSmtp(host, port);
  silent.socket.pause();
  silent.write("NOOP\r\n".repeat(10));

  const whole = mail();
  const half = await connectSmtp(host, port);
  for (const command of [`MAIL FROM:<${whole.from}>`, ...whole.to.map((to) => `RCPT TO:<${to}>`), "DATA"]) {
    expect(await half.ask(command)).toMatch(/^[23]/);
  }
  half.write(whole.raw);
  half.socket.end(".\r\n");
  // smtp-server says nothing more to a client that has ended its side (RFC 5321 §4.1.1.10: it MUST NOT before QUIT is answered).
  await half.reply().catch(() => undefined);
  const again = await connectSmtp(host, port);
  const id = sesIdOf(await again.send(whole));
  expect(id).toMatch(/^[0-9a-z]{40}$/);
  acknowledged.set(id!, whole.number);
  again.close();
  silent.close();
  expect(await engine.judge()).toEqual([]);
  expect(mails).toContain(cut);
  expect([...acknowledged.values()]).not.toContain(cut.number);
}, 300_000);

test("pipelining without end or reading: memory stays bounded, others are served, and a group of mails is taken in order", async () => {
  const engine = await start();
  const { host, port, mail, acknowledged } = engine;
  const before = await engine.memoryBytes();
  const flood = await connectSmtp(host, port);
  flood.socket.pause();
  // 30 MB of commands and as much of replies that nobody takes.
  const noops = Buffer.from("NOOP and something to make it longer than it has to be\r\n".repeat(1_000));
  for (let count = 0; count < 500 && !flood.socket.destroyed; count++) flood.socket.write(noops);
  for (let count = 0; count < 10; count++) expect(await engine.sendOne()).toMatch(/^250 OK /);
  expect((await engine.memoryBytes()) - before).toBeLessThan(200 * 1_048_576);
  flood.close();

  // RFC 2920: everything up to DATA in one write; then the next mail behind the data of the first.
  const client = await connectSmtp(host, port);
  const three = [mail(), mail(), mail()];
  for (const { from, to, raw, number } of three) {
    client.write(`MAIL FROM:<${from}>\r\n${to.map((one) => `RCPT TO:<${one}>\r\n`).join("")}DATA\r\n`);
    const replies = [];
    for (let count = 0; count < to.length + 2; count++) replies.push(await client.reply());
    expect(replies.at(-1)).toMatch(/^354/);
    client.write(Buffer.concat([raw, Buffer.from(".\r\n")]));
    const id = sesIdOf(await client.reply());
    expect(id).toMatch(/^[0-9a-z]{40}$/);
    acknowledged.set(id!, number);
  }
  client.close();
  expect(await engine.judge()).toEqual([]);
}, 300_000);

test("asked to stop under load: it ends in order, every 250 is kept, and the next start finishes the rest once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-stop-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const blows = [100, 400, 700, 1_000].map((ms) => ({ kind: "stop", ms }) as const);
  const result = await runCampaign({ folder, seed, blows, mailsPerLife: 60 });
  expect(result.faults).toEqual([]);
  expect(result.missed).toEqual([]);
}, 300_000);
