import { parseCidr, parseClient } from "./ip-filter.ts";

/** Address blocks that can be asked for an address: as many look-ups as there are prefix lengths, however many blocks. */
export interface AddressSet<Note> {
  readonly size: number;
  /** The narrowest block that holds the address. */
  find(ip: string): Note | undefined;
}

/** A block as `parseCidr` reads it is required: others are left out. */
export function createAddressSet<Note>(blocks: Iterable<readonly [cidr: string, note: Note]>): AddressSet<Note> {
  const byPrefix = { 4: new Map<number, Map<bigint, Note>>(), 6: new Map<number, Map<bigint, Note>>() } as const;
  let size = 0;
  for (const [cidr, note] of blocks) {
    const network = parseCidr(cidr);
    if (!network) continue;
    const { family, prefix, value } = network;
    const held = byPrefix[family].get(prefix) ?? new Map<bigint, Note>();
    byPrefix[family].set(prefix, held);
    const key = value >> hostBits(family, prefix);
    if (held.has(key)) continue;
    held.set(key, note);
    size += 1;
  }
  const prefixes = {
    4: [...byPrefix[4].keys()].sort((a, b) => b - a),
    6: [...byPrefix[6].keys()].sort((a, b) => b - a),
  } as const;
  return {
    size,
    find(ip) {
      const client = parseClient(ip);
      if (!client) return undefined;
      const { family, value } = client;
      for (const prefix of prefixes[family]) {
        const held = byPrefix[family].get(prefix);
        const key = value >> hostBits(family, prefix);
        if (held?.has(key)) return held.get(key);
      }
      return undefined;
    },
  };
}

const hostBits = (family: 4 | 6, prefix: number) => BigInt((family === 4 ? 32 : 128) - prefix);
