import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { mail, startConsoleEngine } from "./console/console-engine.ts";

test("nothing in the data folder is for others to read, however large the mail and old the folder", async () => {
  const running = await startConsoleEngine({ encrypt: true });
  onTestFinished(() => running.close());
  await running.send(mail("Small"), ["ann@example.com", "old@example.com"]);
  await running.send(mail("Large", "x".repeat(70).concat("\r\n").repeat(3_000)), ["ann@example.com"]);
  await running.ended();
  const { data } = running.engine;
  await running.engine.store.ports.outbox.filed();
  const open: string[] = [];
  let files = 0;
  for (const entry of [".", ...(await readdir(data, { recursive: true }))]) {
    const { mode } = await stat(join(data, entry)).catch(() => ({ mode: 0 }));
    files += 1;
    if ((mode & 0o077) !== 0) open.push(`${entry} ${(mode & 0o777).toString(8)}`);
  }
  expect(open).toEqual([]);
  expect(files).toBeGreaterThan(15);
});

test("a database that everybody could read becomes its owner's at the next start", async () => {
  const { openTemporary } = await import("./store/open-temporary.ts");
  const { root, reopen } = await openTemporary();
  const file = join(root, "mailweir.sqlite3");
  await chmod(file, 0o644);
  await reopen();
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe("600");
});
