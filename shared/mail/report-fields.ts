/**
 * Reads the groups of header-like fields that reports carry in a part of their own: per message and per recipient in
 * RFC 3464, one group in RFC 5965 and RFC 8098. Folded lines are joined; groups are separated by empty lines; what is
 * no field is skipped. Names in lower case, in order, repeated ones kept.
 */
export function readFieldGroups(text: string, maxGroups = 1000): Map<string, string[]>[] {
  const groups: Map<string, string[]>[] = [];
  let group = new Map<string, string[]>();
  let last: string[] | undefined;
  for (const line of text.slice(0, 1_000_000).split(/\r?\n/)) {
    if (line.trim() === "") {
      if (group.size > 0 && groups.length < maxGroups) groups.push(group);
      if (group.size > 0) group = new Map();
      last = undefined;
      continue;
    }
    if (/^[ \t]/.test(line) && last) {
      if ((last.at(-1)?.length ?? 0) < 4000) last[last.length - 1] += ` ${line.trim()}`;
      continue;
    }
    const field = /^([A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:(.*)$/.exec(line);
    if (!field) continue;
    const name = (field[1] as string).toLowerCase();
    last = group.get(name);
    if (!last) {
      last = [];
      group.set(name, last);
    }
    if (last.length < 100) last.push((field[2] as string).trim());
  }
  if (group.size > 0 && groups.length < maxGroups) groups.push(group);
  return groups;
}

/** The text behind the type in `rfc822; user@example.net` or `smtp; 550 …`; the whole when there is no type. */
export function behindType(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const type = /^\s*(?:[a-z0-9_-]+(?:\s*\/[a-z0-9_-]+)?|x\.400)\s*;/i.exec(value.slice(0, 500))?.[0] ?? "";
  return value.slice(type.length).trim() || undefined;
}
