/** What was found out about one recipient, before it is classified. */
export interface RawRecipient {
  readonly address: string;
  readonly action?: string;
  readonly status?: string;
  readonly diagnostic: string;
}

/** Takes comments, brackets and a repeated type off an address. */
export function cleanAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const inner = /<([^<>]+)>/.exec(text)?.[1] ?? text;
  const found = /[^\s<>()[\]",;:]+@[^\s<>()",;]+/.exec(inner.slice(0, 2000))?.[0] ?? inner.trim();
  return found
    .replace(/^rfc822;/i, "")
    .slice(0, 2000)
    .replace(/[.>]+$/, "")
    .slice(0, 320);
}
