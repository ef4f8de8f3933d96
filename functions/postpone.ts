import type { SQSRecord } from "aws-lambda";
import type { Queues } from "../shared/ports.ts";

// Throttling is over in seconds or needs a person; so many at random that those who were refused do not meet again.
const shortestSeconds = 20;
const spreadSeconds = 100;
// What AWS refused for so long is not throttled but broken: then its receives run out, and the dead letters show it.
const longestMs = 3 * 86_400_000;

/**
 * Puts a record that was throttled, or whose webhook asks for patience, back into its queue, as a new message with a delay:
 * its receive count begins again, so that an hour of throttling sends nothing to the dead letters. Nothing is lost in
 * between: the old message goes when its copy is there. Whatever the record asks for is idempotent, so that both may come.
 *
 * @param delaySeconds - default: some seconds at random
 * @returns false when it was not put back, and the record has to fail
 */
export async function postpone(
  record: SQSRecord,
  queues: Pick<Queues, "send">,
  now: Date,
  delaySeconds = Math.floor(shortestSeconds + Math.random() * spreadSeconds),
): Promise<boolean> {
  const since = beginningOf(record);
  if (since === undefined || now.getTime() - since > longestMs) return false;
  const queue = record.eventSourceARN.slice(record.eventSourceARN.lastIndexOf(":") + 1);
  try {
    return (await queues.send(queue, [{ id: "0", body: record.body, delaySeconds }])).length === 0;
  } catch {
    // The record fails, for the reason that the log already has, and SQS brings it again.
    return false;
  }
}

/** When the mail, or whatever the record is about, came: the copies know no other beginning. */
function beginningOf({ body, attributes }: SQSRecord): number | undefined {
  const dates = /"(?:receivedAt|timestamp|eventTime|at)"\s*:\s*"(\d{4}-\d\d-\d\dT[0-9:.]+Z)"/.exec(
    body.replaceAll('\\"', '"'),
  );
  const at = dates?.[1] !== undefined ? Date.parse(dates[1]) : Number(attributes.SentTimestamp);
  return Number.isNaN(at) ? undefined : at;
}
