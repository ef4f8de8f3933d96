import type { TicketEntry } from "../ports.ts";

/** Who wrote what to whom and when, one line a fact, for people who read it in another system. */
export function describeEntry(entry: TicketEntry): string {
  const lines = [`${title(entry)}, ${entry.at.slice(0, 16).replace("T", " ")} UTC`];
  if (entry.kind === "mail") {
    lines.push(`To: ${[entry.recipient, ...entry.to.filter((to) => to !== entry.recipient)].join(", ")}`);
    if (entry.cc.length > 0) lines.push(`Cc: ${entry.cc.join(", ")}`);
    lines.push(`Subject: ${entry.subject}`, `The author is ${proof[entry.trust]}.`);
  }
  if (entry.kind === "answer") lines.push(`To: ${entry.to.join(", ")}`, `Subject: ${entry.subject}`);
  return lines.map((line) => line.replace(/\s+/g, " ").slice(0, 1000)).join("\n");
}

const proof = {
  token: "proven by our reply address",
  aligned: "proven by SPF or DKIM",
  failed: "NOT who they say: DMARC failed",
  unaligned: "not proven",
} as const;

function title(entry: TicketEntry): string {
  switch (entry.kind) {
    case "mail":
      return `Mail from ${entry.author.name === "" ? "" : `${entry.author.name} `}<${entry.author.address}>`;
    case "answer":
      return entry.by === "acknowledgement" ? "Acknowledgement" : `Answer by ${entry.by}`;
    case "note":
      return `Note by ${entry.by}`;
  }
}

/** The beginning of a text, no character cut, and a line that says so. */
export function shortened(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  const head = text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");
  return `${head}\n[The rest is in Mailweir.]`;
}
