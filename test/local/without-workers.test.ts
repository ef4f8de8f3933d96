import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Engine, startEngine } from "../../local/engine.ts";

let folder: string;
let engine: Engine | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-no-workers-"));
  await writeFile(join(folder, "zone.json"), "{}");
});
afterEach(async () => {
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
}, 120_000);

const start = (workers?: boolean) =>
  startEngine({
    config: {
      domains: ["example.com"],
      streams: { ticket: { recipients: ["support@example.com"] }, personal: { recipients: ["example.com"] } },
      local: { dns: { zone: join(folder, "zone.json") } },
    },
    data: join(folder, "data"),
    smtp: "127.0.0.1:0",
    http: "127.0.0.1:0",
    stderr: "none",
    ...(workers !== undefined && { workers }),
  });

test("without workers mail waits, routed, in its stream's queue; with them it is worked on", {
  timeout: 300_000,
}, async () => {
  engine = await start(false);
  const query = new URLSearchParams({
    from: "ann@sender.example",
    to: "support@example.com",
    ip: "203.0.113.25",
    helo: "mx",
  });
  const response = await fetch(new URL(`/api/messages?${query}`, engine.http), {
    method: "POST",
    headers: { authorization: `Bearer ${engine.token}`, "content-type": "message/rfc822" },
    body: "From: Ann <ann@sender.example>\r\nTo: support@example.com\r\nSubject: Order 1207\r\n\r\nWhere is it?\r\n",
  });
  expect(response.ok).toBe(true);
  const statesOf = async ({ store }: Engine) => (await store.engine.status()).byStream["ticket"] ?? {};
  const until = async (running: Engine, state: string) => {
    while (((await statesOf(running)) as Record<string, number>)[state] !== 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await until(engine, "routed");
  // Everything that runs by itself has run: the router's own queue is empty, and nobody has taken the ticket's message.
  const counts = await engine.store.ports.queues.counts("mailweir-stream-ticket");
  expect(counts).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  expect(await statesOf(engine)).toEqual({ routed: 1 });

  await engine.stop();
  engine = await start();
  await until(engine, "done");
  expect(await engine.store.ports.queues.counts("mailweir-stream-ticket")).toMatchObject({ visible: 0 });
});
