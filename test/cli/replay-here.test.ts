import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { redeliveriesOf } from "../../cli/replay-files.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "../local/console/console-engine.ts";
import { callCli } from "./run-cli.ts";

async function started() {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-replay-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const engine = async () => {
    const running = await startConsoleEngine();
    onTestFinished(() => running.close());
    const cli = (...args: readonly string[]) => callCli(["replay", ...args, "--data", running.engine.data]);
    return { running, cli };
  };
  return { folder, engine, ...(await engine()) };
}

const tickets = async (running: ConsoleEngine) => {
  await running.ended();
  const answer = await running.fetch("/api/tickets?limit=200");
  return ((await answer.json()) as { tickets: { subject: string; createdAt: string }[] }).tickets;
};
const listed = async (running: ConsoleEngine) =>
  (
    (await (await running.fetch("/api/messages?limit=100")).json()) as {
      messages: { sesMessageId: string; receivedAt: string; subject: string; recipients: { outcome: string }[] }[];
    }
  ).messages.toReversed();

function mbox(...subjects: readonly string[]): string {
  return subjects
    .map((subject, index) => {
      const received = `from mx.example.org by mx.example.com; Mon, 0${index + 1} Jun 2026 10:00:00 +0200`;
      const text = mail(subject, `Mail ${index}\r\n>From the start`, {
        Received: received,
        Date: "Tue, 04 Aug 2020 09:15:02 +0000",
      });
      return `From ann@sender.example Mon Jun  1 10:00:00 2026\n${text.replaceAll("\r\n", "\n")}\n`;
    })
    .join("");
}

test("an mbox builds the same tickets, once, with the times of the mails, on this machine and another", {
  timeout: 120_000,
}, async () => {
  const { folder, engine, running, cli } = await started();
  const file = join(folder, "archive.mbox");
  await writeFile(file, mbox("First", "Second", "Third"));
  const dry = await cli(file, "--dry-run");
  expect(dry.stdout.split("\n")[0]).toMatch(
    /archive\.mbox#0 → support@example\.com as \w{40}, received 2026-06-01T08:00:00/,
  );
  expect(await listed(running)).toEqual([]);

  expect(await cli(file)).toMatchObject({ exit: 0, stdout: "received: 3, there before: 0, refused: 0\n" });
  const first = await tickets(running);
  expect(first.map(({ subject }) => subject).sort()).toEqual(["First", "Second", "Third"]);
  expect((await listed(running)).map(({ subject, receivedAt }) => [subject, receivedAt])).toEqual([
    ["First", "2026-06-01T08:00:00.000Z"],
    ["Second", "2026-06-02T08:00:00.000Z"],
    ["Third", "2026-06-03T08:00:00.000Z"],
  ]);
  // Cut off and run again, with one mail more.
  await writeFile(file, mbox("First", "Second", "Third", "Fourth"));
  expect((await cli(file)).stdout).toBe("received: 1, there before: 3, refused: 0\n");
  expect(await tickets(running)).toHaveLength(4);

  const other = await engine();
  await other.cli(file);
  expect(await tickets(other.running)).toHaveLength(4);
  expect((await listed(other.running)).map(({ sesMessageId }) => sesMessageId)).toEqual(
    (await listed(running)).map(({ sesMessageId }) => sesMessageId),
  );
});

test("a Maildir is read too; who is not ours is refused and told", { timeout: 60_000 }, async () => {
  const { folder, running, cli } = await started();
  const maildir = join(folder, "Maildir");
  for (const name of ["cur", "new", "tmp"]) await mkdir(join(maildir, name), { recursive: true });
  await writeFile(join(maildir, "cur", "1722.M1P2.host:2,S"), mail("Read"));
  await writeFile(join(maildir, "new", "1723.M1P2.host"), mail("Unread", "x", { To: "ann@elsewhere.example" }));
  await writeFile(join(maildir, "tmp", "1724.M1P2.host"), mail("Half"));
  const { exit, stdout, stderr } = await cli(maildir);
  expect({ exit, stdout }).toEqual({ exit: 1, stdout: "received: 1, there before: 0, refused: 1\n" });
  expect(stderr).toMatch(/1723\.M1P2\.host, ann@elsewhere\.example: 550 /);
  expect((await listed(running)).map(({ subject }) => subject)).toEqual(["Read"]);
  expect((await cli(join(maildir, "new"), "--to", "support@example.com")).stdout).toMatch(/^received: 1/);
});

test("stored mail goes through again by id and by search; a dry run prints what differs", {
  timeout: 60_000,
}, async () => {
  const { running, cli } = await started();
  const id = await running.send(mail("Again"), ["support@example.com"]);
  await running.ended();
  await running.engine.search.caughtUp();
  expect((await cli(id, "--from", "decide", "--dry-run")).stdout).toMatch(
    /^\w{40} {2}Again\n {2}no change\nwould be replayed: 1, decided otherwise: 0/,
  );
  const applied = await cli("--search", "subject:again", "--yes", "--json");
  expect(applied.exit).toBe(0);
  expect(JSON.parse(applied.stdout)).toMatchObject({
    sesMessageId: id,
    from: "work",
    replayed: [{ kind: "replayed" }],
  });
  expect(await tickets(running)).toHaveLength(1);
  expect(await cli("--search", "x")).toMatchObject({ exit: 1, stderr: expect.stringContaining("give --yes") });
  expect(await cli()).toMatchObject({ exit: 1, stderr: expect.stringContaining("SES ids, files, or --search") });
  expect(await cli(id, "--since", "2026-01-01")).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining("--since belongs to --stage"),
  });
  expect(await cli("--search", "is:lost", "--yes")).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining("At character 1:"),
  });
});

test.for<[string, Readonly<Record<string, string>>, string[] | undefined, object]>([
  [
    "whom it was delivered to, before whom it names",
    { "Delivered-To": "Ann@example.com" },
    undefined,
    { recipient: "ann@example.com" },
  ],
  [
    "whom the command line names, before all",
    { "Delivered-To": "ann@example.com" },
    ["bob@example.com"],
    { recipient: "bob@example.com" },
  ],
  ["the null sender stays it", { "Return-Path": "<>" }, undefined, { envelopeFrom: "" }],
  [
    "without a Received the author's date",
    {},
    undefined,
    { receivedAt: new Date("2026-08-04T09:15:02Z"), envelopeFrom: "ann@sender.example" },
  ],
  ["without any date always the same", { Date: "soon" }, undefined, { receivedAt: new Date(0) }],
])("%s", ([, headers, to, expected]) => {
  expect(redeliveriesOf(Buffer.from(mail("Hello", "x", headers)), to)).toMatchObject([expected]);
});
