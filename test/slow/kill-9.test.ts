import { createTransport } from "nodemailer";
import { expect, onTestFinished, test } from "vitest";
import { effectFaults, faultsOf, listed, outcomeCounts, untilEnded } from "./check-outcomes.ts";
import { type EngineProcess, engineFolder, startEngineProcess } from "./engine-process.ts";
import { seeded } from "./seeded.ts";

const long = process.env["MAILWEIR_LONG"] === "1";
const messageCount = 500;
const kills = long ? 40 : 4;
const seed = Number(process.env["MAILWEIR_SEED"] ?? 9);

const config = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    unsubscribe: { recipients: ["unsubscribe@example.com"] },
    personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
  },
  rejects: [{ recipients: ["gone@example.com"], template: "mailbox-does-not-exist" }],
};
const zone = { "example.net": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] } };

// One recipient, several streams at once, a rejected one beside a delivered one.
const envelopes = [
  ["support@example.com"],
  ["unsubscribe@example.com"],
  ["ann@example.com"],
  ["someone@example.com"],
  ["support@example.com", "ann@example.com"],
  ["ann@example.com", "bob@example.com", "support@example.com", "unsubscribe@example.com"],
  ["gone@example.com", "bob@example.com"],
];

interface Mail {
  readonly to: readonly string[];
  readonly raw: Buffer;
}

test(`${messageCount} messages and ${kills} SIGKILLs (seed ${seed}): what was acknowledged ends, and nothing happens twice`, async () => {
  const random = seeded(seed);
  const { configFile, data, remove } = await engineFolder(config, zone);
  onTestFinished(remove);
  const waiting = mails(random);
  const acknowledged = new Map<string, readonly string[]>();
  let unanswered = 0;

  let engine: EngineProcess = await startEngineProcess({ configFile, data });
  onTestFinished(() => engine.kill());
  const readyMs: number[] = [];
  for (let round = 0; round <= kills; round++) {
    const transport = createTransport({
      pool: true,
      maxConnections: 8,
      maxMessages: Number.POSITIVE_INFINITY,
      host: engine.host,
      port: engine.port,
      ignoreTLS: true,
      name: "mx.example.net",
    });
    // The blow falls after so many acknowledgements and then somewhere within a quarter of a second.
    const last = round === kills;
    const share = Math.ceil((waiting.length / (kills - round + 1)) * (0.5 + random()));
    const blowDelayMs = random() * 250;
    let dead = false;
    let acknowledgedHere = 0;
    let blow: Promise<void> | undefined;
    const strike = () => {
      blow ??= new Promise((resolve) => {
        setTimeout(() => {
          dead = true;
          engine.kill().then(resolve);
        }, blowDelayMs);
      });
    };

    const send = async () => {
      while (!dead) {
        const mail = waiting.pop();
        if (!mail) return;
        try {
          const { response } = await transport.sendMail({
            envelope: { from: "sender@example.net", to: [...mail.to] },
            raw: mail.raw,
          });
          const id = /^250 OK ([0-9a-z]+)/.exec(response)?.[1];
          if (!id) throw new Error(`no SES id in "${response}"`);
          acknowledged.set(id, mail.to);
          acknowledgedHere += 1;
          if (!last && acknowledgedHere >= share) strike();
        } catch (error) {
          // As a real sender does when it heard nothing: the same mail again, to whoever answers next time.
          if (!dead) throw error;
          unanswered += 1;
          waiting.push(mail);
          return;
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, send));
    transport.close();
    if (last) break;
    strike();
    await blow;
    engine = await startEngineProcess({ configFile, data });
    readyMs.push(Math.round(engine.readyMs));
  }

  await untilEnded(data, 180_000);
  const messages = await listed(data);
  const causes = [...messages.values()].flatMap(({ recipients }) => recipients.flatMap(({ cause }) => cause ?? []));
  console.info(
    `${acknowledged.size} acknowledged, ${messages.size} stored, ${unanswered} unanswered; ` +
      `restarts ready after ${readyMs.join(", ")} ms; causes: ${JSON.stringify([...new Set(causes)])}`,
    outcomeCounts(messages),
  );
  expect(waiting).toEqual([]);
  expect(acknowledged.size).toBe(messageCount);
  expect(faultsOf(messages, acknowledged)).toEqual([]);
  expect(await effectFaults(data, messages)).toEqual([]);
  // Nothing that came in between was lost or doubled either, whether its sender heard of it or not.
  expect(messages.size).toBeLessThanOrEqual(messageCount + unanswered);
  expect(await engine.stop()).toBe(0);
});

function mails(random: () => number): Mail[] {
  return Array.from({ length: messageCount }, (_, number) => {
    const to = envelopes[Math.floor(random() * envelopes.length)]!;
    // Some are too large for a row and live in a file.
    const lines = number % 10 === 0 ? 1_500 : 5;
    // Below a request nothing else may stand; what is quoted is nobody's words.
    const mark = to.includes("unsubscribe@example.com") ? "> " : "";
    const text = `${`${mark}line of message ${number}, neither short nor long, just a line\r\n`.repeat(lines)}`;
    return {
      to,
      raw: Buffer.from(
        `From: Sender ${number} <sender${number}@example.net>\r\nTo: ${to.join(", ")}\r\nSubject: ${to.includes("unsubscribe@example.com") ? "unsubscribe" : `order ${number}`}\r\n` +
          `Message-ID: <kill-${number}@example.net>\r\nDate: Tue, 04 Aug 2026 09:15:02 +0000\r\n\r\n${text}`,
      ),
    };
  });
}
