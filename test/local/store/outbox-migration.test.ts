import { join } from "node:path";
import { expect, test } from "vitest";
import { openDatabase } from "../../../local/store/database.ts";
import { migrations } from "../../../local/store/schema.ts";
import { bytesOf } from "../../contract/opened.ts";
import { openTemporary } from "./open-temporary.ts";

const before = migrations.slice(0, 2);

test("bounces of an older data folder are kept as they were", async () => {
  const { store: first, root, reopen } = await openTemporary();
  await first.close();
  const { rm } = await import("node:fs/promises");
  for (const end of ["", "-wal", "-shm"]) await rm(join(root, `mailweir.sqlite3${end}`), { force: true });
  const old = openDatabase({ file: join(root, "mailweir.sqlite3"), folder: root, steps: before });
  await old.write((tx) => {
    tx.run("INSERT INTO contents (id, size_bytes, refs, bytes) VALUES (7, 1, 1, ?)", Buffer.from("x"));
    for (const number of [1, 2]) {
      tx.run(
        "INSERT INTO outbox (key, recipient, message_id, created_at, filed, raw) VALUES (?, ?, ?, ?, 1, ?)",
        `k${number}`,
        `ann${number}@sender.example`,
        `0100-${number}`,
        1_785_834_902_417,
        Buffer.from(`Subject: ${number}\r\n\r\n`),
      );
    }
  });
  await old.close();

  const { ports } = await reopen();
  const entries = await ports.outbox.list({ limit: 10 });
  expect(entries).toMatchObject([
    { number: 2, kind: "bounce", messageId: "0100-2", envelopeSender: "", state: "kept" },
    { number: 1, sizeBytes: 14, recipients: [{ recipient: "ann1@sender.example", state: "kept" }] },
  ]);
  const raw = await bytesOf(ports.outbox.open(1) ?? (async function* () {})());
  expect(raw.toString()).toBe("Subject: 1\r\n\r\n");
  await ports.outbox.filed();
});
