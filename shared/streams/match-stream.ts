import type { MatchInput, ResolvedStream, StreamMatch } from "../config/types.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { headerValues } from "../mail/headers.ts";
import { matchRecipient } from "../receipt/match-recipient.ts";

export interface ConditionMatch {
  /** The condition, or `undefined` when the stream names none and takes any address. */
  readonly condition: string | undefined;
  /** A labelled address beats an address, a domain, a subdomain condition (the longer the better), no condition. */
  readonly specificity: number;
}

/** The most specific of a stream's conditions that matches the recipient; `undefined` when none does. */
export function matchConditions({ recipients }: ResolvedStream, recipient: string): ConditionMatch | undefined {
  if (recipients.length === 0) return { condition: undefined, specificity: 0 };
  const address = parseMailAddress(recipient);
  if (!address) return undefined;
  let best: ConditionMatch | undefined;
  for (const condition of recipients) {
    if (!matchRecipient(condition, address).matches) continue;
    const specificity = specificityOf(condition);
    if (best === undefined || specificity > best.specificity) best = { condition, specificity };
  }
  return best;
}

// A domain has at most 255 octets, so a longer subdomain condition never reaches the next step.
function specificityOf(condition: string): number {
  const at = condition.lastIndexOf("@");
  if (at !== -1) return condition.slice(0, at).includes("+") ? 4000 : 3000;
  return condition.startsWith(".") ? 1000 + condition.length : 2000;
}

export type MatchAnswer =
  | { readonly kind: "match"; readonly reason?: string }
  | { readonly kind: "no-match"; readonly reason: string }
  /** The user's own function threw. */
  | { readonly kind: "broken"; readonly reason: string };

/** Whether a stream's `match` takes the message for this recipient. All members given must agree. */
export function matchStream(match: StreamMatch | undefined, input: MatchInput): MatchAnswer {
  if (match === undefined) return { kind: "match" };
  if (typeof match === "function") return askFunction(match, input);
  const { recipient, header, nature, trust } = match;
  const reasons: string[] = [];
  if (recipient !== undefined) {
    const matches =
      typeof recipient === "string"
        ? normaliseAddress(recipient) === input.recipient
        : test(recipient, input.recipient);
    if (!matches) return { kind: "no-match", reason: `match wants recipient ${String(recipient)}` };
    reasons.push(`recipient ${String(recipient)}`);
  }
  if (header !== undefined) {
    const { name, value } = header;
    const values = headerValues(input.headers, name);
    const found = values.some((actual) =>
      typeof value === "string" ? actual.trim().toLowerCase() === value.trim().toLowerCase() : test(value, actual),
    );
    if (!found) return { kind: "no-match", reason: `match wants header ${name}: ${String(value)}` };
    reasons.push(`header ${name}: ${String(value)}`);
  }
  if (nature !== undefined) {
    const actual = input.judgement.nature.kind;
    if (!oneOf(nature, actual))
      return { kind: "no-match", reason: `match wants nature ${String(nature)}, it is ${actual}` };
    reasons.push(`nature ${actual}`);
  }
  if (trust !== undefined) {
    const actual = input.judgement.trust;
    if (!oneOf(trust, actual))
      return { kind: "no-match", reason: `match wants trust ${String(trust)}, it is ${actual}` };
    reasons.push(`trust ${actual}`);
  }
  return { kind: "match", ...(reasons.length > 0 && { reason: `match: ${reasons.join(", ")}` }) };
}

function askFunction(match: (input: MatchInput) => boolean, input: MatchInput): MatchAnswer {
  try {
    return match(input) === true
      ? { kind: "match", reason: "match: its function said yes" }
      : { kind: "no-match", reason: "match: its function said no" };
  } catch (error) {
    // Somebody else's code: whatever it throws, the mail must not stop here.
    return { kind: "broken", reason: `its match function threw ${error instanceof Error ? error.name : typeof error}` };
  }
}

function oneOf<Word extends string>(wanted: Word | readonly Word[], actual: Word): boolean {
  return typeof wanted === "string" ? wanted === actual : wanted.includes(actual);
}

/** A pattern with the flags g or y remembers where it stopped: then the second mail would get another answer. */
function test(pattern: RegExp, text: string): boolean {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(text);
}
