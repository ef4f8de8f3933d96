export interface Trend {
  /** Median slope between any two floors (Theil and Sen), per second. */
  readonly perSecond: number;
  /** What that adds over the whole time that was looked at. */
  readonly growth: number;
  readonly firstFloor: number;
  readonly lastFloor: number;
}

/**
 * Where a measured quantity is heading. A collector's saw teeth hide a leak from any two readings, so the floor of each of
 * `windows` equal spans of time counts, and the median of all their slopes: one outlier moves nothing.
 */
export function trendOf(samples: readonly { readonly atMs: number; readonly value: number }[], windows = 8): Trend {
  const [first, last] = [samples[0]?.atMs ?? 0, samples.at(-1)?.atMs ?? 0];
  const span = (last - first) / windows;
  const floors: { readonly at: number; readonly value: number }[] = [];
  for (let index = 0; index < windows; index++) {
    const from = first + index * span;
    const values = samples
      .filter(({ atMs }) => atMs >= from && (atMs < from + span || index === windows - 1))
      .map(({ value }) => value);
    if (values.length > 0) floors.push({ at: (from + span / 2) / 1_000, value: Math.min(...values) });
  }
  const slopes: number[] = [];
  for (const [index, a] of floors.entries()) {
    for (const b of floors.slice(index + 1)) slopes.push((b.value - a.value) / (b.at - a.at));
  }
  slopes.sort((a, b) => a - b);
  const middle = Math.floor(slopes.length / 2);
  const perSecond =
    slopes.length % 2 === 1 ? (slopes[middle] ?? 0) : ((slopes[middle - 1] ?? 0) + (slopes[middle] ?? 0)) / 2;
  return {
    perSecond,
    growth: (perSecond * (last - first)) / 1_000,
    firstFloor: floors[0]?.value ?? 0,
    lastFloor: floors.at(-1)?.value ?? 0,
  };
}
