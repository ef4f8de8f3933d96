import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SearchPage } from "../../../local/search/open-search.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "../console/console-engine.ts";

const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
  await running.send(mail("Broken door", "The café door does not open. Invoice 4711."), ["support@example.com"]);
  await running.send(mail("Open window", "Bonjour"), ["ann@example.com"], { from: "bob@other.example" });
  await running.send(mail("東京からの手紙", "これは日本語の文章です。", { From: "佐藤 <sato@sender.example>" }), [
    "support@example.com",
  ]);
  await running.send(mail("Win", gtube), ["support@example.com"]);
  await running.send(withAttachment("Report"), ["support@example.com", "ann@example.com"]);
  await actor("out-of-office");
  await actor("spoof");
  await running.ended();
  await running.engine.search.caughtUp();
}, 60_000);
afterAll(() => running.close());

const actor = (name: string) =>
  running.fetch(`/api/actors/${name}`, { method: "POST", headers: { authorization: `Bearer ${running.token}` } });

async function find(q: string, more: Readonly<Record<string, string>> = {}): Promise<SearchPage> {
  const response = await running.fetch(`/api/messages?${new URLSearchParams({ q, ...more })}`);
  expect(response.status).toBe(200);
  return (await response.json()) as SearchPage;
}

function withAttachment(subject: string): string {
  const parts = `--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="quarterly figures.pdf"\r\n\r\nx\r\n--b--`;
  return mail(subject, parts, { "MIME-Version": "1.0", "Content-Type": "multipart/mixed; boundary=b" });
}

// Newest first.
const [spoof, away, report, win, letter, open, door] = [
  "Urgent: transfer",
  "Out of office: News of August",
  "Report",
  "Win",
  "東京からの手紙",
  "Open window",
  "Broken door",
];
const all = [spoof, away, report, win, letter, open, door];

test.for<[string, readonly string[]]>([
  ["", all],
  ["door", [door]],
  ["DOOR cafe", [door]],
  ["open", [open, door]],
  ["subject:open", [open]],
  ['"does not open"', [door]],
  ['"not does"', []],
  ["invo*", [door]],
  ["invo", []],
  ["-open -from:sender.example", [spoof, away]],
  ["from:bob@other.example", [open]],
  ["from:ann", [report, win, letter, open, door]],
  ["to:ann@example.com", [report, open]],
  ["日本語", [letter]],
  ["本語の", [letter]],
  ["from:佐藤", [letter]],
  ["figures", [report]],
  ["has:attachment", [report]],
  ["-has:attachment to:support", [spoof, away, win, letter, open, door]],
  ["stream:ticket", [report, letter, door]],
  ["stream:personal", [report, open]],
  ["stream:quarantine -spoof", [spoof, win]],
  ["is:quarantined", [spoof, win]],
  ["is:failed", []],
  ["is:open", []],
  ["is:done to:ann", [report, open]],
  ["nature:auto-reply", [away]],
  ["nature:human has:attachment", [report]],
  ["verdict:spam=fail", [win]],
  ["verdict:dmarc=fail", [spoof]],
  ["verdict:fail stream:quarantine", [spoof, win]],
  ["-verdict:fail stream:quarantine", []],
  ["after:1h", all],
  ["before:2020-01-01", []],
  ["before:2100-01-01 door", [door]],
  ["nothing-like-it", []],
])("%s", async ([query, subjects]) => {
  const { messages, next, notIndexed } = await find(query);
  expect({ subjects: messages.map(({ subject }) => subject), next, notIndexed }).toEqual({
    subjects,
    next: null,
    notIndexed: 0,
  });
});

test("the SES id and the Message-ID find their message", async () => {
  const [message] = (await find("window")).messages;
  expect((await find(message?.sesMessageId ?? "")).messages).toHaveLength(1);
  expect((await find('"Open-window@sender.example"')).messages.map(({ subject }) => subject)).toEqual([open]);
});

test("pages of a search follow each other without gap or repetition", async () => {
  const paged: (string | null)[] = [];
  let next: number | null | undefined;
  do {
    const page: SearchPage = await find("to:example", { limit: "2", ...(next ? { before: String(next) } : {}) });
    expect(page.messages.length).toBeLessThanOrEqual(2);
    paged.push(...page.messages.map(({ subject }) => subject));
    ({ next } = page);
  } while (next !== null);
  expect(paged).toEqual((await find("to:example")).messages.map(({ subject }) => subject));
  expect(paged).toHaveLength(all.length);
});

test("a search that is wrong says where", async () => {
  const response = await running.fetch(`/api/messages?${new URLSearchParams({ q: "door is:lost" })}`);
  expect(response.status).toBe(400);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({ code: "ERR_SEARCH_SYNTAX", position: 5, length: 7 });
});

test("what is taken out of the index leaves no word of it in its files", { timeout: 30_000 }, async () => {
  await running.send(mail("Secret", "zyzzyvasecretword stands here"), ["support@example.com"]);
  await running.engine.search.caughtUp();
  const [message] = (await find("zyzzyvasecretword")).messages;
  await running.engine.search.forget([message?.sequence ?? 0]);
  expect((await find("zyzzyvasecretword")).messages).toEqual([]);
  expect((await find("subject:secret")).messages).toEqual([]);
  // The log is copied over when the last of its writers closes.
  await running.engine.search.close();
  const { data } = running.engine;
  const files = (await readdir(data)).filter((name) => name.startsWith("search.sqlite3"));
  expect(files.length).toBeGreaterThan(0);
  for (const name of files) {
    const octets = await readFile(join(data, name));
    expect(octets.includes("zyzzyvasecretword"), name).toBe(false);
    expect(octets.includes("zyzzyva"), name).toBe(false);
  }
});

test("an index that was deleted or damaged is made anew from the mail", { timeout: 60_000 }, async () => {
  const { openSearch } = await import("../../../local/search/open-search.ts");
  const { store } = running.engine;
  const { folder, database } = store;
  for (const damage of [
    async () => rm(folder.search, { force: true }),
    async () => {
      const { writeFile } = await import("node:fs/promises");
      await writeFile(folder.search, "this is no database at all, and never was one".repeat(100));
    },
  ]) {
    await damage();
    const problems: string[] = [];
    const log = { info: () => undefined, error: (message: string) => void problems.push(message) };
    const search = openSearch({ folder, database, clock: { now: () => new Date() }, log });
    try {
      await search.caughtUp();
      const { messages } = await search.find("subject:open", { limit: 10 });
      expect({ subjects: messages.map(({ subject }) => subject), problems }).toEqual({
        subjects: [open],
        problems: [],
      });
    } finally {
      await search.close();
    }
  }
});
