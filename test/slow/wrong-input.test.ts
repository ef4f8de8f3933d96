import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { describe, expect, onTestFinished, test } from "vitest";
import { faultsOf, listed, untilEnded } from "./check-outcomes.ts";
import { type EngineProcess, engineFolder, mailweir, startEngineProcess } from "./engine-process.ts";

const config = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
  },
};
const anywhere = ["--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0"];

describe("a start that cannot be ends with status 1 and the remedy", () => {
  test("typos in the configuration are all named, with what was meant", async () => {
    const { configFile, data } = await folderOf({
      domains: ["example.com"],
      streams: {
        ticket: { recipents: ["support@example.com"] },
        personal: { recipients: ["example.com"], worker: "persnal" },
      },
    });
    const text = await refusedStart(["--config", configFile, "--data", data]);
    expect(text).toContain('streams.ticket.recipents: there is no setting "recipents" here');
    expect(text).toContain('did you mean "recipients"?');
    expect(text).toContain('streams.personal.worker: "persnal" is not possible here');
    expect(text).toContain('did you mean "personal"?');
  });

  test("a configuration that is no TypeScript is named with its line", async () => {
    const { configFile, data } = await folderOf(config);
    writeFileSync(configFile, 'export default {\n  domains: ["example.com" ;\n');
    expect(await refusedStart(["--config", configFile, "--data", data])).toMatch(/mailweir\.config\.ts .*line \d/);
  });

  test("no configuration there", async () => {
    const { folder, data } = await folderOf(config);
    const text = await refusedStart(["--config", join(folder, "none.ts"), "--data", data]);
    expect(text).toMatch(/no configuration file .*none\.ts.*--config/);
  });

  test.for<[string, (folder: string) => string, RegExp]>([
    ["a file has its name", (folder) => writtenFile(join(folder, "data")), /a file has its name.*--data/],
    ["a file is above it", (folder) => join(writtenFile(join(folder, "data")), "below"), /a file has its name.*--data/],
    ["the system makes no folders there", () => "/proc/nothing", /cannot be made.*--data|may not be used.*--data/],
    ["its keys are no folder", (folder) => withKeysFile(join(folder, "data")), /a file has its name.*keys/],
    [
      "its database is something else",
      (folder) => withForeignDatabase(join(folder, "data")),
      /no database: choose another/,
    ],
  ])("the data folder cannot be used: %s", async ([, make, expected]) => {
    const { folder, configFile } = await folderOf(config);
    expect(await refusedStart(["--config", configFile, "--data", make(folder)])).toMatch(expected);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "the data folder belongs to somebody else (skipped where the tests do not run as root)",
    async () => {
      const { folder, configFile } = await folderOf(config);
      const data = join(folder, "data");
      mkdirSync(data, { mode: 0o700 });
      spawnSync("chmod", ["a+rx", folder]);
      const command = ["-u", "nobody", "--", process.execPath, "cli/mailweir.mjs", "start", ...anywhere];
      const run = spawnSync("runuser", [...command, "--config", configFile, "--data", data], { encoding: "utf8" });
      expect(run.stderr).toMatch(/^mailweir: The data folder .* check its owner, mode/);
      expect(run.status).toBe(1);
    },
  );

  test.for(["--smtp", "--http"])("the port of %s is taken", async (option) => {
    const { configFile, data } = await folderOf(config);
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const text = await refusedStart(["--config", configFile, "--data", data, option, `127.0.0.1:${port}`]);
    expect(text).toContain(`127.0.0.1:${port}`);
    expect(text).toContain(option);
  });

  test("another engine runs on the folder: it is named, and not disturbed", async () => {
    const { engine, configFile, data } = await started();
    const text = await refusedStart(["--config", configFile, "--data", data]);
    expect(text).toContain(`process ${engine.child.pid}`);
    expect(text).toContain("--data");
    expect((await send(engine, Buffer.from("Subject: still here\r\n\r\nyes\r\n"))).id).toMatch(/^[0-9a-z]{40}$/);
  });
});

test.for([
  ["start", "--dta", "x"],
  ["strat"],
  ["list", "--jsn"],
])("wrong usage, %s: status 2, and what is possible", async (args) => {
  const { code, stdout, stderr } = await mailweir(args);
  expect(code).toBe(2);
  expect(stdout.length).toBe(0);
  expect(stderr).toMatch(/Did you mean (--data|start|--json)\?/);
  expect(stderr).toContain("--help");
});

describe("mail that is broken ends in its stream, its octets unchanged", () => {
  const text = "From: Somebody <somebody@example.net>\r\nTo: support@example.com\r\n";
  test("one after the other, through one engine", async () => {
    const { engine, data } = await started();
    const mails: Readonly<Record<string, Buffer>> = {
      "no header at all": Buffer.from("just words\r\nand more of them\r\n"),
      empty: Buffer.from("\r\n"),
      "10,000 headers": Buffer.from(`${text}${"X-Many: one of ten thousand\r\n".repeat(10_000)}\r\nbody\r\n`),
      "a header of 1 MB": Buffer.from(`${text}Subject: ${"long ".repeat(200_000)}\r\n\r\nbody\r\n`),
      "a multipart that never ends": Buffer.from(
        `${text}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n`,
      ),
      "a multipart without boundary": Buffer.from(`${text}Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n`),
      "300 levels deep": Buffer.from(text + nested(300)),
      "broken base64 and a charset nobody knows": Buffer.from(
        `${text}Content-Type: text/plain; charset=klingon\r\nContent-Transfer-Encoding: base64\r\n\r\n@@@=\r\n=QUJD\r\nQ\r\n`,
      ),
      "every octet there is": Buffer.concat([
        Buffer.from(`${text}Subject: =?utf-8?B?\xff?= \xc3\r\n\r\n`, "latin1"),
        Buffer.from(Array.from({ length: 256 }, (_, octet) => octet).filter((octet) => octet !== 10 && octet !== 13)),
        Buffer.from("\r\n"),
      ]),
      "a date and an author that are none": Buffer.from("From: <<@@>>,,;\r\nDate: never\r\nTo: :;\r\n\r\nx\r\n"),
    };
    const acknowledged = new Map<string, readonly string[]>();
    const changed: string[] = [];
    for (const [name, octets] of Object.entries(mails)) {
      const { id, reply } = await send(engine, octets, ["support@example.com", "ann@example.com"]);
      expect(reply, name).toMatch(/^250 /);
      acknowledged.set(id, ["support@example.com", "ann@example.com"]);
      const { code, stdout } = await mailweir(["raw", id, "--without-ses-block", "--data", data]);
      if (code !== 0 || !stdout.equals(octets)) changed.push(name);
    }
    await untilEnded(data, 120_000);
    const messages = await listed(data);
    expect(changed).toEqual([]);
    expect(faultsOf(messages, acknowledged)).toEqual([]);
    const states = [...messages.values()].flatMap(({ recipients }) =>
      recipients.map(({ state, cause }) => cause ?? state),
    );
    expect(states.filter((state) => state !== "done" && state !== "quarantined")).toEqual([]);
    expect(engine.child.exitCode).toBeNull();
  });
});

const canMount = process.getuid?.() === 0 && tmpfsWorks();

test.skipIf(!canMount)(
  "a full disk: 452, nothing lost, and it goes on once there is room (skipped without the right to mount)",
  async () => {
    const { configFile, folder } = await folderOf({
      ...config,
      // Else the engine would refuse long before the disk is full.
      local: { limits: { freeDiskBytes: 0 } },
    });
    const data = join(folder, "data");
    mkdirSync(data);
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", data]).status).toBe(0);
    onTestFinished(() => void spawnSync("umount", ["-l", data]));
    const engine = await startEngineProcess({ configFile, data });
    onTestFinished(() => engine.kill());

    const acknowledged = new Map<string, readonly string[]>();
    const to = ["ann@example.com"];
    let refusal = "";
    for (let number = 0; refusal === "" && number < 200; number++) {
      const head = `Subject: mail ${number}\r\nMessage-ID: <full-${number}@example.net>\r\n\r\n`;
      const { id, reply } = await send(engine, Buffer.from(head + `${"y".repeat(70)}\r\n`.repeat(4_000)), to);
      if (id) acknowledged.set(id, to);
      else refusal = reply;
    }
    expect(refusal).toMatch(/^45[12] /);
    expect(acknowledged.size).toBeGreaterThan(3);
    expect(engine.child.exitCode).toBeNull();
    expect(engine.stderr()).not.toMatch(/^\s+at /m);

    // Room again: what was acknowledged before is all there and is worked on, and new mail is taken.
    expect(spawnSync("mount", ["-o", "remount,size=200m", data]).status).toBe(0);
    const { id } = await send(engine, Buffer.from("Subject: room again\r\n\r\nyes\r\n"), to);
    expect(id).toMatch(/^[0-9a-z]{40}$/);
    acknowledged.set(id, to);
    await untilEnded(data, 180_000);
    expect(faultsOf(await listed(data), acknowledged)).toEqual([]);
    expect(await engine.stop()).toBe(0);
  },
);

async function folderOf(content: object) {
  const made = await engineFolder(content);
  onTestFinished(made.remove);
  return made;
}

async function started(content: object = config) {
  const { configFile, data } = await folderOf(content);
  const engine = await startEngineProcess({ configFile, data });
  onTestFinished(() => engine.kill());
  return { engine, configFile, data };
}

/** Starts what must not start; answers what it said on stderr, which is a message and no stack trace. */
async function refusedStart(args: readonly string[]): Promise<string> {
  // A later option of the same name counts.
  const { code, stdout, stderr } = await mailweir(["start", ...anywhere, ...args, "--json"]);
  expect(stderr).not.toMatch(/^\s+at .*:\d+/m);
  expect(stderr).not.toContain("unexpected");
  expect(stdout.toString()).toBe("");
  expect(code).toBe(1);
  return stderr;
}

async function send(engine: EngineProcess, octets: Buffer, to: readonly string[] = ["support@example.com"]) {
  const transport = createTransport({ host: engine.host, port: engine.port, ignoreTLS: true, name: "mx.example.net" });
  try {
    const { response } = await transport.sendMail({
      envelope: { from: "sender@example.net", to: [...to] },
      raw: octets,
    });
    return { id: /^250 OK ([0-9a-z]+)/.exec(response)?.[1] ?? "", reply: response };
  } catch (error) {
    return { id: "", reply: String((error as { response?: string }).response ?? error) };
  } finally {
    transport.close();
  }
}

function writtenFile(path: string): string {
  writeFileSync(path, "not a folder");
  return path;
}

function withKeysFile(data: string): string {
  mkdirSync(data);
  writtenFile(join(data, "keys"));
  return data;
}

function withForeignDatabase(data: string): string {
  mkdirSync(data);
  writeFileSync(join(data, "mailweir.sqlite3"), "no database, but long enough to be looked at ".repeat(500));
  return data;
}

function nested(depth: number): string {
  let text = "";
  for (let level = 0; level < depth; level++) {
    text += `Content-Type: multipart/mixed; boundary="b${level}"\r\n\r\n--b${level}\r\n`;
  }
  return `${text}Content-Type: text/plain\r\n\r\ndeep\r\n`;
}

function tmpfsWorks(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "mailweir-mount-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).status === 0;
  if (mounted) spawnSync("umount", [folder]);
  rmSync(folder, { recursive: true, force: true });
  return mounted;
}
