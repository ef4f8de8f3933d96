/**
 * Puts messages into an empty data folder by the store's own code, each with its decision and its end, as old mail lies there.
 * `node bench/servers/grown.ts <config> <data> <count>`
 */
import { randomBytes } from "node:crypto";
import { openStore } from "../../local/store/open-store.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import { deriveLocalTopology } from "../../shared/config/local-topology.ts";
import { createSesMessageId } from "../../shared/ses-message-id.ts";

const [configPath = "", folder = "", count = "0"] = process.argv.slice(2);
const messages = Number(count);
const config = await loadConfig(configPath);
const store = await openStore({
  folder,
  topology: deriveLocalTopology(config),
  clock: { now: () => new Date() },
  random: { bytes: (octets) => new Uint8Array(randomBytes(octets)) },
  ipFilters: config.ipFilters,
  env: process.env,
});
const ruleSetSnapshot = await store.engine.snapshotRuleSet(config.ruleSet);
const begin = Date.now() - messages * 1_000;

async function one(number: number): Promise<void> {
  const sesMessageId = createSesMessageId(new Uint8Array(randomBytes(24)));
  const recipient = `user${number % 50}@in.example`;
  const receivedAt = new Date(begin + number * 1_000);
  const from = `person${number % 5_000}@sender${number % 200}.example`;
  const bytes = Buffer.from(`From: <${from}>\r\nTo: <${recipient}>\r\nSubject: old mail ${number}\r\n\r\nHello.\r\n`);
  await store.engine.accept(
    {
      ...{ sesMessageId, receivedAt, from, recipients: [recipient], ruleSetSnapshot, sizeBytes: bytes.length },
      client: { ip: "192.0.2.7", helo: "mx.sender.example" },
    },
    { kind: "inline", bytes },
  );
  await Promise.all([
    store.ports.ledger.decide([
      {
        ...{ sesMessageId, recipient, stream: null, outcome: "dropped", configVersion: config.version },
        receivedAt: receivedAt.toISOString(),
        nature: { kind: "human", confidence: 1, evidence: ["bench"] },
        ...{ safety: { kind: "clean", reasons: [] }, trust: "aligned", reasons: ["old"] },
      },
    ]),
    store.engine.endMessage(sesMessageId, { reason: "the rules have ended", untold: [] }),
  ]);
}

const atOnce = 500;
for (let number = 0; number < messages; number += atOnce) {
  await Promise.all(Array.from({ length: Math.min(atOnce, messages - number) }, (_, index) => one(number + index)));
  if (number % 50_000 === 0 && number > 0) process.stderr.write(`${number} messages stored\n`);
}
await store.close();
