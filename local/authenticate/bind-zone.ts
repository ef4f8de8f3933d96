import { isIPv4, isIPv6 } from "node:net";
import type { DnsRecords, MxRecord } from "./resolver.ts";
import type { ZoneNode, ZoneNodes } from "./zone.ts";
import { ZoneFileError } from "./zone-file-error.ts";

/**
 * A BIND zone file (RFC 1035 §5): `$ORIGIN`, `$TTL`, parentheses, comments, quoted and escaped strings, relative names,
 * `@`, blank owner, wildcards. Character-strings of one TXT record stay separate. Types we never ask for are read over.
 *
 * @throws {ZoneFileError} that names the line
 */
export function parseBindZone(text: string, from: string): ZoneNodes {
  const nodes: ZoneNodes = new Map();
  let origin = "";
  let owner: string | undefined;

  for (const { line, tokens, blankOwner } of records(text, from)) {
    const fail = (what: string): never => {
      throw new ZoneFileError(`${from}, line ${line}: ${what}`);
    };
    const absolute = (token: Token | undefined): string => {
      if (!token || token.quoted) return fail("a name is missing");
      const name = token.text.toLowerCase();
      if (name === "@") return origin;
      if (name.endsWith(".")) return name.slice(0, -1);
      return origin === "" ? name : `${name}.${origin}`;
    };

    const first = tokens[0];
    if (first && !first.quoted && first.text.startsWith("$")) {
      const directive = first.text.toUpperCase();
      if (directive === "$ORIGIN") origin = absolute(tokens[1]);
      else if (directive !== "$TTL") fail(`${first.text} is not supported: write its records into this file`);
      continue;
    }

    let at = 0;
    if (!blankOwner) {
      owner = absolute(first);
      at = 1;
    }
    const name = owner ?? fail("the first record needs a name");

    // RFC 1035 §5.1: TTL and class in either order, both optional.
    while (at < tokens.length && isTtlOrClass(tokens[at])) at += 1;
    const type = tokens[at]?.text.toUpperCase() ?? fail(`no record type behind "${name}": write for example "TXT"`);
    const data = tokens.slice(at + 1);
    const record = readData(type, data, absolute, fail);
    if (record === undefined) continue;

    const existing = nodes.get(name);
    const node: Exclude<ZoneNode, string> = existing instanceof Map ? existing : new Map();
    nodes.set(name, node);
    const before = node.get(type);
    node.set(type, [...(Array.isArray(before) ? before : []), record] as DnsRecords);
  }
  return nodes;
}

interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

interface RecordLine {
  readonly line: number;
  readonly tokens: readonly Token[];
  readonly blankOwner: boolean;
}

/** Splits into records: a record ends with its line, unless a parenthesis is open. */
function* records(text: string, from: string): Generator<RecordLine> {
  let tokens: Token[] = [];
  let line = 1;
  let startLine = 1;
  let blankOwner = false;
  let depth = 0;
  let at = 0;
  let atLineStart = true;

  const fail = (what: string): never => {
    throw new ZoneFileError(`${from}, line ${line}: ${what}`);
  };

  while (at < text.length) {
    const char = text[at] ?? "";
    if (atLineStart && depth === 0) {
      startLine = line;
      blankOwner = char === " " || char === "\t";
    }
    atLineStart = false;
    if (char === "\n") {
      if (depth === 0 && tokens.length > 0) {
        yield { line: startLine, tokens, blankOwner };
        tokens = [];
      }
      line += 1;
      at += 1;
      atLineStart = true;
    } else if (char === " " || char === "\t" || char === "\r" || char === "\uFEFF") {
      at += 1;
    } else if (char === ";") {
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end;
    } else if (char === "(") {
      depth += 1;
      at += 1;
    } else if (char === ")") {
      depth -= 1;
      at += 1;
      if (depth < 0) fail('a ")" without "("');
    } else {
      const quoted = char === '"';
      if (quoted) at += 1;
      let value = "";
      for (;;) {
        const next = text[at];
        if (next === undefined || next === "\n") {
          if (quoted) fail("a quoted string does not end on its line: close it with a quotation mark");
          break;
        }
        if (quoted ? next === '"' : /[\s;()"]/.test(next)) break;
        if (next === "\\") {
          const code = /^\d{3}/.exec(text.slice(at + 1, at + 4))?.[0];
          value += code ? String.fromCharCode(Number(code) & 255) : (text[at + 1] ?? "");
          at += code ? 4 : 2;
        } else {
          value += next;
          at += 1;
        }
      }
      if (quoted) at += 1;
      tokens.push({ text: value, quoted });
    }
  }
  if (depth > 0) fail('a "(" is never closed');
  if (tokens.length > 0) yield { line: startLine, tokens, blankOwner };
}

function isTtlOrClass(token: Token | undefined): boolean {
  return token !== undefined && !token.quoted && /^(?:\d+(?:[smhdw]\d+)*[smhdw]?|IN|CH|HS|CS)$/i.test(token.text);
}

function readData(
  type: string,
  data: readonly Token[],
  absolute: (token: Token | undefined) => string,
  fail: (what: string) => never,
): string | string[] | MxRecord | undefined {
  const text = data[0]?.text ?? "";
  switch (type) {
    case "TXT":
      if (data.length === 0) fail("TXT needs a string");
      return data.map((token) => token.text);
    case "A":
      return isIPv4(text) ? text : fail(`"${text}" is no IPv4 address`);
    case "AAAA":
      return isIPv6(text) ? text : fail(`"${text}" is no IPv6 address`);
    case "MX":
      if (!/^\d{1,5}$/.test(text)) fail('MX needs a preference and a name: "MX 10 mx.example.com."');
      return { priority: Number(text), exchange: absolute(data[1]) };
    case "PTR":
    case "CNAME":
    case "NS":
      return absolute(data[0]);
    default:
      return /^[A-Z][A-Z0-9-]*$/.test(type) ? undefined : fail(`"${type}" is no record type`);
  }
}
