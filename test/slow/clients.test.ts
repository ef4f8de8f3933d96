import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTransport } from "nodemailer";
import { describe, expect, onTestFinished, test } from "vitest";
import { effectFaults, faultsOf, listed, outcomeCounts, untilEnded } from "./check-outcomes.ts";
import { engineFolder, mailweir, startEngineProcess } from "./engine-process.ts";
import { type Recorded, startRecordingProxy } from "./recording-proxy.ts";
import { seeded } from "./seeded.ts";

const corpus = fileURLToPath(new URL("../../../shared/corpus", import.meta.url));
const sampleSize = process.env["MAILWEIR_LONG"] === "1" ? Number.POSITIVE_INFINITY : 150;
const seed = Number(process.env["MAILWEIR_SEED"] ?? 1);
// How many ids are asked for with the command line, which is a process each; all others are read from the folder.
const rawByCommand = 15;

const config = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    unsubscribe: { recipients: ["unsubscribe@example.com"] },
    personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
  },
};

const envelopes: readonly (readonly string[])[] = [
  ["support@example.com"],
  ["unsubscribe@example.com"],
  ["ann@example.com"],
  ["anybody@example.com"],
  ["support@example.com", "unsubscribe@example.com", "ann@example.com", "anybody@example.com"],
];

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly octets: Buffer;
}

type Send = (mails: readonly Mail[], port: number) => Promise<void>;

const clients: readonly (readonly [string, () => boolean, Send])[] = [
  ["swaks", () => spawnSync("swaks", ["--version"]).status === 0, sendWithSwaks],
  ["python3 smtplib", () => spawnSync("python3", ["-c", "import smtplib"]).status === 0, sendWithSmtplib],
  ["nodemailer", () => true, sendWithNodemailer],
];

describe.skipIf(!existsSync(corpus))("the mails of ../shared/corpus (skipped where that folder is missing)", () => {
  for (const [name, isInstalled, send] of clients) {
    test.skipIf(!isInstalled())(
      `${name} (skipped where it is not installed): every mail ends, its octets unchanged`,
      async () => {
        const { configFile, data, remove } = await engineFolder(config);
        onTestFinished(remove);
        const engine = await startEngineProcess({ configFile, data });
        onTestFinished(() => engine.kill());
        const proxy = await startRecordingProxy(engine);
        onTestFinished(proxy.close);
        const mails = sample(clients.findIndex(([client]) => client === name));

        await send(mails, proxy.port);

        expect(proxy.recorded.length).toBe(mails.length);
        const refused = proxy.recorded.filter(({ reply }) => !reply.startsWith("250"));
        await untilEnded(data, 300_000);
        const messages = await listed(data);
        console.info(
          name,
          `${messages.size} of ${mails.length}`,
          outcomeCounts(messages),
          refused.map(({ reply }) => reply),
        );
        // Mails that went round in circles are in the corpus too; nothing else may be refused.
        expect(refused.map(({ reply }) => reply).filter((reply) => !/^554 5\.4\.6 /.test(reply))).toEqual([]);

        const acknowledged = new Map(proxy.recorded.flatMap((mail) => (idOf(mail) ? [[idOf(mail), mail.to]] : [])));
        expect(messages.size).toBe(acknowledged.size);
        expect(faultsOf(messages, acknowledged)).toEqual([]);
        expect(await effectFaults(data, messages)).toEqual([]);
        const failed = [...messages.values()].flatMap(({ recipients }) =>
          recipients.filter(({ state }) => state === "failed"),
        );
        expect(failed).toEqual([]);
        await expectSameOctets(data, proxy.recorded);
        expect(await engine.stop()).toBe(0);
      },
    );
  }
});

async function expectSameOctets(data: string, recorded: readonly Recorded[]): Promise<void> {
  const { openStoreReadOnly } = await import("../../local/store/open-read-only.ts");
  const store = await openStoreReadOnly(data);
  const changed: string[] = [];
  try {
    for (const [index, mail] of recorded.entries()) {
      const id = idOf(mail);
      if (!id) continue;
      const chunks: Uint8Array[] = [];
      if (index < rawByCommand) {
        const { code, stdout } = await mailweir(["raw", id, "--without-ses-block", "--data", data]);
        if (code !== 0) changed.push(`raw ${id} ended with ${code}`);
        chunks.push(stdout);
      } else {
        for await (const chunk of store.engine.openRaw(id as Parameters<typeof store.engine.openRaw>[0]))
          chunks.push(chunk);
      }
      if (!Buffer.concat(chunks).equals(mail.octets)) changed.push(id);
    }
  } finally {
    await store.close();
  }
  expect(changed).toEqual([]);
}

function idOf({ reply }: Recorded): string {
  return /^250 OK ([0-9a-z]+)/.exec(reply)?.[1] ?? "";
}

/** A seeded sample of all folders, another one for each client; everything for each with MAILWEIR_LONG=1. */
function sample(client: number): Mail[] {
  const files = readdirSync(corpus, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".eml"))
    .sort();
  const random = seeded(seed + client);
  const shuffled = files.map((name) => ({ name, at: random() })).sort((one, other) => one.at - other.at);
  return (
    shuffled
      .slice(0, Math.min(Math.ceil(sampleSize / clients.length), shuffled.length))
      .map(({ name }, number) => ({
        // What a mail server sends about mail has no sender.
        from: /^(?:dsn|autoreply)\//.test(name) ? "" : `sender${number}@example.net`,
        to: envelopes[number % envelopes.length] ?? [],
        octets: Buffer.from(readFileSync(join(corpus, name), "latin1").replace(/\r\n|\r|\n/g, "\r\n"), "latin1"),
      }))
      // Three fragments have no line end: swaks takes such content for the name of a file.
      .filter(({ octets }) => octets.includes("\n"))
  );
}

async function sendWithNodemailer(mails: readonly Mail[], port: number): Promise<void> {
  const transport = createTransport({ pool: true, maxConnections: 4, host: "127.0.0.1", port, ignoreTLS: true });
  await Promise.all(
    mails.map(({ from, to, octets }) =>
      transport.sendMail({ envelope: { from, to: [...to] }, raw: octets }).catch((error: { responseCode?: number }) => {
        // A refusal is recorded on the wire; anything else is a fault of this test.
        if (error.responseCode === undefined) throw error;
      }),
    ),
  );
  transport.close();
}

async function sendWithSwaks(mails: readonly Mail[], port: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mailweir-swaks-"));
  try {
    for (const { from, to, octets } of mails) {
      const file = join(folder, "mail.eml");
      writeFileSync(file, octets);
      const server = ["--server", "127.0.0.1", "--port", String(port), "--silent", "3"];
      const envelope = ["--from", from === "" ? "<>" : from, "--to", to.join(","), "--helo", "mx.example.net"];
      const child = spawn("swaks", [...server, ...envelope, "--data", `@${file}`], { stdio: "ignore" });
      await once(child, "exit");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const smtplibScript = `
import base64, json, smtplib, sys
port = int(sys.argv[1])
server = None
for line in sys.stdin:
    mail = json.loads(line)
    if server is None:
        server = smtplib.SMTP("127.0.0.1", port, local_hostname="mx.example.net")
    try:
        server.sendmail(mail["from"], mail["to"], base64.b64decode(mail["octets"]))
    except smtplib.SMTPDataError:
        server.rset()
server.quit()
`;

async function sendWithSmtplib(mails: readonly Mail[], port: number): Promise<void> {
  const child = spawn("python3", ["-c", smtplibScript, String(port)], { stdio: ["pipe", "ignore", "inherit"] });
  for (const { from, to, octets } of mails) {
    child.stdin.write(`${JSON.stringify({ from, to, octets: octets.toString("base64") })}\n`);
  }
  child.stdin.end();
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
}
