import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clamdScanner } from "../../local/scan/clamd-scanner.ts";
import { createScanner } from "../../local/scan/create-scanner.ts";
import { rspamdScanner } from "../../local/scan/rspamd-scanner.ts";
import type { Scanner } from "../../local/scan/scanner.ts";
import { spamdScanner } from "../../local/scan/spamd-scanner.ts";

// The real daemons from Debian, on loopback, each with a configuration of its own and started in the foreground.

const gtube = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");
const eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");
const head =
  "From: Ann <ann@example.org>\r\nTo: Bob <bob@example.com>\r\nSubject: lunch\r\nMIME-Version: 1.0\r\n" +
  `Date: ${new Date().toUTCString().replace("GMT", "+0000")}\r\nMessage-ID: <lunch-1@example.org>\r\n`;
const clean = `${head}\r\nHello Bob, shall we have lunch on Friday? Ann\r\n`;
const spam = `${head}\r\n${gtube}\r\n`;
const infected =
  `${head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n` +
  `--b\r\nContent-Type: application/octet-stream; name=a.com\r\nContent-Transfer-Encoding: base64\r\n\r\n` +
  `${Buffer.from(eicar, "latin1").toString("base64")}\r\n--b--\r\n`;
const context = {
  ip: "192.0.2.10",
  helo: "mx.example.org",
  mailFrom: "ann@example.org",
  recipients: ["bob@example.com"],
};

const opening = (message: string) =>
  async function* () {
    yield Buffer.from(message, "latin1");
  };
const scan = (scanner: Scanner, message: string) => scanner.scan(opening(message), context);

const programs = { rspamd: "/usr/bin/rspamd", spamd: "/usr/sbin/spamd", clamd: "/usr/sbin/clamd" };
const isRoot = process.getuid?.() === 0;

/** Daemons drop root: the folder must be theirs and every folder above it open. */
function folderFor(user: string, ...folders: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "scanner-"));
  for (const name of folders) mkdirSync(join(folder, name), { recursive: true });
  own(folder, user);
  return folder;
}

function own(folder: string, user: string) {
  spawnSync("chmod", ["-R", "a+rX", folder]);
  if (isRoot) spawnSync("chown", ["-R", `${user}:`, folder]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return address !== null && typeof address === "object" ? address.port : 0;
}

interface Running {
  readonly process: ChildProcess;
  readonly folder: string;
}

async function start(
  program: string,
  args: readonly string[],
  folder: string,
  isUp: () => Promise<boolean>,
): Promise<Running> {
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, TMPDIR: join(folder, "tmp") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
  }
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${said}`);
    if (await isUp().catch(() => false)) return { process: child, folder };
    await sleep(100);
  }
  child.kill("SIGKILL");
  throw new Error(`${program} did not come up: ${said}`);
}

async function stop(running: Running | undefined): Promise<void> {
  if (!running) return;
  const ended = once(running.process, "exit");
  running.process.kill("SIGTERM");
  await Promise.race([ended, sleep(5000).then(() => running.process.kill("SIGKILL"))]);
  rmSync(running.folder, { recursive: true, force: true });
}

async function ask(port: number, question: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(question);
  return text(socket);
}

describe.skipIf(!existsSync(programs.clamd))("clamd (package clamav-daemon)", () => {
  let running: Running | undefined;
  let scanner: Scanner;
  let port = 0;

  beforeAll(async () => {
    port = await freePort();
    const folder = folderFor("clamav", "db", "tmp");
    const pattern = Buffer.from(eicar.slice(28, 62), "latin1").toString("hex");
    writeFileSync(join(folder, "db/test.ndb"), `Eicar-Test-String:0:*:${pattern}\n`);
    writeFileSync(
      join(folder, "clamd.conf"),
      `TCPSocket ${port}\nTCPAddr 127.0.0.1\nDatabaseDirectory ${folder}/db\nTemporaryDirectory ${folder}/tmp\n` +
        `Foreground yes\nStreamMaxLength 2M\nMaxThreads 2\n${isRoot ? "User clamav\n" : ""}`,
    );
    own(folder, "clamav");
    running = await start(programs.clamd, ["-c", join(folder, "clamd.conf")], folder, async () =>
      (await ask(port, "zPING\0")).startsWith("PONG"),
    );
    scanner = clamdScanner({ host: "127.0.0.1", port });
  }, 90_000);
  afterAll(() => stop(running));

  test("a clean mail", async () => expect(await scan(scanner, clean)).toEqual({ virus: "PASS", detail: "clamd: OK" }));

  test("EICAR as a base64 attachment", async () =>
    expect(await scan(scanner, infected)).toEqual({
      virus: "FAIL",
      detail: expect.stringContaining("Eicar-Test-String"),
    }));

  test("a mail over its size limit", async () => {
    const large = async function* () {
      for (let at = 0; at < 200; at += 1) yield Buffer.alloc(65_536, "x");
    };
    expect(await scanner.scan(large, context)).toMatchObject({ virus: "PROCESSING_FAILED" });
  });
});

describe.skipIf(!existsSync(programs.spamd))("spamd (package spamd)", () => {
  let running: Running | undefined;
  let scanner: Scanner;

  beforeAll(async () => {
    const port = await freePort();
    const folder = folderFor("debian-spamd", "site", "tmp");
    for (const name of readdirSync("/etc/spamassassin").filter((file) => file.endsWith(".pre"))) {
      copyFileSync(join("/etc/spamassassin", name), join(folder, "site", name));
    }
    writeFileSync(
      join(folder, "site/local.cf"),
      "skip_rbl_checks 1\nuse_bayes 0\nuse_auto_welcomelist 0\nuse_razor2 0\nuse_pyzor 0\ndns_available no\nrequired_score 5.0\n",
    );
    own(folder, "debian-spamd");
    const args = [
      "-L",
      "-x",
      "--nouser-config",
      "-i",
      "127.0.0.1",
      "-p",
      String(port),
      "--max-children",
      "1",
      `--siteconfigpath=${folder}/site`,
      "-s",
      "stderr",
    ];
    if (isRoot) args.push("-u", "debian-spamd");
    running = await start(programs.spamd, args, folder, async () =>
      (await ask(port, "PING SPAMC/1.5\r\n\r\n")).includes("PONG"),
    );
    scanner = spamdScanner({ host: "127.0.0.1", port, timeoutMs: 60_000 });
  }, 90_000);
  afterAll(() => stop(running));

  test(
    "a clean mail",
    async () => expect(await scan(scanner, clean)).toEqual({ spam: "PASS", detail: expect.stringContaining("of 5.0") }),
    60_000,
  );

  test("GTUBE", async () => {
    const result = await scan(scanner, spam);
    expect(result).toEqual({ spam: "FAIL", detail: expect.stringMatching(/score \d{3,}.* of 5\.0.*GTUBE/) });
  }, 60_000);

  test("a mail over its limit is judged by its beginning", async () => {
    const result = await scan(scanner, spam + "filler line of text\r\n".repeat(40_000));
    expect(result).toEqual({ spam: "FAIL", detail: expect.stringContaining("first 512000 octets") });
  }, 120_000);
});

describe.skipIf(!existsSync(programs.rspamd))("rspamd (package rspamd)", () => {
  let running: Running | undefined;
  let scanner: Scanner;

  beforeAll(async () => {
    const [port, controller, dnsPort] = [await freePort(), await freePort(), await freePort()];
    const folder = folderFor("_rspamd", "etc/local.d", "run", "db", "log", "tmp");
    const write = (name: string, content: string) => writeFileSync(join(folder, "etc/local.d", name), content);
    write("options.inc", `dns { nameserver = ["127.0.0.1:${dnsPort}:1"]; timeout = 0.2s; retransmits = 1; }\n`);
    write("worker-normal.inc", `bind_socket = "127.0.0.1:${port}"; count = 1;\n`);
    write(
      "worker-controller.inc",
      `bind_socket = "127.0.0.1:${controller}"; password = "q"; secure_ip = ["127.0.0.1"];\n`,
    );
    for (const worker of ["proxy", "fuzzy"]) write(`worker-${worker}.inc`, "enabled = false;\n");
    write("logging.inc", 'type = "console"; level = "warning";\n');
    for (const module of [
      "rbl",
      "surbl",
      "fuzzy_check",
      "asn",
      "url_redirector",
      "phishing",
      "replies",
      "greylist",
      "ratelimit",
      "neural",
      "history_redis",
      // What they ask the DNS would be answered by nobody here, and count against the mail.
      "hfilter",
      "spf",
      "dmarc",
    ]) {
      write(`${module}.conf`, "enabled = false;\n");
    }
    own(folder, "_rspamd");
    const variables = { LOCAL_CONFDIR: "etc", RUNDIR: "run", DBDIR: "db", LOGDIR: "log" };
    const args = ["-f", "-i", "-c", "/etc/rspamd/rspamd.conf", "-p", join(folder, "run/rspamd.pid")];
    if (isRoot) args.push("-u", "_rspamd", "-g", "_rspamd");
    for (const [name, part] of Object.entries(variables)) args.push(`--var=${name}=${join(folder, part)}`);
    running = await start(programs.rspamd, args, folder, async () => (await page(port, "/ping")).startsWith("pong"));
    scanner = rspamdScanner({ host: "127.0.0.1", port });
  }, 120_000);
  afterAll(() => stop(running));

  test("a clean mail", async () => {
    expect(await scan(scanner, clean)).toEqual({ spam: "PASS", detail: expect.stringContaining("no action") });
  }, 60_000);

  test("GTUBE", async () => {
    expect(await scan(scanner, spam)).toEqual({ spam: "FAIL", detail: expect.stringMatching(/reject.*GTUBE/) });
  }, 60_000);

  test("a large mail is streamed to it", async () => {
    const large = async function* () {
      yield Buffer.from(clean, "latin1");
      for (let at = 0; at < 100; at += 1) yield Buffer.from("filler line of text\r\n".repeat(3000), "latin1");
    };
    expect((await scanner.scan(large, context)).spam).toMatch(/PASS|GRAY|FAIL/);
  }, 60_000);
});

const page = (port: number, path: string) =>
  new Promise<string>((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent: false }, (response) => resolve(text(response))).on("error", reject);
  });

test("a configuration whose daemons do not run gives both verdicts, with the reasons", async () => {
  const port = await freePort();
  const scanner = createScanner({
    spam: { type: "spamd", host: "127.0.0.1", port },
    virus: { type: "clamd", host: "127.0.0.1", port },
  });
  const result = await scan(scanner, clean);
  expect(result).toMatchObject({ spam: "PROCESSING_FAILED", virus: "PROCESSING_FAILED" });
  expect(result.detail).toMatch(/spamd: .*ECONNREFUSED; clamd: .*ECONNREFUSED/);
});
