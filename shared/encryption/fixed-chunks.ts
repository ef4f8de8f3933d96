/** One cipher call's worth: large enough to be fast, small enough that a mail never needs one large buffer. */
export const chunkBytes = 65_536;

/**
 * The same octets in chunks of exactly `chunkBytes`, the last one shorter, however the source cut them: a source of
 * single octets would otherwise cost an object per octet.
 *
 * A chunk is valid until the next one is asked for: it may be a view of a buffer that is used again.
 */
export async function* fixedChunks(source: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const pending = new Uint8Array(chunkBytes);
  let held = 0;
  for await (const part of source instanceof Uint8Array ? [source] : source) {
    let rest = part;
    while (rest.length > 0) {
      if (held === 0 && rest.length >= chunkBytes) {
        yield rest.subarray(0, chunkBytes);
        rest = rest.subarray(chunkBytes);
        continue;
      }
      const taken = rest.subarray(0, chunkBytes - held);
      pending.set(taken, held);
      held += taken.length;
      rest = rest.subarray(taken.length);
      if (held === chunkBytes) {
        held = 0;
        yield pending;
      }
    }
  }
  if (held > 0) yield pending.subarray(0, held);
}
