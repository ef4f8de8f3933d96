import { expect, onTestFinished, test } from "vitest";
import { startConsoleEngine } from "../local/console/console-engine.ts";
import { callCli } from "./run-cli.ts";

async function played() {
  const running = await startConsoleEngine();
  onTestFinished(() => running.close());
  const cli = (...args: readonly string[]) => callCli(["play", ...args, "--data", running.engine.data]);
  return { running, cli };
}

test("an actor plays to the engine, and its refusal is an exit status", { timeout: 60_000 }, async () => {
  const { running, cli } = await played();
  expect((await cli()).stdout).toMatch(/out-of-office[\s\S]*support@example\.com/);
  const bounce = await cli("dsn-hard", "--to", "unsubscribe@example.com", "--recipient", "gone@customer.example");
  expect(bounce).toMatchObject({ exit: 0, stderr: "" });
  await running.ended();
  const check = await running.fetch("/api/suppressions/check?address=gone@customer.example");
  expect(await check.json()).toMatchObject({ suppressed: true, suppression: { reason: "hard-bounce" } });

  await running.fetch("/api/actors/complaint", {
    method: "POST",
    headers: { authorization: `Bearer ${running.token}` },
    body: JSON.stringify({ ours: false, recipient: "reader@customer.example" }),
  });
  await running.ended();
  const other = await running.fetch("/api/suppressions/check?address=reader@customer.example");
  expect(await other.json()).toMatchObject({ suppressed: false });

  const loop = await cli("loop", "--json");
  expect(loop).toMatchObject({ exit: 1, stderr: expect.stringMatching(/^mailweir: Refused: 5\d\d/) });
  expect(JSON.parse(loop.stdout)).toMatchObject({ sesMessageId: null });
  expect(await cli("nobody")).toMatchObject({ exit: 1, stderr: expect.stringContaining("no such actor: customer,") });
  expect(await cli("huge", "--megabytes", "x")).toMatchObject({ exit: 2 });
});
