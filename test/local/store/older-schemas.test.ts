import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDatabase } from "../../../local/store/database.ts";
import { migrations } from "../../../local/store/schema.ts";
import { bytesOf } from "../../contract/opened.ts";
import { openTemporary } from "./open-temporary.ts";
import { sesId } from "./store-fixture.ts";

// What folders out there went through. A new step gets its line when it is released; an old line never changes.
const released = [
  "b18c781214ab2726",
  "f807ebee34afc264",
  "5dab23d34ddd55d2",
  "d317f6364ff7d4dc",
  "a596821520c00694",
  "44389e2ac5eff16e",
  "120f7e83aff22495",
  "ef6b5ce02dd534b5",
  "973d3d41f5d9cc88",
  "0ac71063620fbfb0",
  "f0c6df7cff9b6160",
  "b819bd57d8a7fb1d",
];

test("a step that was released is what it was", () => {
  const now = migrations
    .slice(0, released.length)
    .map((step) => createHash("sha256").update(step).digest("hex").slice(0, 16));
  expect(now).toEqual(released);
});

test.for(
  migrations.slice(1).map((_, at) => at + 1),
)("a data folder of schema %i opens with all that it holds", async (version) => {
  const { store: first, root, reopen } = await openTemporary();
  await first.close();
  const file = join(root, "mailweir.sqlite3");
  for (const end of ["", "-wal", "-shm"]) await rm(`${file}${end}`, { force: true });
  const id = sesId(7);
  // Written at the first version and carried on step by step, as by an engine that was always brought up to date.
  const oldest = openDatabase({ file, folder: root, steps: migrations.slice(0, 1) });
  const at = 1_785_834_902_417;
  await oldest.write((tx) => {
    const raw = Buffer.from("Subject: kept\r\n\r\nHello.\r\n");
    tx.run("INSERT INTO contents (id, size_bytes, refs, bytes) VALUES (3, ?, 2, ?)", raw.length, raw);
    tx.run("INSERT INTO ids VALUES (5, ?)", id);
    tx.run(
      `INSERT INTO messages (seq, received_at, mail_from, recipients, client, rule_set, size_bytes, raw, subject, author)
       VALUES (5, ?, 'ann@sender.example', '["support@example.com"]', '{"ip":"203.0.113.25","helo":"mx.sender.example"}', 'x', ?, 3, 'kept', NULL)`,
      at,
      raw.length,
    );
    tx.run(
      `INSERT INTO recipients (seq, recipient, state, open, stream, decision, attempts, received_at, updated_at)
       VALUES (5, 'support@example.com', 'received', 1, NULL, NULL, 0, ?, ?)`,
      at,
      at,
    );
    tx.run(
      `INSERT INTO objects (bucket, key, size_bytes, last_modified, metadata, block, content) VALUES ('mail', 'inbox/1', ?, ?, '{}', NULL, 3)`,
      raw.length,
      at,
    );
    tx.run(
      "INSERT INTO queue_messages (queue, visible_at, message_id, sent_at, body) VALUES ('some-queue', ?, 'm-1', ?, 'body')",
      at,
      at,
    );
    tx.run(
      "INSERT INTO refusals (refusal) VALUES (?)",
      JSON.stringify({ at: "2026-08-04", ip: "203.0.113.9", reason: "kept" }),
    );
  });
  await oldest.close();
  for (let step = 2; step <= version; step++) {
    await openDatabase({ file, folder: root, steps: migrations.slice(0, step) }).close();
  }

  const { engine, ports, database } = await reopen();
  expect((await bytesOf(engine.openRaw(id))).toString()).toContain("Hello.");
  expect(await engine.message(id)).toMatchObject({ from: "ann@sender.example", recipients: ["support@example.com"] });
  expect((await engine.list({ limit: 5 })).map(({ subject }) => subject)).toEqual(["kept"]);
  expect((await bytesOf((await ports.objects.open({ bucket: "mail", key: "inbox/1" })).body)).length).toBe(25);
  expect((await engine.refusals({ limit: 5 }))[0]).toMatchObject({ reason: "kept" });
  expect(database.read((sql) => sql.get("SELECT body FROM queue_messages WHERE message_id = 'm-1'"))).toEqual({
    body: "body",
  });
  expect(database.read((sql) => sql.get("PRAGMA integrity_check"))).toEqual({ integrity_check: "ok" });
  expect(existsSync(`${file}.schema-${version}.saved`)).toBe(true);
});
