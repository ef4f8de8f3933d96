import { setTimeout as sleep } from "node:timers/promises";
import type { Queues } from "../ports.ts";
import { AwsRefusedError } from "./call.ts";
import { inParallel } from "./in-parallel.ts";

const hiddenMs = 5_000;
const mostWaits = 30;

/**
 * Looks at each dead letter and deletes those that are meant. The others are hidden for a moment; so are those that a run which
 * died had in its hands, and they are waited for.
 *
 * @returns `inHands`: somebody has some of them and does not give them back, so that not all were looked at
 */
export async function removeLetters(
  queues: Pick<Queues, "receive" | "delete" | "changeVisibility" | "counts">,
  queue: string,
  isMeant: (body: string) => Promise<boolean>,
): Promise<{ readonly count: number; readonly inHands: boolean }> {
  const seen = new Set<string>();
  let count = 0;
  for (let waited = 0; ; waited++) {
    const keep: string[] = [];
    for (let empty = 0; empty < 3; ) {
      const received = await queues.receive(queue, { max: 10, visibilityTimeoutMs: hiddenMs });
      const news = received.filter(({ messageId }) => !seen.has(messageId));
      // SQS asks some of its servers only: nothing found is not yet nothing there.
      empty = news.length === 0 ? empty + 1 : 0;
      const gone: string[] = [];
      for (const { body, receiptHandle } of news) ((await isMeant(body)) ? gone : keep).push(receiptHandle);
      await queues.delete(queue, gone);
      // Only now: what could not be deleted is looked at again.
      for (const { messageId } of news) seen.add(messageId);
      count += gone.length;
    }
    await inParallel(keep, 8, async (handle) => {
      try {
        await queues.changeVisibility(queue, handle, 0);
      } catch (error) {
        // Visible already: this took longer than it was hidden.
        if (!(error instanceof AwsRefusedError)) throw error;
      }
    });
    if ((await queues.counts(queue)).inFlight === 0) return { count, inHands: false };
    if (waited === mostWaits) return { count, inHands: true };
    await sleep(hiddenMs / 5);
  }
}
