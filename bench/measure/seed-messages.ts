import { openStore } from "../../local/store/open-store.ts";
import { deriveLocalTopology } from "../../shared/config/local-topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { createSesMessageId } from "../../shared/ses-message-id.ts";
import { seeded } from "./signed-mails.ts";

export const next = seeded(42);
// Few words are common and most are rare, as in any language (Zipf).
const vocabulary = 20_000;
export const word = () => `w${Math.floor(vocabulary ** next()) - 1}`;
const words = (count: number) => Array.from({ length: count }, word).join(" ");

const streams = ["ticket", "ticket", "ticket", "personal", "personal", "auto-reply", "bounce", "quarantine"] as const;
const natures = {
  ticket: "human",
  personal: "human",
  "auto-reply": "auto-reply",
  bounce: "bounce",
  quarantine: "human",
} as const;

/** Messages as a year leaves them: with their text, what was found out about them, decisions and ends. In an empty folder. */
export async function seedMessages(resolved: ResolvedConfig, data: string, messages: number): Promise<void> {
  const domain = resolved.domains[0] ?? "";
  const store = await openStore({
    folder: data,
    topology: deriveLocalTopology(resolved),
    clock: { now: () => new Date() },
    env: process.env,
    random: { bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) },
  });
  const ruleSetSnapshot = await store.engine.snapshotRuleSet(resolved.ruleSet);
  const begin = Date.now() - messages * 1_000;
  const one = async (number: number) => {
    const sesMessageId = createSesMessageId(Uint8Array.from({ length: 24 }, () => Math.floor(next() * 256)));
    const stream = streams[Math.floor(next() * streams.length)] ?? "ticket";
    const recipient = stream === "personal" ? `user${number % 50}@${domain}` : `support@${domain}`;
    const from = `person${Math.floor(next() * 5_000)}@sender${number % 200}.example`;
    const failed = next() < 0.002;
    const receivedAt = new Date(begin + number * 1_000);
    const raw = Buffer.from(
      [
        `From: Person <${from}>`,
        `To: <${recipient}>`,
        `Subject: ${words(6)}`,
        `Message-ID: <${number}@bench.example>`,
        `Date: ${receivedAt.toUTCString().replace("GMT", "+0000")}`,
        "",
        ...Array.from({ length: 20 }, () => words(10)),
        "",
      ].join("\r\n"),
    );
    await store.engine.accept(
      {
        ...{ sesMessageId, receivedAt, from, recipients: [recipient], ruleSetSnapshot, sizeBytes: raw.length },
        client: { ip: "203.0.113.25", helo: "mx.sender.example" },
      },
      { kind: "inline", bytes: raw },
    );
    const verdict = next() < 0.01 ? "FAIL" : "PASS";
    await Promise.all([
      store.engine.recordVerification(sesMessageId, {
        authentication: {
          spf: { result: "pass", domain: "sender.example" },
          dkim: [],
          dmarc: { result: "pass", domain: "sender.example" },
        },
        verdicts: { spf: "PASS", dkim: verdict, dmarc: "PASS", spam: "PASS", virus: "PASS" },
        scanDetail: { spam: "", virus: "" },
        at: receivedAt.toISOString(),
      }),
      store.ports.ledger.decide([
        {
          ...{ sesMessageId, recipient, stream, configVersion: resolved.version, receivedAt: receivedAt.toISOString() },
          nature: { kind: natures[stream], confidence: 1, evidence: ["bench"] },
          ...{ safety: { kind: "clean", reasons: [] }, trust: "aligned", reasons: [`"${stream}" takes ${recipient}`] },
        },
      ]),
      ...resolved.ruleSet.rules.slice(0, 1).flatMap((rule, ruleIndex) =>
        rule.actions.map((action, actionIndex) =>
          store.engine.recordAction(
            sesMessageId,
            {
              ...{ ruleIndex, actionIndex, ruleName: rule.name, actionType: action.type, recipients: [recipient] },
              ...{ state: "done", result: "done", attempts: 1, startedAt: receivedAt.toISOString(), durationMs: 2 },
            },
            [],
          ),
        ),
      ),
    ]);
    const claim = await store.ports.ledger.claim(sesMessageId, recipient);
    if (claim.kind === "claimed") {
      const state = failed ? "failed" : stream === "quarantine" ? "quarantined" : "done";
      await store.ports.ledger.finish(claim.claim, {
        state,
        outcome: state,
        ...(failed && { cause: "the disk was full" }),
      });
    }
    await store.engine.endMessage(sesMessageId, { reason: "the rules have ended", untold: [] });
  };
  const atOnce = 200;
  for (let number = 0; number < messages; number += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, messages - number) }, (_, index) => one(number + index)));
    if (number % 10_000 === 0) process.stderr.write(`seeded ${number}\n`);
  }
  await store.close();
}
