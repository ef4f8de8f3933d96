import { expect, test } from "vitest";
import { pooledRandom } from "../../local/pooled-random.ts";

test("every octet of the generator is given once, in its order, whatever the portions", () => {
  let drawn = 0;
  const bytes = pooledRandom((pool) => {
    const words = new Uint32Array(pool.buffer, pool.byteOffset, Math.floor(pool.length / 4));
    for (let at = 0; at < words.length; at += 1) words[at] = drawn++;
  });
  const seen = new Set<number>();
  for (let turn = 0; turn < 5_000; turn += 1) {
    const count = [4, 16, 24, 32, 1_024, 8_000][turn % 6] ?? 4;
    const given = bytes(count);
    expect(given.length).toBe(count);
    for (const word of new Uint32Array(given.buffer, given.byteOffset, count / 4)) {
      if (seen.has(word)) throw new Error(`word ${word} came twice`);
      seen.add(word);
    }
  }
});

test("what was given belongs to the caller", () => {
  const bytes = pooledRandom();
  const first = bytes(16);
  const copy = Uint8Array.from(first);
  for (let turn = 0; turn < 1_000; turn += 1) bytes(16).fill(0);
  expect(first).toEqual(copy);
  expect(Buffer.from(bytes(32)).equals(Buffer.alloc(32))).toBe(false);
});
