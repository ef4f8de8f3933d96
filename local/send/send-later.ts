import type { Random } from "../../shared/ports.ts";

const firstMs = 60_000;
const longestMs = 3_600_000;

/**
 * When a mail that was not taken is sent again: after one minute, then twice as long each time up to an hour, less up to a
 * half of it at random; a last time at the end of its time. RFC 5321 §4.5.4.1 advises to go on for four or five days.
 * `undefined`: that time has come, give it up.
 *
 * @param attempts - so far, at least 1
 */
export function sendLater(
  attempts: number,
  waitingSince: Date,
  giveUpAfterMs: number,
  now: Date,
  random: Random,
): Date | undefined {
  const deadline = waitingSince.getTime() + giveUpAfterMs;
  if (now.getTime() >= deadline) return undefined;
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempts - 1, 20));
  const [high = 0, low = 0] = random.bytes(2);
  const jitter = (high * 256 + low) / 65_536;
  return new Date(Math.min(deadline, Math.ceil(now.getTime() + full * (1 - jitter / 2))));
}
