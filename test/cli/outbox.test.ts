import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { mail, startConsoleEngine } from "../local/console/console-engine.ts";
import { startRelay } from "../local/send/relay.ts";
import { callCli } from "./run-cli.ts";

async function engineWithRelay() {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-outbox-cli-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const relay = await startRelay();
  const running = await startConsoleEngine({
    local: { smarthost: { host: "127.0.0.1", port: relay.port, tls: "none" } },
  });
  onTestFinished(() => running.close());
  const json = async (args: readonly string[]) => {
    const { stdout, stderr, exit } = await callCli(["outbox", ...args, "--json", "--data", running.engine.data]);
    expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 });
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const cli = (args: readonly string[]) => callCli(["outbox", ...args, "--data", running.engine.data]);
  const until = async (state: string) => {
    for (;;) {
      const [entry] = await json(["list"]);
      if (entry?.["state"] === state) return entry;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { folder, relay, running, json, cli, until };
}

test("a bounce that the relay refuses is failed, seen everywhere, and sent again when asked", async () => {
  const { folder, relay, running, json, cli, until } = await engineWithRelay();
  relay.replies["ann@sender.example"] = "550 5.7.1 We do not like you";
  const id = await running.send(mail("Hello"), ["old@example.com"]);
  await running.ended();
  const failed = await until("failed");
  expect(failed).toMatchObject({
    number: 1,
    kind: "bounce",
    about: id,
    envelopeSender: "",
    attempts: 1,
    dueAt: null,
    recipients: [{ recipient: "ann@sender.example", state: "failed", reply: "550 5.7.1 We do not like you" }],
  });
  expect(await json(["list", "--state", "sent"])).toEqual([]);
  expect(await json(["show", "1"])).toEqual([failed]);
  const journey = (await (await running.fetch(`/api/messages/${id}`)).json()) as { outgoing: unknown };
  expect(journey.outgoing).toEqual([failed]);
  const status = (await (await running.fetch("/api/status")).json()) as { outbox: unknown };
  expect(status.outbox).toEqual({ failed: 1 });
  expect((await cli(["list"])).stdout).toMatch(
    /^number .*UTC.*\n.*bounce {10}failed {3}ann@sender\.example\n +550 5\.7\.1/,
  );

  const out = join(folder, "bounce.eml");
  expect((await cli(["raw", "1", "--out", out])).exit).toBe(0);
  const raw = await readFile(out, "latin1");
  expect(raw).toContain("Subject: Delivery Status Notification (Failure)\r\n");
  expect(await (await running.fetch("/api/outbox/1/raw")).text()).toBe(raw);

  delete relay.replies["ann@sender.example"];
  expect(await json(["retry", "1"])).toEqual([{ number: 1, kind: "waiting" }]);
  await until("sent");
  expect(relay.taken.map((taken) => [taken.from, taken.to, taken.raw])).toEqual([["", ["ann@sender.example"], raw]]);
  expect(await json(["retry", "1"])).toEqual([{ number: 1, kind: "nobody-left" }]);
}, 30_000);

test("without a smarthost mail is kept, and asking for it to be sent says what is missing", async () => {
  const running = await startConsoleEngine();
  onTestFinished(() => running.close());
  await running.send(mail("Hello"), ["old@example.com"]);
  await running.ended();
  const data = ["--data", running.engine.data];
  const { stdout } = await callCli(["outbox", "list", "--json", ...data]);
  expect(JSON.parse(stdout)).toMatchObject({ state: "kept", attempts: 0, recipients: [{ state: "kept" }] });
  const refused = await callCli(["outbox", "retry", "1", ...data]);
  expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("local.smarthost")]);
  for (const number of ["2", "x", "0"]) {
    const missing = await callCli(["outbox", "show", number, ...data]);
    expect([missing.exit, missing.stderr]).toEqual([1, expect.stringContaining("mailweir outbox list")]);
  }
  expect((await callCli(["outbox", "list", "--state", "gone", ...data])).exit).toBe(1);
  expect((await running.fetch("/api/outbox?state=gone")).status).toBe(400);
  expect((await running.fetch("/api/outbox/7")).status).toBe(404);
}, 30_000);

test("a password that is not in the environment keeps the engine from starting, by name", async () => {
  const smarthost = {
    host: "127.0.0.1",
    port: 25,
    auth: { user: "mailweir", passwordFrom: "MAILWEIR_TEST_NOT_SET" },
  } as const;
  await expect(startConsoleEngine({ local: { smarthost } })).rejects.toMatchObject({
    code: "ERR_MISSING_SECRET",
    message: expect.stringContaining("MAILWEIR_TEST_NOT_SET"),
  });
});
