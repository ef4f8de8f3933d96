/** What nobody writes into an event on purpose, and what is nearly right. */
export const oddValues: readonly unknown[] = [
  ...[null, undefined, true, false, "true", "", "<>", "<a@shop.example>", "PASS", "FAIL", "gray", "reject", "none"],
  ...["UTF8", "base-64", "BASE64", "Event", "S3", "s3", "inline", "Workmail", "clean", "token", "human", "references"],
  ...[0, 1, 2, -1, 0.5, 1.5, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER + 1, "12", "1234567890123456"],
  ...[[], ["a", "b"], ["a", 1], [null], ["references"], {}, { status: "FAIL" }, { status: 1 }, { toString: 1 }],
  ...[{ name: "a", value: "b" }, { name: "a" }, { name: "a", address: "b" }, { kind: "inline", base64: "" }],
  ...["x".repeat(999), "2026-02-29T00:00:00Z", "2028-02-29T23:59:59.123456789Z", "2026-04-31T00:00:00Z"],
  ...["2026-12-31T23:59Z", "2026-12-31T24:00:00Z", "2026-12-31T23:59:60Z", "2000-02-29T00:00:00+05:30"],
  ...["1900-02-29T00:00:00Z", "2026-12-31T23:59:59-2300", "2026-12-31T23:59:59", "2026-12-31T23:59:59.Z"],
  ...[" 2026-12-31T23:59:59Z", "2026-12-31T23:59:59Z\n", "+02026-12-31T23:59:59Z", "2026-12-31T23:59:59z"],
];

/** A copy in which one to three places got something odd, were removed, or appeared. */
export function withChanges(value: unknown, random: () => number): unknown {
  const copy = structuredClone(value);
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const visit = (at: unknown) => {
    if (typeof at !== "object" || at === null) return;
    for (const key of Object.keys(at)) {
      places.push({ holder: at as Record<string, unknown>, key });
      visit((at as Record<string, unknown>)[key]);
    }
  };
  visit(copy);
  const pick = <Item>(from: readonly Item[]): Item => from[Math.floor(random() * from.length)] as Item;
  for (let left = 1 + Math.floor(random() * 3); left > 0; left -= 1) {
    if (random() < 0.01) return pick(oddValues);
    const { holder, key } = pick(places);
    const what = random();
    if (what < 0.15 && !Array.isArray(holder)) delete holder[key];
    else if (what < 0.25 && !Array.isArray(holder)) {
      holder[pick(["source", "cc", "sender", "encoding", "x", "cut", "sizeBytes", "date"])] = pick(oddValues);
    } else holder[key] = structuredClone(pick(oddValues));
  }
  return copy;
}
