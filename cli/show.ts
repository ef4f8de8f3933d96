import type { Command } from "commander";
import type { Journey } from "../local/console/journey.ts";
import type { FolderOptions } from "./data-folder.ts";
import { checks } from "./describe-explanation.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import { NoSuchMessageError } from "./raw.ts";

export function register(program: Command): void {
  program
    .command("show <sesMessageId>")
    .description("a message's way, and why: connection, verdicts, every rule and action, streams and what became of it")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .option("--json", "one JSON object, as GET /api/messages/<id> answers")
    .addHelpText(
      "after",
      `
Examples:
  mailweir show 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1
  mailweir show 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1 --json | jq '.recipients[].decision.nature'

The ids are those of  mailweir list. Mail that was turned away has none: see  mailweir refusals`,
    )
    .action(async (id: string, options: FolderOptions & { readonly json?: boolean }) => {
      const { openForReading } = await import("./data-folder.ts");
      const { parseSesMessageId } = await import("../shared/ses-message-id.ts");
      const { readJourney } = await import("../local/console/read-journey.ts");
      const store = await openForReading(options);
      try {
        const sesMessageId = parseSesMessageId(id);
        const journey = sesMessageId && (await readJourney(store, sesMessageId));
        if (!journey) {
          throw new NoSuchMessageError(
            `There is no message ${JSON.stringify(id)} here: see  mailweir list  for those that are, and  mailweir refusals  for who was turned away`,
          );
        }
        process.stdout.write(options.json ? `${jsonText(journey)}\n` : describe(journey));
      } finally {
        await store.close();
      }
    });
}

const utc = (at: string) => `${at.slice(0, 19).replace("T", " ")} UTC`;
const because = (reason: string) => (reason === "" ? "" : `: ${printable(reason, 200)}`);

function describe(journey: Journey): string {
  const { connection, envelope, verification, recipients, outgoing, propagations } = journey;
  const { ip, helo, tls, injected } = connection;
  const lines = [
    `${journey.sesMessageId}, received ${utc(journey.receivedAt)}, ${journey.sizeBytes} octets`,
    `  subject  ${printable(journey.subject ?? "none", 120)}`,
    `  From     ${printable(journey.author ?? "none", 120)} (anybody can write this)`,
    "",
    `Connection: ${ip}, calling itself ${printable(helo, 80)}, ${tls ? `${tls.protocol} ${tls.cipher}` : "without TLS"}${injected ? ", not over SMTP" : ""}`,
    `  MAIL FROM ${printable(envelope.from || "<>", 80)}`,
    ...envelope.to.map((recipient) => `  RCPT TO ${printable(recipient, 80)}`),
    "",
  ];
  if (verification) {
    const verdicts = Object.entries(verification.verdicts).map(([name, value]) => `${name} ${value}`);
    lines.push(`Verdicts: ${verdicts.join(", ")}`, ...checks(verification.authentication));
  } else lines.push("Verdicts: not there yet");
  lines.push("", journey.ruleSet === null ? "Rules: no rule set was active" : `Rules of "${journey.ruleSet}"`);
  for (const { rule, fate, reason, perRecipient, actions } of journey.rules) {
    lines.push(`  ${rule}: ${fate}${because(reason)}`);
    for (const entry of perRecipient) {
      const matches = entry.matches ? "matches" : "does not match";
      lines.push(`    ${printable(entry.recipient, 80)} ${matches}${because(entry.reason)}`);
    }
    for (const { type, target, fate: became, reason: why, log } of actions) {
      const took = log ? `, ${log.durationMs} ms, attempts ${log.attempts}` : "";
      const again = log?.dueAt ? `, again at ${utc(log.dueAt)}` : "";
      lines.push(`    ${type} ${printable(target, 100)}: ${became}${because(why)}${took}${again}`);
    }
  }
  lines.push("", "Recipients");
  for (const { recipient, state, stream, decision, attempts, outcome, cause, duplicateOf, updatedAt } of recipients) {
    const ended = outcome === null || outcome === state ? "" : ` (${printable(outcome, 80)})`;
    lines.push(`  ${printable(recipient, 80)} → ${stream ?? "no stream"}: ${state}${ended}, ${utc(updatedAt)}`);
    if (decision) {
      const { nature, safety, trust, reasons } = decision;
      const evidence = nature.evidence.map((line) => JSON.stringify(printable(line, 100))).join(", ");
      lines.push(`    it is ${nature.kind}${evidence === "" ? "" : `, because of ${evidence}`}`);
      lines.push(`    safety ${[safety.kind, ...safety.reasons].join(", ")}; trust ${trust}`);
      lines.push(`    this stream, because: ${printable(reasons.join("; "), 300)}`);
    }
    if (attempts > 0) lines.push(`    attempts of its worker: ${attempts}`);
    if (cause !== null) lines.push(`    cause: ${printable(cause, 300)}`);
    if (duplicateOf !== null) lines.push(`    a duplicate of ${duplicateOf}`);
  }
  if (outgoing.length > 0) lines.push("", "Mail that it caused");
  for (const { number, kind, state, attempts, cause } of outgoing) {
    lines.push(`  ${kind}: ${state}, attempts ${attempts}${because(cause ?? "")}; see  mailweir outbox show ${number}`);
  }
  if (propagations.length > 0) lines.push("", "Others who were told");
  for (const { target, state, attempts, cause } of propagations) {
    lines.push(`  ${printable(target, 80)}: ${state}, attempts ${attempts}${because(cause ?? "")}`);
  }
  return `${lines.join("\n")}\n`;
}
