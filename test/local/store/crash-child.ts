import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "../../../local/store/open-store.ts";
import { decisionFor, streamMessage } from "../../contract/opened.ts";
import { acceptedMessage, sesId, testRandom, testTopology } from "./store-fixture.ts";

// Accepts and records without end, and says on stdout (descriptor 1, synchronously) what was acknowledged. The parent
// kills it. Arguments: data folder, first message number.
const [root = "", first = "1"] = process.argv.slice(2);
const store = await openStore({
  folder: root,
  topology: testTopology,
  clock: { now: () => new Date() },
  random: testRandom(`${root} ${first}`),
});
const say = (line: string) => writeFileSync(1, `${line}\n`);
say("ready");

async function one(number: number): Promise<void> {
  const id = sesId(number);
  const large = number % 7 === 0;
  const raw = Buffer.from(`Subject: ${number}\r\n\r\n${"x".repeat(large ? 100_000 : 500)}\r\n`);
  const path = join(root, "spool", `${number}.incoming`);
  if (large) await writeFile(path, raw, { flush: true });
  const input = large
    ? ({ kind: "file", path, beginning: raw, durable: Promise.resolve() } as const)
    : ({ kind: "inline", bytes: raw } as const);
  await store.engine.accept(acceptedMessage(id, raw.length, ["ann@in.example"]), input);
  say(`accepted ${number}`);
  const content = { kind: "block-and-raw", block: Buffer.from("Received: x\r\n"), sesMessageId: id } as const;
  await store.engine.recordAction(
    id,
    {
      ruleIndex: 0,
      actionIndex: 0,
      ruleName: "store",
      actionType: "S3",
      recipients: ["ann@in.example"],
      state: "done",
      result: "x",
      attempts: 1,
      startedAt: new Date().toISOString(),
      durationMs: 1,
    },
    [
      { kind: "put-object", bucket: "mail", key: `inbound/${id}`, metadata: {}, content },
      { kind: "count", metric: "PublishSuccess", ruleName: "store" },
    ],
  );
  say(`recorded ${number}`);
  await store.ports.ledger.decide([decisionFor(id, "ann@in.example")]);
  await store.ports.queues.send("ticket", [{ id: "m", body: JSON.stringify(streamMessage(id, ["ann@in.example"])) }]);
  say(`sent ${number}`);
  const result = await store.ports.ledger.claim(id, "ann@in.example");
  if (result.kind !== "claimed") return;
  const body = store.engine.openRaw(id);
  await store.ports.mailboxes.deliver(
    result.claim,
    { kind: "maildir", name: "ann" },
    body,
    new Date(1_785_834_902_417),
  );
  say(`delivered ${number}`);
}

let next = Number(first);
const lane = async () => {
  for (;;) await one(next++);
};
await Promise.all(Array.from({ length: 8 }, lane));
