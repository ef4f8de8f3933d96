import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startEngine } from "../../../local/engine.ts";
import { mail, startConsoleEngine } from "./console-engine.ts";

test("a port that is taken is an error with its remedy, and leaves the data folder free", async () => {
  const first = await startConsoleEngine();
  onTestFinished(() => first.close());
  const data = await mkdtemp(join(tmpdir(), "mailweir-console-"));
  onTestFinished(() => rm(data, { recursive: true }));
  const start = (http: string) =>
    startEngine({
      config: { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } },
      smtp: "127.0.0.1:0",
      http,
      data,
      stderr: "none",
    });
  const taken = new URL(first.engine.http).host;
  await expect(start(taken)).rejects.toMatchObject({
    code: "ERR_HTTP_LISTEN",
    message: `Cannot serve the console on ${taken}: something listens there already: stop it, or choose another port with --http host:port`,
  });
  const second = await start("127.0.0.1:0");
  await second.stop();
});

test("the engine stops though somebody still listens to its events", async () => {
  const running = await startConsoleEngine();
  const response = await running.fetch("/api/events");
  const reader = response.body?.getReader();
  await reader?.read();
  await running.send(mail("Last"), ["ann@example.com"]);
  await running.ended();
  await running.close();
  // Cut off or ended: either way it is over.
  await expect(readToEnd(reader).catch(() => "over")).resolves.toBe("over");
});

async function readToEnd(reader: ReadableStreamDefaultReader | undefined): Promise<string> {
  while ((await reader?.read())?.done === false);
  return "over";
}

test("an encrypted object is handed out in the clear", async () => {
  const running = await startConsoleEngine({ encrypt: true });
  onTestFinished(() => running.close());
  const sent = mail("Secret");
  const id = await running.send(sent, ["ann@example.com"]);
  await running.ended();
  const action = await (await running.fetch(`/api/messages/${id}`)).text();
  expect(action).toMatch(/stored s3:\/\/[^"]*, encrypted/);
  const stored = await (await running.fetch(`/api/messages/${id}/raw`)).text();
  expect(stored).toMatch(/^Return-Path: /);
  expect(stored.endsWith(sent)).toBe(true);
});
