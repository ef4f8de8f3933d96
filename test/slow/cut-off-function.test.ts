import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTransport } from "nodemailer";
import { expect, onTestFinished, test } from "vitest";
import type { Journey } from "../../local/console/journey.ts";
import { type EngineProcess, engineFolder, startEngineProcess } from "./engine-process.ts";

test("a SIGKILL while a synchronous function runs: it runs again, the first call counts as failed, what follows runs once", async () => {
  const home = await engineFolder({});
  onTestFinished(home.remove);
  const calls = join(home.folder, "calls.txt");
  const module = join(home.folder, "slow.mjs");
  // The first call takes longer than the engine lives; the second answers.
  await writeFile(
    module,
    `import { appendFileSync, readFileSync } from "node:fs";
     export const handler = async () => {
       appendFileSync(${JSON.stringify(calls)}, "called\\n");
       if (readFileSync(${JSON.stringify(calls)}, "utf8") === "called\\n") await new Promise((resolve) => setTimeout(resolve, 25_000));
       return { disposition: "CONTINUE" };
     };`,
  );
  const ruleSet = {
    name: "mailweir",
    rules: [
      {
        name: "ask",
        enabled: true,
        tlsPolicy: "Optional",
        scanEnabled: true,
        recipients: ["example.com"],
        actions: [
          {
            type: "Lambda",
            functionArn: "arn:aws:lambda:us-east-1:111122223333:function:slow",
            invocationType: "RequestResponse",
          },
          { type: "S3", bucketName: "kept" },
        ],
      },
    ],
  };
  const config = {
    domains: ["example.com"],
    ruleSet,
    local: { functions: { slow: module }, dns: { zone: join(home.folder, "zone.json") } },
  };
  await writeFile(home.configFile, `export default ${JSON.stringify(config)};\n`);

  const first = await startEngineProcess(home);
  await createTransport({ host: first.host, port: first.port, ignoreTLS: true }).sendMail({
    from: "ann@sender.example",
    to: "bob@example.com",
    subject: "Hello",
    text: "x",
  });
  const called = async () => (await readFile(calls, "utf8").catch(() => "")).split("\n").length - 1;
  while ((await called()) < 1) await sleep(20);
  const underWay = await journey(first);
  expect(underWay.rules[0]?.actions[0]?.log).toMatchObject({
    state: "pending",
    result: "begun, its answer is awaited",
    attempts: 1,
    metrics: { PublishFailure: 0 },
  });
  await first.kill();

  const second = await startEngineProcess(home);
  onTestFinished(() => second.kill());
  let seen = await journey(second);
  while (seen.rules[0]?.actions[1]?.log?.state !== "done") {
    await sleep(50);
    seen = await journey(second);
  }
  expect(await called()).toBe(2);
  expect(seen.rules[0]?.actions.map(({ log }) => log)).toMatchObject([
    { state: "done", attempts: 2, metrics: { PublishSuccess: 1, PublishFailure: 1, PublishExpired: 0 } },
    { state: "done", attempts: 1, result: expect.stringMatching(/^stored s3:\/\/kept\//) },
  ]);
  const status = (await (await fetch(`${second.http}/api/status`)).json()) as { rules: unknown };
  expect(status.rules).toEqual({ ask: { PublishSuccess: 2, PublishFailure: 1, PublishExpired: 0 } });
}, 120_000);

async function journey({ http }: EngineProcess): Promise<Journey> {
  const { messages } = (await (await fetch(`${http}/api/messages`)).json()) as { messages: { sesMessageId: string }[] };
  return (await (await fetch(`${http}/api/messages/${messages[0]?.sesMessageId}`)).json()) as Journey;
}
