import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callCli } from "./run-cli.ts";

const mails = fileURLToPath(new URL("../mail/", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-inspect-"));
  await mkdir(join(folder, "deep"));
  await copyFile(join(mails, "dsn-postfix.eml"), join(folder, "dsn.eml"));
  await copyFile(join(mails, "unsubscribe-reply.eml"), join(folder, "deep", "stop.eml"));
  await writeFile(join(folder, "notes.txt"), "no mail");
  const ham =
    "From x Tue Aug  4\nFrom: ann@a.example\nSubject: one\n\n>From here on\n\nFrom y Tue Aug  4\nFrom: bob@b.example\nSubject: two\n\nhi\n";
  await writeFile(join(folder, "box.mbox"), ham);
  await writeFile(join(folder, "labels.tsv"), "dsn.eml\tbounce\ndeep/stop.eml\tunsubscribe\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const lines = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("inspect", () => {
  test("reads a folder in the order of names, and counts what is no mail", async () => {
    const { exit, stdout, stderr } = await callCli(["inspect", folder, "--json"]);
    expect(exit).toBe(0);
    expect(lines(stdout).map(({ path, nature }) => [path, nature.kind])).toEqual([
      ["deep/stop.eml", "unsubscribe-request"],
      ["dsn.eml", "bounce"],
    ]);
    expect(stderr).toContain("3 files skipped");
  });

  test("the line has every field, and null for what is absent", async () => {
    const path = join(folder, "dsn.eml");
    const [line] = lines((await callCli(["inspect", path, "--json"])).stdout);
    expect(Object.keys(line)).toEqual([
      "path",
      "message",
      "nature",
      "safety",
      "trust",
      "streams",
      "reply",
      "dsn",
      "complaint",
      "autoReply",
      "unsubscribe",
    ]);
    expect(line).toMatchObject({
      path,
      message: {
        author: { name: "Mail Delivery System", address: "MAILER-DAEMON@mx.example.net" },
        inReplyTo: null,
        listId: null,
        autoSubmitted: "auto-replied",
      },
      safety: null,
      trust: null,
      streams: [{ recipient: null, stream: null, reasons: [] }],
      dsn: {
        originalMessageId: "<issue-7@shop.example>",
        recipients: [{ address: "gone@customer.example", kind: "hard" }, {}, {}],
      },
      complaint: null,
    });
  });

  test("an mbox gives one line a message, with its place", async () => {
    const { stdout } = await callCli(["inspect", join(folder, "box.mbox"), "--json"]);
    expect(lines(stdout).map(({ index, message }) => [index, message.subject, message.text.trim()])).toEqual([
      [0, "one", "From here on"],
      [1, "two", "hi"],
    ]);
  });

  test("the table for people holds no control characters of a mail", async () => {
    const path = join(folder, "esc.eml");
    await writeFile(path, "From: ann@a.example\r\nSubject: \u001b[31mred\r\n\r\nhi \u001b]0;title\u0007\r\n");
    const { stdout } = await callCli(["inspect", path, "--no-json"]);
    await rm(path);
    expect(stdout).toContain("[31mred");
    expect(stdout).not.toContain("\u001b");
  });

  test("a path that is not there is named", async () => {
    const { exit, stderr } = await callCli(["inspect", join(folder, "none.eml")]);
    expect(exit).toBe(1);
    expect(stderr).toContain("none.eml");
  });

  test("with a recipient it says the stream", async () => {
    const config = fileURLToPath(new URL("../../mailweir.config.ts", import.meta.url));
    const { stdout } = await callCli([
      "inspect",
      join(folder, "dsn.eml"),
      "--json",
      "--recipient",
      "unsubscribe@example.com",
      "--config",
      config,
    ]);
    expect(lines(stdout)[0].streams).toMatchObject([
      { recipient: "unsubscribe@example.com", stream: expect.any(String) },
    ]);
  });
});

test("score prints precision, recall and the wrong actions", async () => {
  const { exit, stdout } = await callCli(["score", folder, "--labels", join(folder, "labels.tsv")]);
  expect(exit).toBe(0);
  expect(stdout).toMatch(/bounce +1 +1\.000 +1\.000/);
  expect(stdout).toContain("would open a ticket or unsubscribe): 0");
});

test("fixtures keep the line ends of mail", () =>
  expect(readFileSync(join(mails, "dsn-postfix.eml"), "latin1")).toContain("\r\n"));
