import { createOutboxPump } from "../../../local/send/outbox-pump.ts";
import { createSmarthost } from "../../../local/send/smarthost.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { testRandom, testTopology } from "../store/store-fixture.ts";

// Hands four mails over and sends them one at a time; says their states when all have ended. The parent kills it.
// Arguments: data folder, port of the relay.
const [folder = "", port = ""] = process.argv.slice(2);
const clock = { now: () => new Date() };
const random = testRandom(folder);
const store = await openStore({ folder, topology: testTopology, clock, random, sendsMail: true });
const { outbox } = store.ports;
for (const id of ["m1", "m2", "m3", "m4"]) {
  await outbox.sendMail({
    id,
    kind: "forward",
    envelopeSender: "bounces@in.example",
    recipients: ["ann@sender.example"],
    raw: Buffer.from(`Message-ID: <${id}@in.example>\r\n\r\nText\r\n`),
  });
}
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const pump = createOutboxPump({
  outbox,
  smarthost: createSmarthost({ config: { host: "127.0.0.1", port: Number(port), tls: "none" }, name: "in.example" }),
  connections: 1,
  giveUpAfterMs: 14_400_000,
  clock,
  random,
  log,
});
await pump.tick();
await pump.idle();
process.stdout.write(`${JSON.stringify((await outbox.list({ limit: 10 })).map(({ state }) => state))}\n`);
