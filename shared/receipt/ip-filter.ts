import { isIPv4, isIPv6 } from "node:net";
import type { ApiError } from "./api-error.ts";
import { choices } from "./choices.ts";
import type { IpFilter } from "./model.ts";

export type IpPrecedence = "allow-wins" | "longest-prefix";

export interface ClientDecision {
  readonly refused: boolean;
  /** What decided: an Allow filter, a Block filter, a list that is not the user's own filter, or nothing. */
  readonly by: "allow" | "block" | "list" | "none";
  readonly filter?: IpFilter;
  /** For people: why. Never sent to the client. */
  readonly reason: string;
}

export interface ClientDecisionOptions {
  /** Default `allow-wins`: any matching Allow lets the client in. `longest-prefix`: the narrowest matching filter decides. */
  readonly policy?: IpPrecedence;
  /** Name of the block list (a file, a DNS zone) that names the client, if the caller asked one. */
  readonly listedBy?: string;
}

/**
 * Whether a client may send mail at all (ses-receiving.md §3): an Allow match passes, else a Block match refuses, else
 * a block list refuses, else it passes. Ask without `listedBy` first: a look-up is needed only if the answer's `by` is `none`.
 *
 * @param ip - as the socket reports it; IPv4-mapped IPv6 counts as IPv4, a zone id is ignored
 */
export function decideClient(
  filters: readonly IpFilter[],
  ip: string,
  { policy = choices.ipPrecedence.value, listedBy }: ClientDecisionOptions = {},
): ClientDecision {
  const filter = decisiveFilter(filters, ip, policy);
  if (filter) {
    const refused = filter.policy === "Block";
    return {
      refused,
      by: refused ? "block" : "allow",
      filter,
      reason: `${filter.policy} filter "${filter.name}" (${filter.cidr}) matches ${ip}`,
    };
  }
  if (listedBy !== undefined) return { refused: true, by: "list", reason: `${ip} is listed by ${listedBy}` };
  return { refused: false, by: "none", reason: `no IP filter matches ${ip}` };
}

/** What the SES API says of a CIDR that it refuses (ses-receiving.md §3); `undefined` for a good one. */
export function validateCidr(cidr: string): ApiError | undefined {
  const network = parseCidr(cidr);
  const good = network !== undefined && !isMapped(network);
  return good ? undefined : { code: "InvalidParameterValue", message: `Invalid CIDR block: ${cidr}`, at: "cidr" };
}

function decisiveFilter(filters: readonly IpFilter[], ip: string, policy: IpPrecedence): IpFilter | undefined {
  const client = parseClient(ip);
  if (!client) return undefined;
  let decisive: IpFilter | undefined;
  let decisivePrefix = -1;
  for (const filter of filters) {
    const network = networkOf(filter);
    if (!network || !contains(network, client)) continue;
    // Between filters of one width, Allow wins under both policies.
    const rank = policy === "allow-wins" ? (filter.policy === "Allow" ? 1 : 0) : network.prefix;
    if (
      rank > decisivePrefix ||
      (rank === decisivePrefix && filter.policy === "Allow" && decisive?.policy === "Block")
    ) {
      decisive = filter;
      decisivePrefix = rank;
    }
  }
  return decisive;
}

// Filters are values that do not change, and every mail asks for all of them.
const networks = new WeakMap<IpFilter, { readonly network: Network | undefined }>();

function networkOf(filter: IpFilter): Network | undefined {
  let known = networks.get(filter);
  if (!known) {
    known = { network: parseCidr(filter.cidr) };
    networks.set(filter, known);
  }
  return known.network;
}

interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}
interface Network extends Address {
  readonly prefix: number;
}

const mappedPrefix = 0xffffn;
const isMapped = (address: Address) => address.family === 6 && address.value >> 32n === mappedPrefix;

/** 0.0.0.0/0 does not cover IPv6 clients: families never mix. */
function contains(network: Network, client: Address): boolean {
  if (network.family !== client.family) return false;
  const hostBits = BigInt((network.family === 4 ? 32 : 128) - network.prefix);
  return network.value >> hostBits === client.value >> hostBits;
}

/** A client as a socket reports it: mapped IPv6 is IPv4, a zone id is ignored. */
export function parseClient(ip: string): Address | undefined {
  const zone = ip.indexOf("%");
  const address = parseIp(zone === -1 ? ip : ip.slice(0, zone));
  // A dual-stack socket reports an IPv4 client as ::ffff:203.0.113.9.
  return address && isMapped(address) ? { family: 4, value: address.value & 0xffffffffn } : address;
}

export function parseCidr(cidr: string): Network | undefined {
  const slash = cidr.indexOf("/");
  const address = parseIp(slash === -1 ? cidr : cidr.slice(0, slash));
  if (!address) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  if (slash === -1) return { ...address, prefix: bits };
  const prefix = cidr.slice(slash + 1);
  return /^(?:0|[1-9][0-9]{0,2})$/.test(prefix) && Number(prefix) <= bits
    ? { ...address, prefix: Number(prefix) }
    : undefined;
}

function parseIp(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: ipv4Value(text) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").flatMap(ipv6Groups));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(8 - front.length - back.length).fill(0);
  return {
    family: 6,
    value: [...front, ...zeros, ...back].reduce((value, group) => (value << 16n) | BigInt(group), 0n),
  };
}

function ipv6Groups(group: string): number[] {
  if (!group.includes(".")) return [Number.parseInt(group, 16)];
  const value = Number(ipv4Value(group));
  return [Math.floor(value / 65_536), value % 65_536];
}

function ipv4Value(text: string): bigint {
  return text.split(".").reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}
