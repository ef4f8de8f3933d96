import { randomFillSync } from "node:crypto";

const poolBytes = 4_096;

/**
 * Octets of the system's generator, drawn many at a time: a call of it costs more than what it gives. Every octet is given
 * once, and is not kept behind that.
 */
export function pooledRandom(fill: (pool: Uint8Array) => void = randomFillSync): (count: number) => Uint8Array {
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  return (count) => {
    if (count > poolBytes / 4) {
      const octets = new Uint8Array(count);
      fill(octets);
      return octets;
    }
    if (used + count > poolBytes) {
      fill(pool);
      used = 0;
    }
    const given = pool.slice(used, used + count);
    pool.fill(0, used, used + count);
    used += count;
    return given;
  };
}
