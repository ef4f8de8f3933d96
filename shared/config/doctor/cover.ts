/**
 * Sets of recipient conditions compared with each other. A condition's addresses either lie within another's or have
 * none in common, so "covers" and "overlaps" are exact. Conditions as SES stores them (`normaliseRecipients`).
 */

/** Whether every address that `inner` takes is taken by `outer` too. */
export function conditionCovers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  const innerDomain = domainOf(inner);
  if (outer.includes("@")) return inner.includes("@") && innerDomain === domainOf(outer) && baseOf(inner) === outer;
  // ".example.com" takes what is at its subdomains, and ".sub.example.com" is among them.
  if (outer.startsWith(".")) return inner.startsWith(".") ? inner.endsWith(outer) : innerDomain.endsWith(outer);
  return inner.includes("@") && innerDomain === outer;
}

/** Whether every address that `inner` takes is taken by one of `outer`. */
export function conditionsCover(outer: readonly string[], inner: readonly string[]): boolean {
  return inner.every((condition) => outer.some((candidate) => conditionCovers(candidate, condition)));
}

/** The conditions of `inner` that have an address in common with `outer`. */
export function overlapping(outer: readonly string[], inner: readonly string[]): string[] {
  return inner.filter((condition) =>
    outer.some((candidate) => conditionCovers(candidate, condition) || conditionCovers(condition, candidate)),
  );
}

/** What a rule without conditions takes: every verified domain and all its subdomains. */
export function conditionsOf(
  { recipients }: { readonly recipients: readonly string[] },
  domains: readonly string[],
): readonly string[] {
  return recipients.length > 0 ? recipients : domains.flatMap((domain) => [domain, `.${domain}`]);
}

function domainOf(condition: string): string {
  return condition.slice(condition.lastIndexOf("@") + 1);
}

/** The address without its label. */
function baseOf(address: string): string {
  const at = address.lastIndexOf("@");
  const plus = address.indexOf("+");
  return plus > 0 && plus < at ? address.slice(0, plus) + address.slice(at) : address;
}
