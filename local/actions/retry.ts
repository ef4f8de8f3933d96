import type { Random } from "../../shared/ports.ts";
import { limits } from "../../shared/receipt/limits.ts";

const firstMs = 1_000;
const longestMs = 300_000;

/**
 * When a failed action is tried again: after one second, then twice as long each time up to five minutes, less up to half
 * of it at random so that many messages do not come back together; a last time at four hours after receipt
 * (ses-receiving.md §1.6). `undefined`: that time has come, give it up.
 *
 * @param attempts - failed so far, at least 1
 */
export function retryAt(attempts: number, receivedAt: Date, now: Date, random: Random): Date | undefined {
  const deadline = receivedAt.getTime() + limits.actionDeadlineMs;
  if (now.getTime() >= deadline) return undefined;
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempts - 1, 20));
  const [high = 0, low = 0] = random.bytes(2);
  const jitter = (high * 256 + low) / 65_536;
  return new Date(Math.min(deadline, Math.ceil(now.getTime() + full * (1 - jitter / 2))));
}
