import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openStoreReadOnly } from "../../local/store/open-read-only.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { configFile } from "./config-file.ts";
import { callCli, launcher, runCli } from "./run-cli.ts";

// One engine for all, as its users start it: every test sends a mail of its own and looks at that only.
let child: ChildProcess;
let engine: { readonly smtp: string; readonly http: string };
let folder: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-mail-commands-"));
  data = join(folder, "data");
  await writeFile(join(folder, "zone.json"), "{}");
  const config = await configFile(
    JSON.stringify({
      domains: ["in.example"],
      streams: { ticket: { recipients: ["help@in.example"] }, personal: { recipients: ["ann@in.example"] } },
      ipFilters: [{ block: "203.0.113.0/24" }],
      encrypt: true,
      local: { dns: { zone: join(folder, "zone.json") }, smtp: "127.0.0.1:0", http: "127.0.0.1:0" },
    }),
    folder,
  );
  child = spawn(process.execPath, [launcher, "start", "--config", config, "--data", data, "--json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (!child.stdout) throw new Error("no stdout");
  for await (const line of createInterface({ input: child.stdout })) {
    engine = JSON.parse(line);
    break;
  }
});
afterAll(async () => {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
  await rm(folder, { recursive: true, force: true });
});

async function fileOf(content: string | Buffer): Promise<string> {
  const path = join(await mkdtemp(join(folder, "mail-")), "mail.eml");
  await writeFile(path, content);
  return path;
}

/** Sends, and answers the SES id that was printed. */
async function sent(args: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await callCli(["send", ...args, "--data", data]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  const id = /^accepted: ([0-9a-v]{40})\n/.exec(stdout)?.[1];
  expect(stdout).toContain(`and why:  ${engine.http}/#/message/${id}  or  npx mailweir list\n`);
  return id ?? "";
}

interface Line {
  readonly sesMessageId: string;
  readonly receivedAt: string;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly recipients: readonly Record<string, string | null>[];
}

async function listed(id: string): Promise<Line | undefined> {
  const { stdout } = await callCli(["list", "--json", "--data", data]);
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Line).find(({ sesMessageId }) => sesMessageId === id);
}

/** Until every recipient has ended. */
async function ended(id: string): Promise<Line> {
  return vi.waitUntil(
    async () => {
      const line = await listed(id);
      const open = line?.recipients.some(({ state }) => !["done", "quarantined", "failed"].includes(state ?? ""));
      return open === false ? line : undefined;
    },
    { timeout: 60_000 },
  ) as Promise<Line>;
}

/** What the engine noted of the client. */
async function clientOf(id: string) {
  const store = await openStoreReadOnly(data);
  try {
    return (await store.engine.message(id as SesMessageId))?.client;
  } finally {
    await store.close();
  }
}

describe("send", () => {
  test("composes a small mail, which becomes a ticket", async () => {
    const id = await sent(["--to", "help@in.example", "--subject", "Broken door", "--text", "It does not open."]);
    const line = await ended(id);
    expect(line.envelope).toEqual({ from: "you@example.net", to: ["help@in.example"] });
    expect(line.recipients).toMatchObject([
      { recipient: "help@in.example", stream: "ticket", outcome: "ticket-opened" },
    ]);
  });

  test("takes the envelope sender from the file's author, quoted names and all", async () => {
    const file = await fileOf('From: "a@b.example, Inc." <lee@sender.example>\r\nTo: x\r\n\r\nhi\r\n');
    const line = await listed(await sent([file, "--to", "ann@in.example"]));
    expect(line?.envelope.from).toBe("lee@sender.example");
  });

  test("sends with the null sender, over STARTTLS", async () => {
    const file = await fileOf("From: lee@sender.example\r\n\r\nhi\r\n");
    const id = await sent([file, "--to", "ann@in.example", "--from", "", "--tls"]);
    expect((await listed(id))?.envelope.from).toBe("");
    expect(await clientOf(id)).toMatchObject({ tls: { protocol: expect.stringMatching(/^TLSv1\./) } });
  });

  test("poses as another client with --ip, over the API", async () => {
    const file = await fileOf("From: lee@sender.example\n\nhi\n");
    const id = await sent([file, "--to", "ann@in.example", "--ip", "198.51.100.7", "--helo", "mx.sender.example"]);
    expect(await clientOf(id)).toMatchObject({ ip: "198.51.100.7", helo: "mx.sender.example" });
  });

  test.for<[string, string[], string[]]>([
    [
      "a recipient that no rule takes, beside one that is accepted",
      ["--to", "ann@in.example", "--to", "eve@in.example"],
      [
        'refused eve@in.example: 550 5.1.1 Requested action not taken: mailbox unavailable (no enabled rule of "mailweir" matches)',
      ],
    ],
    [
      "a blocked client",
      ["--to", "ann@in.example", "--ip", "203.0.113.9"],
      [
        'refused ann@in.example: 550 5.7.1 IP address blacklisted by recipient (Block filter "mailweir-1" (203.0.113.0/24) matches 203.0.113.9)',
        "mailweir: Not accepted: 550 5.7.1 IP address blacklisted by recipient",
      ],
    ],
  ])("tells a refusal with the engine's reason, exit status 1: %s", async ([, args, lines]) => {
    const { exit, stderr } = await callCli(["send", ...args, "--data", data]);
    expect(exit).toBe(1);
    expect(stderr.trimEnd().split("\n")).toEqual(lines);
  });

  test.for<[string, string[], number, string]>([
    [
      "no engine on the folder",
      ["--to", "a@in.example", "--data", "/nowhere/at/all"],
      1,
      "No engine runs on /nowhere/at/all",
    ],
    ["a file that is not there", ["/nowhere.eml", "--to", "a@in.example"], 1, "Cannot read /nowhere.eml"],
    ["nobody listens", ["--to", "a@in.example", "--smtp", "127.0.0.1:1"], 1, "Not accepted: connect ECONNREFUSED"],
    ["no recipient", [], 2, "required option '--to <address>'"],
    [
      "--ip with another server",
      ["--to", "a@in.example", "--ip", "192.0.2.1", "--smtp", "127.0.0.1:1"],
      2,
      "cannot be used with",
    ],
  ])("%s is told with its exit status", async ([, args, exit, text]) => {
    const result = await callCli(["send", ...args]);
    expect(result.stderr).toContain(text);
    expect(result.exit).toBe(exit);
  });
});

test("quarantine release: the running engine delivers what was held", async () => {
  const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
  const id = await sent(["--to", "ann@in.example", "--text", gtube]);
  expect((await ended(id)).recipients).toMatchObject([{ stream: "quarantine", state: "quarantined" }]);
  const { exit, stdout } = await callCli(["quarantine", "release", id, "--data", data]);
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: "ann@in.example: released to personal\n" });
  const after = await ended(id);
  expect(after.recipients).toMatchObject([{ stream: "personal", state: "done", outcome: "delivered" }]);
  expect((await callCli(["quarantine", "list", "--json", "--data", data])).stdout).not.toContain(id);
});

describe("list", () => {
  test("--json has exactly the documented members, null where absent", async () => {
    const id = await sent(["--to", "ann@in.example", "--from", "lee@sender.example"]);
    const line = await ended(id);
    expect(line).toEqual({
      sesMessageId: id,
      receivedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      envelope: { from: "lee@sender.example", to: ["ann@in.example"] },
      recipients: [
        {
          recipient: "ann@in.example",
          stream: "personal",
          state: "done",
          outcome: "delivered",
          cause: null,
          duplicateOf: null,
        },
      ],
    });
    expect(Object.keys(line)).toEqual(["sesMessageId", "receivedAt", "envelope", "recipients"]);
  });

  test("shows people the newest first, with control characters made harmless", async () => {
    const file = await fileOf("From: lee@sender.example\r\nSubject: =?utf-8?q?bell=07=1b=5B31m?=\r\n\r\nhi\r\n");
    const id = await sent([file, "--to", "ann@in.example"]);
    await ended(id);
    const { stdout } = await callCli(["list", "--limit", "1", "--data", data]);
    expect(stdout).toMatch(
      new RegExp(
        `^received, UTC .*\n\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d  ${id}  lee@sender\\.example  bell··\\[31m\n`,
      ),
    );
    expect(stdout).toContain("    ann@in.example → personal: done (delivered");
    expect(stdout.trimEnd().split("\n")).toHaveLength(3);
  });

  test("--state shows what is so for one of its recipients, through pages without any", async () => {
    const held = async () =>
      (await callCli(["list", "--state", "quarantined", "--limit", "1", "--json", "--data", data])).stdout;
    const id = await sent(["--to", "ann@in.example", "--from", "lee@sender.example"]);
    await ended(id);
    const gtube = await fileOf(
      "From: lee@sender.example\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n",
    );
    const spam = await sent([gtube, "--to", "ann@in.example", "--from", "lee@sender.example"]);
    await ended(spam);
    await ended(await sent(["--to", "ann@in.example", "--from", "lee@sender.example"]));
    const lines = (await held()).trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as Line).sesMessageId)).toEqual([spam]);
    expect((await callCli(["list", "--state", "working", "--data", data])).stdout).toBe("No mail is working.\n");
  });

  test.for<[string, string[], number, string]>([
    ["a state that there is not", ["--state", "lost"], 2, "Allowed choices are received, decided"],
    ["a folder without mail", ["--data", "/nowhere/at/all"], 1, "No mail is kept in /nowhere/at/all"],
    ["a limit that is no number", ["--limit", "many"], 2, "Give a whole number from 1 up."],
  ])("%s", async ([, args, exit, text]) => {
    const result = await callCli(["list", ...args]);
    expect(result.stderr).toContain(text);
    expect(result.exit).toBe(exit);
  });
});

describe("refusals", () => {
  test("shows who was turned away, newest first, with reply and reason", async () => {
    await callCli(["send", "--to", "older@elsewhere.example", "--data", data]);
    await callCli(["send", "--to", "newer@elsewhere.example", "--from", "lee@sender.example", "--data", data]);
    const { exit, stdout } = await callCli(["refusals", "--limit", "2", "--json", "--data", data]);
    expect(exit).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toMatchObject([
      { stage: "RCPT", from: "lee@sender.example", recipient: "newer@elsewhere.example", ip: "127.0.0.1" },
      { stage: "RCPT", recipient: "older@elsewhere.example", reply: expect.stringMatching(/^550 /) },
    ]);
    const people = await callCli(["refusals", "--limit", "1", "--data", data]);
    expect(people.stdout).toMatch(
      /^refused, UTC .*\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}127\.0\.0\.1, calling itself \S+, at RCPT\n {4}550 .*\n {4}elsewhere\.example is not under a verified domain\n {4}lee@sender\.example → newer@elsewhere\.example\n\d+ older: /,
    );
    expect(people.stdout).not.toContain("older@");
  });
});

describe("show", () => {
  test("says why a mail went where it went, to people and as the API does", async () => {
    const mail = "From: Ann <ann@sender.example>\r\nSubject: My \u202eorder\r\n\r\nWhere is it?\r\n";
    const id = await sent([await fileOf(Buffer.from(mail)), "--to", "help@in.example"]);
    const ended = async () => {
      const { stdout } = await callCli(["show", id, "--json", "--data", data]);
      return JSON.parse(stdout) as { recipients: { state: string }[] };
    };
    await expect.poll(async () => (await ended()).recipients[0]?.state, { timeout: 60_000 }).toBe("done");
    const answer = await fetch(`${engine.http}/api/messages/${id}`);
    expect(await ended()).toEqual(await answer.json());
    const { exit, stdout } = await callCli(["show", id, "--data", data]);
    expect(exit).toBe(0);
    expect(stdout).toContain("RCPT TO help@in.example");
    expect(stdout).toMatch(/Verdicts: .*spf /);
    expect(stdout).toMatch(/Rules of "[^"]+"\n {2}\S+: runs/);
    expect(stdout).toMatch(/help@in\.example → ticket: done \(ticket-opened\)/);
    expect(stdout).toMatch(/it is human/);
    expect(stdout).not.toContain("\u202e");
  });

  test("an id that is not here says where to look", async () => {
    const { exit, stderr } = await callCli(["show", "nobody", "--data", data]);
    expect(exit).toBe(1);
    expect(stderr).toContain("mailweir refusals");
  });
});

describe("raw", () => {
  // Octets that are no text, a line that begins with a dot, none of it ending in a line end of another kind.
  const octets = Buffer.concat([
    Buffer.from("From: lee@sender.example\r\nSubject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n.dot\r\n..two\r\n"),
    Buffer.from([0xff, 0xfe, 0x80, 0x01, 0x7f]),
    Buffer.from("\r\n"),
  ]);

  test("--without-ses-block is what was sent, octet by octet, through a pipe too", async () => {
    const id = await sent([await fileOf(octets), "--to", "ann@in.example"]);
    const { octets: received } = await callCli(["raw", id, "--without-ses-block", "--data", data]);
    expect(received).toEqual(octets);
    const out = join(folder, "received.eml");
    expect(await runCli(["raw", id, "--without-ses-block", "--out", out, "--data", data])).toMatchObject({
      exit: 0,
      stdout: "",
      stderr: "",
    });
    expect(await readFile(out)).toEqual(octets);
  });

  test("as stored: decrypted, SES's block in front of the same octets", async () => {
    const id = await sent([await fileOf(octets), "--to", "ann@in.example"]);
    await ended(id);
    const { octets: stored } = await callCli(["raw", id, "--data", data]);
    expect(stored.subarray(-octets.length)).toEqual(octets);
    expect(stored.subarray(0, 13).toString()).toBe("Return-Path: ");
    expect(stored.subarray(0, -octets.length).toString()).toContain("X-SES-Spam-Verdict: PASS");
  });

  test("a file line end of LF arrives as CRLF", async () => {
    const id = await sent([await fileOf("From: lee@sender.example\n\na\nb\n"), "--to", "ann@in.example"]);
    const { stdout } = await callCli(["raw", id, "--without-ses-block", "--data", data]);
    expect(stdout).toBe("From: lee@sender.example\r\n\r\na\r\nb\r\n");
  });

  test("an output that cannot be written leaves nothing behind", async () => {
    const id = await sent(["--to", "ann@in.example"]);
    const parent = join(folder, "out");
    await mkdir(join(parent, "taken"), { recursive: true });
    const { exit, stderr } = await callCli(["raw", id, "--out", join(parent, "taken"), "--data", data]);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^mailweir: --out .*taken cannot be written \(E[A-Z]+\): check folder, rights and space\n$/);
    expect(await readdir(parent)).toEqual(["taken"]);
  });

  test.for(["../../etc/passwd", "0".repeat(40), "x"])("an unknown id %j is told", async (id) => {
    const { exit, stdout, stderr } = await callCli(["raw", id, "--data", data]);
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
    expect(stderr).toContain("see  mailweir list  for those that are");
  });
});

describe("status", () => {
  test("--json counts by stream and state, and names the running engine without its token", async () => {
    await ended(await sent(["--to", "help@in.example"]));
    await callCli(["send", "--to", "eve@in.example", "--data", data]);
    const { exit, stdout } = await callCli(["status", "--json", "--data", data]);
    expect(exit).toBe(0);
    const status = JSON.parse(stdout);
    expect(Object.keys(status)).toEqual([
      "engine",
      "messages",
      "unended",
      "unfinished",
      "byStream",
      "rules",
      "queues",
      "outbox",
      "refusals",
      "bytes",
    ]);
    expect(status.engine).toEqual({
      pid: child.pid,
      smtp: engine.smtp,
      http: engine.http.replace("http://", ""),
      startedAt: expect.any(String),
    });
    expect(status.byStream.ticket.done).toBeGreaterThan(0);
    expect(status.refusals).toBeGreaterThan(0);
    expect(status.queues).toContainEqual(expect.objectContaining({ name: "mailweir-objects" }));
  });

  test("shows people where the engine listens, and the counts", async () => {
    await ended(await sent(["--to", "help@in.example"]));
    const { stdout } = await callCli(["status", "--data", data]);
    expect(stdout).toContain(`SMTP ${engine.smtp}, console ${engine.http}\n`);
    expect(stdout).toMatch(/\d+ messages, \d+ recipients unfinished, \d+ refusals\n/);
    expect(stdout).toMatch(/\n {2}ticket: \d+ done/);
  });
});
