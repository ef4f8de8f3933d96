/**
 * Whether every reader of a From field finds the same author in it. Readers differ in what they make of a second pair of angle
 * brackets, of escaped or unbalanced comments and quotes, of control characters; where that could make one of them check the
 * domain of somebody else than the one who is shown, nothing is proven about either.
 *
 * @param value - the field's body as it was written, unfolded or not
 */
export function isClearAuthor(value: string): boolean {
  if (plain.test(value)) return true;
  const text = value.replace(/\r?\n(?=[ \t])/g, "").trim();
  if (text.length > maxCharacters || /[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return false;
  const angles = text.match(/[<>]/g) ?? [];
  const signs = text.split("@").length - 1;
  // A list, a group, a route: somebody else may be meant by a part of it.
  const outsideQuotes = text.replace(/"[^"\\]*"/g, "");
  if (/[,;:]/.test(outsideQuotes) && signs > 1) return false;
  if (angles.length === 0) return signs === 1 && (!/["\\]/.test(text) || addrSpec.test(text));
  if (angles.join("") !== "<>") return false;
  const [, before = "", address = "", after = ""] = /^([^<]*)<([^>]*)>(.*)$/s.exec(text) ?? [];
  if (!addrSpec.test(address.trim())) return false;
  // Behind the address a comment may stand, and nothing that could be another one.
  if (after.trim() !== "" && !/^\s*\([^()@\\]*\)\s*$/.test(after)) return false;
  const unquoted = before.replace(/"[^"\\]*"/g, "");
  return !/[\\()"]/.test(unquoted) || !before.includes("@");
}

// What nearly all are: words, and one address in brackets, or the address alone. All below holds for it.
const plain = /^(?:[\w .'-]{0,100}<[\w.+-]{1,64}@[\w.-]{1,255}>|[\w.+-]{1,64}@[\w.-]{1,255})$/;
// The quoted form of a local part without an "@" or an escape in it.
const addrSpec = /^(?:[^\s@"()<>,;:\\]+|"[^"@\\<>]*")@[^\s@"()<>,;:\\]+$/;
// A longer one names many.
const maxCharacters = 10_000;

/** Whatever in a From field some reader may take for its address. */
export function possibleAuthors(value: string): readonly string[] {
  const found = new Set<string>();
  for (const word of value.slice(0, maxCharacters).split(/[\s\x00-\x1f\x7f"()<>,;:\\]/)) {
    const parts = word.split("@");
    for (const [at, part] of parts.entries()) {
      const before = parts[at - 1];
      if (before && part) found.add(`${before}@${part}`);
    }
  }
  return [...found];
}
