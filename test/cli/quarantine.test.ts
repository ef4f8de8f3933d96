import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { lockFolder } from "../../local/store/lock.ts";
import { openStore } from "../../local/store/open-store.ts";
import { resolveConfig } from "../../shared/config/resolve-config.ts";
import { deriveTopology } from "../../shared/config/topology.ts";
import type { HeldMessage } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { mail as mailOf, startConsoleEngine } from "../local/console/console-engine.ts";
import { acceptedMessage, sesId } from "../local/store/store-fixture.ts";
import { callCli, runCli } from "./run-cli.ts";

const defineMail = fileURLToPath(new URL("../../shared/config/define-mail.ts", import.meta.url));
const mail = { domains: ["in.example"], streams: { personal: { recipients: ["in.example"] } } } as const;
const config = resolveConfig(mail);
const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
const clock = { now: () => new Date() };
const open = (folder: string) => openStore({ folder, topology: deriveTopology(config), clock, random });

const id = sesId(1);
const verdicts = { spam: "PASS", virus: "FAIL", spf: "PASS", dkim: "PASS", dmarc: "PASS" } as const;

/** A data folder in which one message is held for Ann and for Bob. */
async function heldForTwo(): Promise<{ folder: string; configFile: string }> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-quarantine-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const configFile = join(folder, "mailweir.config.ts");
  await writeFile(
    configFile,
    `import { defineMail } from ${JSON.stringify(defineMail)};\nexport default defineMail(${JSON.stringify(mail)});\n`,
  );
  const store = await open(folder);
  const recipients = ["ann@in.example", "bob@in.example"];
  await store.engine.accept(acceptedMessage(id, 10, recipients), {
    kind: "inline",
    bytes: Buffer.from("a: b\r\n\r\n\r\n"),
  });
  for (const recipient of recipients) {
    const common = {
      sesMessageId: id,
      nature: { kind: "human", confidence: 0.9, evidence: [] },
      safety: { kind: "suspicious", reasons: ["virus verdict FAIL"] },
      trust: "aligned",
      reasons: ["virus verdict FAIL"],
      receivedAt: "2026-08-04T09:15:02.417Z",
    } as const;
    await store.ports.ledger.decide([{ ...common, recipient, stream: "quarantine", configVersion: "test" }]);
    await store.ports.ledger.routed(id, [recipient]);
    const claimed = await store.ports.ledger.claim(id, recipient);
    if (claimed.kind !== "claimed") throw new Error("not claimed");
    const held: HeldMessage = {
      sesMessageId: id,
      recipient,
      intendedStream: "personal",
      reasons: ["virus verdict FAIL"],
      heldAt: "2026-08-04T09:15:03.000Z",
      message: {
        version: 1,
        stream: "quarantine",
        recipients: [recipient],
        envelope: { from: "eve@sender.example", to: recipients },
        verdicts,
        headers: { author: { name: "Eve", address: "eve@sender.example" }, subject: "bill\u202e\u0007" },
        content: { kind: "s3", bucket: config.names.bucket, key: `inbound/${id}` },
        ...common,
      },
    };
    await store.ports.quarantine.hold(claimed.claim, held);
    await store.ports.ledger.finish(claimed.claim, { state: "quarantined", outcome: "held" });
  }
  await store.close();
  return { folder, configFile };
}

const linesOf = (text: string) => text.trimEnd().split("\n");

test("list --json gives one line for each held recipient, in the documented shape", async () => {
  const { folder } = await heldForTwo();
  const { exit, stdout } = await runCli(["quarantine", "list", "--json", "--data", folder]);
  expect(exit).toBe(0);
  const lines = linesOf(stdout).map((line) => JSON.parse(line));
  expect(lines.map(({ recipient }) => recipient)).toEqual(["ann@in.example", "bob@in.example"]);
  expect(lines[0]).toEqual({
    sesMessageId: id,
    recipient: "ann@in.example",
    heldAt: "2026-08-04T09:15:03.000Z",
    intendedStream: "personal",
    reasons: ["virus verdict FAIL"],
    envelope: { from: "eve@sender.example", to: ["ann@in.example", "bob@in.example"] },
    author: { name: "Eve", address: "eve@sender.example" },
    subject: "bill\u202e\u0007",
    nature: "human",
    trust: "aligned",
    verdicts,
  });
});

test("what strangers wrote reaches the terminal without control and direction characters", async () => {
  const { folder } = await heldForTwo();
  const { stdout } = await callCli(["quarantine", "show", id, "bob@in.example", "--data", folder]);
  expect(stdout).toContain("subject     bill··\n");
  expect(stdout).toContain("because     virus verdict FAIL\n");
  expect(stdout).not.toContain("ann@in.example\nheld");
});

test("without an engine a release for one recipient queues the message and leaves the other held", async () => {
  const { folder, configFile } = await heldForTwo();
  const options = ["--data", folder, "--config", configFile, "--json"];
  const { exit, stdout, stderr } = await callCli(["quarantine", "release", id, "ANN@in.example", ...options]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual({
    sesMessageId: id,
    kind: "released",
    recipient: "ann@in.example",
    stream: "personal",
  });
  const store = await open(folder);
  onTestFinished(() => store.close());
  expect((await store.ports.quarantine.list({ limit: 9 })).map(({ recipient }) => recipient)).toEqual([
    "bob@in.example",
  ]);
  const records = await store.ports.ledger.recipients(id);
  expect(records.map(({ recipient, state, stream }) => [recipient, state, stream])).toEqual([
    ["ann@in.example", "routed", "personal"],
    ["bob@in.example", "quarantined", "quarantine"],
  ]);
  expect(await store.ports.queues.counts(config.names.streamQueue("personal"))).toMatchObject({ visible: 1 });
});

test("without a recipient a release is for everyone the message is held for", async () => {
  const { folder, configFile } = await heldForTwo();
  const { exit, stdout } = await callCli(["quarantine", "release", id, "--data", folder, "--config", configFile]);
  expect(exit).toBe(0);
  expect(linesOf(stdout)).toEqual([
    "ann@in.example: released to personal; the next start does its work",
    "bob@in.example: released to personal; the next start does its work",
  ]);
});

test("with an engine the release goes to its API with its token, and its refusal is told", async () => {
  const { folder } = await heldForTwo();
  const lock = await lockFolder(folder);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    const first = asked.length === 1;
    response.writeHead(first ? 200 : 409, { "content-type": "application/json" });
    response.end(JSON.stringify(first ? { kind: "released", stream: "personal" } : { detail: "no stream takes it" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    await lock.release();
    server.closeAllConnections();
    server.close();
  });
  const http = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await lock.publish({
    pid: process.pid,
    http,
    smtp: "127.0.0.1:1",
    startedAt: "2026-08-04T09:00:00Z",
    token: "secret",
  });
  const { exit, stderr } = await callCli(["quarantine", "release", id, "--data", folder]);
  expect(asked).toEqual(
    ["ann", "bob"].map((name) => `POST /api/quarantine/${id}/${name}%40in.example/release Bearer secret`),
  );
  expect({ exit, stderr }).toEqual({
    exit: 1,
    stderr: "mailweir: Not released for bob@in.example: no stream takes it\n",
  });
});

test.for<[string, string[], number, string]>([
  ["a message that is not there", ["show", sesId(9)], 1, "Nothing of message"],
  ["something that is no id", ["release", "../../etc"], 1, "see  mailweir quarantine list"],
  ["a recipient it is not held for", ["show", id, "eve@in.example"], 1, "ann@in.example is quarantined"],
  ["no subcommand", [], 2, "Usage: mailweir quarantine"],
  ["an unknown subcommand", ["relase", id], 2, "Did you mean release?"],
])("%s is told on stderr with its exit status", async ([, args, exit, text]) => {
  const { folder } = await heldForTwo();
  const result = await callCli(["quarantine", ...args, ...(exit === 1 ? ["--data", folder] : [])]);
  expect(result.stderr).toContain(text);
  expect(result.exit).toBe(exit);
});

test("a held mail is released with its sender, another one discarded, in the running engine", async () => {
  const running = await startConsoleEngine();
  onTestFinished(() => running.close());
  const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
  const spam = (subject: string) => mailOf(subject, gtube);
  const first = await running.send(spam("One"), ["support@example.com"]);
  const second = await running.send(spam("Two"), ["support@example.com"]);
  await running.ended();
  const cli = (...args: readonly string[]) => callCli(["quarantine", ...args, "--data", running.engine.data]);

  expect((await cli("discard", second)).stdout).toBe("support@example.com: discarded\n");
  expect((await cli("discard", second)).stderr).toMatch(/Nothing of message .* is held/);
  const released = await cli("release", first, "--allow-sender");
  expect(released.stdout).toMatch(/ann@sender\.example: allowed\nsupport@example\.com: released to ticket/);
  expect((await cli("allowed")).stdout).toMatch(/ann@sender\.example {2}by command-line/);
  await running.ended();
  const third = await running.send(spam("Three"), ["support@example.com"]);
  await running.ended();
  const states = await Promise.all(
    [first, second, third].map(async (id) => {
      const [record] = await running.engine.ports.ledger.recipients(id as SesMessageId);
      return `${record?.stream} ${record?.state} ${record?.outcome}`;
    }),
  );
  expect(states).toEqual(["ticket done ticket-opened", "quarantine done discarded", "ticket done ticket-opened"]);
  expect((await cli("disallow", "Ann@Sender.example")).stdout).toBe("ann@sender.example: no longer allowed\n");
  expect((await cli("allowed")).stdout).toBe("");
  expect((await cli("allow", "no address")).stderr).toMatch(/That is no address/);
});
