import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { callCli } from "../../cli/run-cli.ts";
import { mail, startConsoleEngine } from "../console/console-engine.ts";

test("who is on a list hears SES's text only; the operator and explain know the list; Allow overrides it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-listed-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "drop.txt");
  await writeFile(file, "198.51.100.0/24\n");
  const zone = join(folder, "zone.json");
  await writeFile(zone, JSON.stringify({ "9.113.0.203.bl.example": { A: ["127.0.0.2"] } }));
  const config = {
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
    ipFilters: [{ allow: "198.51.100.77" }],
    local: { dns: { zone }, blockLists: { files: [file], dns: ["bl.example"] }, data: join(folder, "data") },
  };
  const running = await startConsoleEngine({ ...config, rejects: [] });
  onTestFinished(() => running.close());
  const from = (ip: string) =>
    running.send(mail("Hello"), ["ann@example.com"], { ip }).catch((error: Error) => error.message);

  for (const ip of ["198.51.100.1", "203.0.113.9"]) {
    const answer = await running.fetch(`/api/messages?to=ann%40example.com&ip=${ip}`, {
      method: "POST",
      headers: { authorization: `Bearer ${running.token}` },
      body: mail("Hello"),
    });
    expect(await answer.json()).toMatchObject({
      sesMessageId: null,
      recipients: [{ reply: "550 5.7.1 IP address blacklisted by recipient" }],
    });
  }
  expect(await from("198.51.100.77")).toMatch(/^[0-9a-v]{40}$/);
  expect(await from("203.0.113.10")).toMatch(/^[0-9a-v]{40}$/);
  const { refusals } = (await (await running.fetch("/api/refusals")).json()) as { refusals: { reason: string }[] };
  expect(refusals.map(({ reason }) => reason)).toEqual([
    "203.0.113.9 is listed by bl.example (127.0.0.2)",
    `198.51.100.1 is listed by ${file}, line 1: 198.51.100.0/24`,
  ]);

  const configFile = join(folder, "mailweir.config.ts");
  await writeFile(configFile, `export default ${JSON.stringify(config)};\n`);
  const explain = async (ip: string) => {
    const { stdout } = await callCli([
      "explain",
      "--to",
      "ann@example.com",
      "--ip",
      ip,
      "--config",
      configFile,
      "--json",
    ]);
    return (JSON.parse(stdout) as { client: unknown }).client;
  };
  expect(await explain("203.0.113.9")).toEqual({
    refused: true,
    reason: "203.0.113.9 is listed by bl.example (127.0.0.2)",
  });
  expect(await explain("198.51.100.1")).toMatchObject({ refused: true, reason: expect.stringContaining("line 1") });
  expect(await explain("198.51.100.77")).toMatchObject({ refused: false, reason: expect.stringContaining("Allow") });
  expect(await explain("203.0.113.10")).toEqual({
    refused: false,
    reason: "no IP filter matches 203.0.113.10; no list of 2 names it",
  });
}, 30_000);
