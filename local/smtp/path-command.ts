/** MAIL or RCPT taken apart. The path is as the sender wrote it, without angle brackets and source route. */
export interface PathCommand {
  readonly path: string;
  /** Keywords in upper case; `""` for one without value. */
  readonly parameters: readonly { readonly keyword: string; readonly value: string }[];
}

// RFC 5321 §4.5.3.1.3 allows 256 octets of path; long VERP and SRS senders and source routes need more.
const maxPathOctets = 1024;
const verbs = { "MAIL FROM": /^MAIL[ \t]+FROM[ \t]*:[ \t]*/i, "RCPT TO": /^RCPT[ \t]+TO[ \t]*:[ \t]*/i } as const;
// RFC 5321 §4.1.2 esmtp-param: values are printable, without "=".
const parameter = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?$/;

/**
 * Reads `MAIL FROM:<path> parameters` or `RCPT TO:<path> parameters` (RFC 5321 §4.1.1.2, §4.1.1.3). A space behind the
 * colon is taken, as most servers do; a path without angle brackets is not. Whether the path is an address is the caller's
 * question.
 */
export function parsePathCommand(verb: keyof typeof verbs, line: string): PathCommand | undefined {
  const start = verbs[verb].exec(line)?.[0].length;
  if (start === undefined || line[start] !== "<") return undefined;
  const close = closingBracket(line, start + 1);
  if (close === -1 || close - start > maxPathOctets) return undefined;
  const rest = line.slice(close + 1);
  if (rest !== "" && !/^[ \t]/.test(rest)) return undefined;

  const parameters: { keyword: string; value: string }[] = [];
  for (const word of rest.split(/[ \t]+/).filter((word) => word !== "")) {
    const [, keyword, value = ""] = parameter.exec(word) ?? [];
    if (keyword === undefined) return undefined;
    parameters.push({ keyword: keyword.toUpperCase(), value });
  }
  return { path: withoutSourceRoute(line.slice(start + 1, close)), parameters };
}

/** The `>` that ends the path: one inside a quoted local part does not. */
function closingBracket(line: string, from: number): number {
  let quoted = false;
  for (let at = from; at < line.length; at += 1) {
    const character = line[at];
    if (quoted && character === "\\") at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === ">") return at;
    else if (!quoted && (character === "<" || character === " " || character === "\t")) return -1;
  }
  return -1;
}

/** RFC 5321 §4.1.1.3, appendix C: `@relay.example,@other.example:` must be accepted and ignored. */
function withoutSourceRoute(path: string): string {
  if (!path.startsWith("@")) return path;
  const colon = path.indexOf(":");
  return colon === -1 ? path : path.slice(colon + 1);
}
