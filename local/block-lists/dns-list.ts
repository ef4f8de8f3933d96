import type { DnsBlockListConfig } from "../../shared/config/types.ts";
import type { Clock } from "../../shared/ports.ts";
import { createAddressSet } from "../../shared/receipt/address-set.ts";
import { codeMatches } from "../../shared/receipt/return-codes.ts";
import { DnsError, isNegative } from "../authenticate/dns-error.ts";
import { dottedAddress, parseIpAddress } from "../authenticate/ip-address.ts";
import type { Resolver } from "../authenticate/resolver.ts";
import type { Log } from "../log.ts";

export interface DnsList {
  /** What the list says of the address; `undefined` when it does not name it, or cannot be asked. */
  find(ip: string): Promise<string | undefined>;
}

export interface DnsListParts {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
}

const defaultTimeoutMs = 3_000;
// A list that did not answer is left alone, so that not every sender waits for it.
const holdMs = 30_000;
const warnEveryMs = 60_000;

/** This machine and private networks (RFC 1122, 1918, 3927, 4193, 4291, 6598): nobody's business, and on no list. */
const privateAddresses = createAddressSet(
  [
    ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    ...["::/127", "fc00::/7", "fe80::/10"],
  ].map((cidr) => [cidr, true] as const),
);

/**
 * A DNS block list (RFC 5782): reversed octets or nibbles in front of the zone. It fails open, with a warning: a list that is
 * down must not keep all mail away. An answer outside 127.0.0.0/8 comes from a zone that has a new owner or a
 * resolver that lies, and 127.255.255.0/24 is how lists say that they refuse to answer: neither lists anybody.
 */
export function createDnsList(
  { zone, codes, timeoutMs = defaultTimeoutMs }: DnsBlockListConfig,
  { resolver, clock, log }: DnsListParts,
): DnsList {
  const shown = withoutKey(zone);
  let heldUntil = 0;
  let quietUntil = 0;
  const warn = (why: string) => {
    const now = clock.now().getTime();
    if (now < quietUntil) return;
    quietUntil = now + warnEveryMs;
    log.warn("DNS block list not usable, mail passes it", { zone: shown, why: why.replaceAll(zone, shown) });
  };

  const ask = async (name: string): Promise<string | undefined> => {
    const answers = ((await resolver(name, "A")) as readonly string[]).filter((answer) => typeof answer === "string");
    const refused = answers.find((answer) => /^127\.255\.255\./.test(answer));
    if (refused !== undefined) {
      warn(`it answers ${refused}: it does not serve this resolver`);
      return undefined;
    }
    const foreign = answers.find((answer) => !answer.startsWith("127."));
    if (foreign !== undefined) {
      warn(`it answers ${foreign}, which is no return code`);
      return undefined;
    }
    const code = answers.find((answer) => codes === undefined || codes.some((one) => codeMatches(one, answer)));
    if (code === undefined) return undefined;
    return `${shown} (${code})`;
  };

  return {
    async find(ip) {
      const address = parseIpAddress(ip.replace(/%.*$/, ""));
      if (!address || privateAddresses.find(ip) || clock.now().getTime() < heldUntil) return undefined;
      const name = `${dottedAddress(address).split(".").reverse().join(".")}.${zone}`;
      let timer: NodeJS.Timeout | undefined;
      try {
        const late = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new DnsError("ETIMEOUT", `no answer in ${timeoutMs} ms`)), timeoutMs);
        });
        return await Promise.race([ask(name), late]);
      } catch (error) {
        if (error instanceof DnsError && isNegative(error)) return undefined;
        heldUntil = clock.now().getTime() + holdMs;
        warn(error instanceof Error ? error.message : String(error));
        return undefined;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/**
 * A zone as logs and refusals name it. The zones of paying customers begin with a label that is their key
 * (`<key>.zen.dq.example.net`): whoever knows it asks at their expense.
 */
function withoutKey(zone: string): string {
  return zone
    .split(".")
    .map((label) => (/^(?=.*[0-9])[a-z0-9]{20,}$/i.test(label) ? "<key>" : label))
    .join(".");
}
