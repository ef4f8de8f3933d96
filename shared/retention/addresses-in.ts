import { normaliseAddress } from "../mail/address.ts";

/**
 * Every address that a text may name, normalised: for asking a set of keyed hashes which of them it holds. Of
 * `email=ann@example.org` also what stands behind the sign, of `ann=example.org@…` also the address inside.
 */
export function addressesIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (local: string, domain: string) => {
    const end = domain.replace(/[.-]+$/, "");
    if (local === "" || end === "") return;
    found.add(normaliseAddress(`${local}@${end}`));
  };
  for (const [, local = "", domain = ""] of text.matchAll(
    /([\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,200})(?:@|%40)([\p{L}\p{N}.-]{1,255})/gu,
  )) {
    add(local, domain);
    // The same beginnings as in `addressPattern`.
    for (const { index } of local.matchAll(/[^\p{L}\p{N}._+-]/gu)) add(local.slice(index + 1), domain);
    for (const { index } of local.matchAll(/%[0-9a-f]{2}/giu)) add(local.slice(index + 3), domain);
    const parts = local.split("=");
    for (const [at, part] of parts.entries()) {
      const before = parts[at - 1];
      if (before === undefined) continue;
      // VERP names the address in its order, SRS the domain first.
      add(part, before);
      add(before, part);
      for (const { index } of before.matchAll(/[^\p{L}\p{N}.]/gu)) add(before.slice(index + 1), part);
    }
  }
  return found;
}
