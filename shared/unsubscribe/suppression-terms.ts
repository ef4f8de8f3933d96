import type { Suppression } from "../ports.ts";

/** Whether it counts no more. `now` in milliseconds since the Unix epoch. */
export function hasEnded({ until }: Suppression, now: number): boolean {
  return until !== undefined && Date.parse(until) <= now;
}

/** Whether the new one counts longer than the one that is there. */
export function outlasts(given: Suppression, existing: Suppression): boolean {
  if (existing.until === undefined) return false;
  return given.until === undefined || Date.parse(given.until) > Date.parse(existing.until);
}

/** Whether `count` of the sorted times, `about` among them, lie within one window; reports may come out of order. */
export function crowded(times: readonly number[], about: number, count: number, windowMs: number): boolean {
  return times.some((first, index) => {
    const last = times[index + count - 1];
    return last !== undefined && last - first < windowMs && first <= about && about <= last;
  });
}
