import { createHash } from "node:crypto";

/** What must have happened once, and once only, when a mail to this recipient has ended. */
export type Effect = "ticket" | "file" | "forward" | "suppression" | "bounce" | "held";

/** One mail as its sender knows it. */
export interface Mail {
  readonly number: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Buffer;
  readonly sha256: string;
  readonly effects: Readonly<Record<string, Effect>>;
}

export const config = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    unsubscribe: { recipients: ["unsubscribe@example.com"] },
    personal: {
      recipients: ["example.com"],
      delivery: { "ann@example.com": { maildir: "ann" }, "carol@example.com": { forward: "carol@elsewhere.example" } },
    },
  },
  rejects: [{ recipients: ["gone@example.com"], template: "mailbox-does-not-exist" }],
  tickets: { acknowledge: true },
};

/** Mail of example.net from this machine is authentic. */
export const zone = { "example.net": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] } };

const effectOf: Readonly<Record<string, Effect>> = {
  "support@example.com": "ticket",
  "unsubscribe@example.com": "suppression",
  "ann@example.com": "file",
  "bob@example.com": "file",
  "carol@example.com": "forward",
  "gone@example.com": "bounce",
};

// One recipient, several streams at once, a rejected one beside a delivered one.
const envelopes = [
  ["support@example.com"],
  ["unsubscribe@example.com"],
  ["ann@example.com"],
  ["bob@example.com"],
  ["support@example.com", "ann@example.com"],
  ["ann@example.com", "bob@example.com", "support@example.com"],
  ["gone@example.com", "bob@example.com"],
  ["carol@example.com"],
  ["carol@example.com", "ann@example.com"],
];

// In a row of the database; close to the limit of one; in a file; in a file of several pieces.
const bodyLines = [5, 5, 5, 40, 700, 1_500, 4_000];
// Split, so that no scanner takes this file for the thing itself.
const spam = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");

export function createMail(number: number, random: () => number): Mail {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const to = pick(envelopes);
  const asks = to.includes("unsubscribe@example.com");
  const held = !asks && !to.includes("gone@example.com") && random() < 0.05;
  // Below a request nothing else may stand; what is quoted is nobody's words.
  const line = `${asks ? "> " : ""}line of message ${number}, neither short nor long, just a line\r\n`;
  const from = `sender${number}@example.net`;
  // A notice carries 10 KB of headers: behind more, the router reads the stored mail, and runs behind the commit.
  const long = random() < 0.5 ? `X-Long:${" word\r\n word word word word word word word".repeat(300)}\r\n` : "";
  const raw = Buffer.from(
    `From: Sender ${number} <${from}>\r\nTo: ${to.join(", ")}\r\nSubject: ${asks ? "unsubscribe" : `order ${number}`}\r\n` +
      `Message-ID: <crash-${number}@example.net>\r\nDate: Tue, 04 Aug 2026 09:15:02 +0000\r\n${long}\r\n` +
      `${held ? `${spam}\r\n` : ""}${line.repeat(asks ? 5 : pick(bodyLines))}`,
  );
  return {
    number,
    from,
    to,
    raw,
    sha256: createHash("sha256").update(raw).digest("hex"),
    effects: Object.fromEntries(to.map((recipient) => [recipient, held ? "held" : (effectOf[recipient] as Effect)])),
  };
}
