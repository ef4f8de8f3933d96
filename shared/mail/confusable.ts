// Letters of Cyrillic, Greek and Armenian that look like Latin ones in common typefaces (Unicode Technical Standard 39 has all).
const lookalikes = new Set("аеорсухѕіјһԁԛԝӏүґєАВЕЅІЈКМНОРСТУХҮԌԚԜαγικνορτυχωϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧՕօսոհցզլ");
const latin = /\p{Script=Latin}/u;

/**
 * Text of a stranger with what pretends to be another text shown as such: a letter that looks like a Latin one among Latin ones
 * reads `[U+0430]`, a domain of an address that is not ASCII reads as the DNS has it (`xn--…`). Other text is as it was.
 */
export function showConfusables(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return text
    .replace(/@([^\s@"()<>,;:]+)/gu, (whole, domain: string) => `@${asciiDomain(domain) ?? whole.slice(1)}`)
    .replace(/[\p{L}\p{M}\p{N}]+/gu, (word) => (isMixed(word) ? [...word].map(nameLookalike).join("") : word));
}

function isMixed(word: string): boolean {
  if (!latin.test(word)) return false;
  for (const letter of word) if (lookalikes.has(letter)) return true;
  return false;
}

const nameLookalike = (letter: string) =>
  lookalikes.has(letter) ? `[U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]` : letter;

function asciiDomain(domain: string): string | undefined {
  if (/^[\x00-\x7f]*$/.test(domain) || domain.length > 255) return undefined;
  // Works in Node and in a browser alike; what is no host is left as it is.
  const url = URL.parse(`ws://${domain}`);
  return url && url.port === "" && url.pathname === "/" && url.hostname !== "" ? url.hostname : undefined;
}
