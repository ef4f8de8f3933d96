import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listBackups, makeBackup } from "../../../local/retention/backup.ts";
import { restoreBackup } from "../../../local/retention/restore.ts";
import { openStoreReadOnly } from "../../../local/store/open-read-only.ts";
import { addressesIn } from "../../../shared/retention/addresses-in.ts";
import { parseSesMessageId } from "../../../shared/ses-message-id.ts";
import { launcher } from "../../cli/run-cli.ts";
import { bytesOf } from "../../contract/opened.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "../console/console-engine.ts";
import { askToForget } from "./ask-to-forget.ts";

const victim = "victim.person@gone.example";
const now = new Date("2026-08-04T09:15:02.417Z");
const later = (days: number) => new Date(now.getTime() + days * 86_400_000);

let running: ConsoleEngine;
let folder: string;
beforeAll(async () => {
  running = await startConsoleEngine();
  folder = await mkdtemp(join(tmpdir(), "mailweir-backup-"));
}, 60_000);
afterAll(async () => {
  await running.close();
  await rm(folder, { recursive: true });
});

const large = "A line of text that makes it large.\r\n".repeat(3_000);

test("a backup while mail arrives holds every message with its octets, and restores to the same", async () => {
  const sent = new Map<string, string>();
  let go = true;
  const sending = (async () => {
    for (let n = 0; go || n < 10; n++) {
      const raw = mail(`Number ${n}`, n % 2 === 0 ? large : "small");
      sent.set(await running.send(raw, ["ann@example.com", "support@example.com"]), raw);
    }
  })();
  while (sent.size < 6) await new Promise((resolve) => setTimeout(resolve, 5));
  const before = [...sent.keys()];
  const backup = await makeBackup(running.engine.data, join(folder, "a"), { now, keepDays: 14 });
  go = false;
  await sending;
  expect(backup.messages).toBeGreaterThanOrEqual(before.length);
  expect(backup.agesOutAt).toBe("2026-08-18T09:15:02.417Z");

  const data = join(folder, "restored");
  const { config } = running.engine;
  expect(await restoreBackup(backup.path, data, { config, now, replace: false })).toMatchObject({
    messages: backup.messages,
    forgotten: 0,
  });
  const store = await openStoreReadOnly(data);
  const listed = await store.engine.list({ limit: 500 });
  expect(listed.length).toBe(backup.messages);
  for (const id of before) expect(listed.map(({ sesMessageId }) => sesMessageId)).toContain(id);
  for (const { sesMessageId, recipients } of listed) {
    const raw = (await bytesOf(store.engine.openRaw(sesMessageId))).toString();
    expect(raw).toBe(sent.get(sesMessageId));
    // What the database calls delivered is in the copied Maildir.
    if (recipients.some(({ recipient, state }) => recipient === "ann@example.com" && state === "done")) {
      const names = await readdir(join(data, "maildir", "ann", "new"));
      expect(names.some((name) => name.includes(sesMessageId))).toBe(true);
    }
  }
  await store.close();
  await expect(restoreBackup(backup.path, data, { config, now, replace: false })).rejects.toThrow(/has mail/);
}, 120_000);

test("a restore forgets again who was forgotten after the backup", async () => {
  await running.send(mail("Of the victim", "Hello.", { From: `V <${victim}>` }), ["ann@example.com"], { from: victim });
  await running.send(
    mail("Hidden", Buffer.from(`Ask ${victim}.`).toString("base64"), {
      "MIME-Version": "1.0",
      "Content-Type": "text/plain",
      "Content-Transfer-Encoding": "base64",
    }),
    ["support@example.com"],
  );
  await running.ended();
  const { config, data: live } = running.engine;
  const backup = await makeBackup(live, join(folder, "b"), { now, keepDays: 14 });
  const answer = await askToForget(running, { address: victim });
  expect(await answer.json()).toMatchObject({ messages: 2, untold: [] });

  const data = join(folder, "again");
  expect(await restoreBackup(backup.path, data, { config, now, replace: false })).toMatchObject({ forgotten: 1 });
  for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const octets = (await readFile(join(entry.parentPath, entry.name), "latin1")).toLowerCase();
    expect([entry.name, octets.includes(victim)]).toEqual([entry.name, false]);
  }
  const store = await openStoreReadOnly(data);
  const subjects = (await store.engine.list({ limit: 500 })).map(({ subject }) => subject);
  expect(subjects).not.toContain("Hidden");
  expect(subjects.length).toBe(backup.messages - 2);
  await store.close();
}, 120_000);

test("backups age out at the date that the list shows", async () => {
  const root = join(folder, "aging");
  await makeBackup(running.engine.data, root, { now, keepDays: 2 });
  await makeBackup(running.engine.data, root, { now: later(1), keepDays: 30 });
  expect((await listBackups(root)).map(({ agesOutAt }) => agesOutAt.slice(0, 10))).toEqual([
    "2026-08-06",
    "2026-09-04",
  ]);
  await makeBackup(running.engine.data, root, { now: later(2), keepDays: 30 });
  expect((await listBackups(root)).map(({ at }) => at.slice(0, 10))).toEqual(["2026-08-05", "2026-08-06"]);
}, 60_000);

test("a backup that is killed leaves nothing that passes for one, and the next one is whole", async () => {
  const root = join(folder, "killed");
  for (const afterMs of [300, 600, 900, 1_200]) {
    const child = spawn(process.execPath, [launcher, "backup", root, "--data", running.engine.data], {
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    setTimeout(() => child.kill("SIGKILL"), afterMs);
    await ended;
  }
  const backup = await makeBackup(running.engine.data, root, { now, keepDays: 1 });
  expect((await readdir(root)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  const { config } = running.engine;
  for (const { path, messages } of await listBackups(root)) {
    const data = join(folder, "from-killed");
    // A restore that was killed left this.
    await writeFile(`${data}.restoring`, "half");
    expect(await restoreBackup(path, data, { config, now, replace: true })).toMatchObject({ messages });
    const store = await openStoreReadOnly(data);
    for (const { sesMessageId } of await store.engine.list({ limit: 500 })) {
      const id = parseSesMessageId(sesMessageId);
      if (id) expect((await bytesOf(store.engine.openRaw(id))).length).toBeGreaterThan(0);
    }
    await store.close();
  }
  expect((await listBackups(root)).map(({ path }) => path)).toContain(backup.path);
}, 120_000);

test.for<[string, string]>([
  ["<ann@example.org>", "ann@example.org"],
  ["'Ann@Example.org'.", "ann@example.org"],
  ["?email=ann@example.org&x", "ann@example.org"],
  ["?u=%3Cann%40example.org%3E", "ann@example.org"],
  ["bounces+ann=example.org@lists.example", "ann@example.org"],
  ["SRS0=HH=TT=example.org=ann@relay.example", "ann@example.org"],
])("%s names %s", ([text, address]) => expect(addressesIn(text)).toContain(address));
