import { expect, onTestFinished, test } from "vitest";
import { mail, startConsoleEngine } from "../local/console/console-engine.ts";
import { callCli } from "./run-cli.ts";

test("dead letters go back to their queue, where their work is done", { timeout: 60_000 }, async () => {
  const running = await startConsoleEngine();
  onTestFinished(() => running.close());
  const cli = (...args: readonly string[]) => callCli(["redrive", ...args, "--data", running.engine.data]);
  const id = await running.send(mail("Dead"), ["support@example.com"]);
  await running.ended();
  const queue = running.engine.config.names.streamQueue("ticket");
  // As if its worker had given up: the letter lies in the dead-letter queue, the recipient has failed.
  const body = JSON.stringify({ version: 1, sesMessageId: id, stream: "ticket", recipients: ["support@example.com"] });
  await running.engine.store.database.write((tx) => {
    tx.run(
      `INSERT INTO queue_messages (queue, visible_at, message_id, sent_at, receive_count, dead_from, body)
       VALUES (?, 0, 'letter', 0, 0, ?, ?)`,
      ...[`${queue}-dlq`, queue, body],
    );
  });
  expect(await cli("--dry-run")).toMatchObject({ exit: 0, stdout: `${queue}: 1 dead letters\n` });
  expect(await cli("nothing")).toMatchObject({ exit: 1, stderr: expect.stringContaining("stream-ticket") });
  expect(await cli("stream-ticket", "--json")).toMatchObject({
    exit: 0,
    stdout: `${JSON.stringify({ queue, dead: 1, moved: 1 })}\n`,
  });
  expect(await cli()).toMatchObject({ exit: 0, stdout: "" });
  expect(await cli("--id", id)).toMatchObject({ exit: 1, stderr: expect.stringContaining("mailweir replay") });
});
