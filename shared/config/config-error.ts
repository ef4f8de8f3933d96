import { MailweirError } from "../errors.ts";

/** One mistake in a configuration: where it stands, what is wrong, what is allowed, what was probably meant. */
export interface ConfigFault {
  /** Path in the configuration: `streams.invoices.recipients[0]`. */
  readonly at: string;
  readonly problem: string;
  readonly allowed?: string;
  readonly suggestion?: string;
}

/** All mistakes of a configuration at once. */
export class ConfigError extends MailweirError {
  readonly code = "ERR_CONFIG";
  readonly retryable = false;
  readonly faults: readonly ConfigFault[];
  constructor(faults: readonly ConfigFault[], file = "the configuration") {
    const count = faults.length === 1 ? "One mistake" : `${faults.length} mistakes`;
    super(`${count} in ${file}: it cannot be used like this.\n${faults.map(describe).join("\n")}`);
    this.faults = faults;
  }
}

function describe({ at, problem, allowed, suggestion }: ConfigFault): string {
  const lines = [`  ${at}: ${problem}`];
  if (allowed !== undefined) lines.push(`      allowed: ${allowed}`);
  if (suggestion !== undefined) lines.push(`      ${suggestion}`);
  return lines.join("\n");
}

/** `did you mean "x"?` for the nearest allowed word, if one is near enough to be a typo. */
export function didYouMean(word: string, allowed: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of allowed) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? undefined : `did you mean "${best}"?`;
}

/** Levenshtein distance; both words are bounded, since they come from a file somebody typed. */
function editDistance(a: string, b: string): number {
  const left = a.slice(0, 64);
  const right = b.slice(0, 64);
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
