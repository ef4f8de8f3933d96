// Seconds behind the first, second … attempt: a restart is waited out, then a night, then most of a weekend's first day.
const delaysSeconds = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400] as const;
const longestSeconds = 86_400;

/**
 * When to try again behind attempt `attempt`; `undefined` when it was the last one.
 *
 * @param retryAfter - the header of that name: seconds, or a date (RFC 9110 §10.2.3); it can only make the wait longer
 * @param jitter - 0 to 1: what many targets that failed at the same time are spread by
 */
export function nextAttemptAt(
  attempt: number,
  now: Date,
  retryAfter: string | undefined,
  jitter: number,
): Date | undefined {
  const delay = delaysSeconds[attempt - 1];
  if (delay === undefined) return undefined;
  const own = delay * (1 + 0.2 * jitter);
  const asked = Math.min(askedSeconds(retryAfter, now), longestSeconds);
  return new Date(now.getTime() + Math.max(own, asked) * 1000);
}

function askedSeconds(retryAfter: string | undefined, now: Date): number {
  const text = retryAfter?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const date = /^[A-Z][a-z]{2},/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, (date - now.getTime()) / 1000);
}
