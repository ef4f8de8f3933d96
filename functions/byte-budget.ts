/**
 * Lets work begin while what is under way weighs no more than `maxBytes` together, in the order of asking. Something
 * heavier than the whole budget waits until it is alone.
 */
export function byteBudget(maxBytes: number): {
  /** Resolves with the function that gives the octets back. */
  take(bytes: number): Promise<() => void>;
} {
  let used = 0;
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  const next = () => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (used > 0 && used + first.bytes > maxBytes) return;
      waiting.shift();
      used += first.bytes;
      first.begin();
    }
  };
  return {
    take: (bytes) =>
      new Promise((resolve) => {
        const begin = () =>
          resolve(() => {
            used -= bytes;
            next();
          });
        waiting.push({ bytes, begin });
        next();
      }),
  };
}
