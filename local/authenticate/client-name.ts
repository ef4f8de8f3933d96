import { parseIpAddress, reverseName } from "./ip-address.ts";
import type { Resolver } from "./resolver.ts";

/**
 * The name that a client's address resolves to, as SES writes it into `Received` (ses-receiving.md §4.3): the first PTR
 * record, whether or not the name resolves back. `undefined` when there is none, or the DNS does not say.
 */
export async function clientName(ip: string, resolver: Resolver): Promise<string | undefined> {
  const address = parseIpAddress(ip.replace(/%.*$/, ""));
  if (!address) return undefined;
  try {
    const [name] = await resolver(reverseName(address), "PTR");
    return typeof name === "string" && name !== "" ? name.replace(/\.$/, "") : undefined;
  } catch {
    // Any DNS failure: the header then has the address alone.
    return undefined;
  }
}
