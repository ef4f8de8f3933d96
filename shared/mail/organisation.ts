import { getDomain } from "tldts";

/** The organisational domain by the Public Suffix List, private suffixes included: customers of one host are strangers. */
export function organisation(addressOrDomain: string): string | undefined {
  const domain = addressOrDomain
    .slice(addressOrDomain.lastIndexOf("@") + 1)
    .toLowerCase()
    .replace(/\.$/, "");
  if (domain === "") return undefined;
  return getDomain(domain, { allowPrivateDomains: true }) ?? domain;
}
