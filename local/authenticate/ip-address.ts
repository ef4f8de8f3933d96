import { isIPv4, isIPv6 } from "node:net";

/** 4 octets for IPv4, 16 for IPv6. */
export type IpAddress = Uint8Array;

/**
 * Reads an address as a socket or an SPF record writes it. An IPv4-mapped IPv6 address becomes the IPv4 address that
 * it is (RFC 7208 §5); `undefined` when the text is no address.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  const address = parseIpLiteral(text);
  if (address?.length !== 16) return address;
  const mapped = address.subarray(0, 10).every((octet) => octet === 0) && address[10] === 0xff && address[11] === 0xff;
  return mapped ? address.subarray(12) : address;
}

/** As `parseIpAddress`, but an IPv4-mapped address stays 16 octets. */
export function parseIpLiteral(text: string): IpAddress | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  // A zone index ("%eth0") belongs to a machine, not to an address.
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const [head = "", tail] = text.split("::");
  const front = groups(head);
  if (tail === undefined) return Uint8Array.from(front);
  const back = groups(tail);
  return Uint8Array.from([...front, ...new Array<number>(16 - front.length - back.length).fill(0), ...back]);
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** Whether both belong to one family and agree in their first `prefixLength` bits. */
export function sharesPrefix(a: IpAddress, b: IpAddress, prefixLength: number): boolean {
  if (a.length !== b.length) return false;
  const whole = prefixLength >> 3;
  for (let at = 0; at < whole; at += 1) if (a[at] !== b[at]) return false;
  const rest = prefixLength & 7;
  return rest === 0 || ((a[whole] ?? 0) ^ (b[whole] ?? 0)) >> (8 - rest) === 0;
}

/** Dotted decimal; for IPv6 the 32 nibbles with dots between, as SPF's `%{i}` (RFC 7208 §7.3). */
export function dottedAddress(address: IpAddress): string {
  if (address.length === 4) return address.join(".");
  return Array.from(address, (octet) => `${(octet >> 4).toString(16)}.${(octet & 15).toString(16)}`).join(".");
}

/** Dotted decimal, or RFC 5952. */
export function formatAddress(address: IpAddress): string {
  if (address.length === 4) return address.join(".");
  const words = Array.from({ length: 8 }, (_, at) => ((address[at * 2] ?? 0) << 8) | (address[at * 2 + 1] ?? 0));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (words[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  const hex = words.map((word) => word.toString(16));
  if (best.at === -1) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

/** The name whose PTR records name the host (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(address: IpAddress): string {
  const reversed = dottedAddress(address).split(".").reverse().join(".");
  return `${reversed}.${address.length === 4 ? "in-addr" : "ip6"}.arpa`;
}
