import { unfinishedShards } from "../../shared/aws/ledger.ts";
import { listShards } from "../../shared/aws/sharded-list.ts";
import { busySeconds, type Stage, sharesOf, useOf, type Workload } from "./estimate.ts";
import { type Measured, measured } from "./measured.ts";
import { type Quota, type QuotaKey, quotas } from "./prices.ts";

export interface LimitUse {
  readonly name: QuotaKey | "worker-concurrency";
  readonly says: string;
  readonly remedy: string;
  readonly used: number;
  readonly limit: number;
}

/** The busiest second has so many times the mail of an average one. */
export const peakFactor = 4;

const batchSize = 10;

/**
 * What of each quota the busiest second uses, most of it first. Batches are full: when a limit is near, queues are.
 *
 * @param perDay - mails
 */
export function limitsAt(
  perDay: number,
  workload: Omit<Workload, "perMonth">,
  stage: Stage,
  from: Measured = measured,
): readonly LimitUse[] {
  const perSecond = (perDay / 86_400) * peakFactor;
  const shares = sharesOf(workload.mix, from);
  const mean = (of: (stream: string) => number) => shares.reduce((all, [stream, share]) => all + share * of(stream), 0);
  const busy = new Map(shares.map(([stream]) => [stream, busySeconds(stream, stage, "full", from)]));
  const busyOf = (stream: string) => Object.values(busy.get(stream) ?? {}).reduce((all, seconds) => all + seconds, 0);
  const uses = (stream: string) => useOf(stream, "full", from);

  // The busiest queue: every notice passes the router's, and a stream's own has its share.
  const perQueue = shares.flatMap(([stream, share]) =>
    Object.entries(busy.get(stream) ?? {})
      .filter(([name]) => name !== "journal")
      .map(([name, seconds]) => perSecond * (name.startsWith("route-") ? 1 : share) * seconds),
  );
  const busiestQueue = Math.max(0, ...perQueue);

  const at = (name: QuotaKey, used: number): LimitUse => {
    const { says, remedy, limit }: Quota = quotas[name];
    return { name, says, remedy, limit, used };
  };
  const all: readonly LimitUse[] = [
    at("sns-publish", perSecond * mean((stream) => 1 + uses(stream).requests.sns)),
    at("sqs-in-flight", busiestQueue * batchSize),
    at("lambda-concurrency", perSecond * mean(busyOf)),
    {
      name: "worker-concurrency",
      says: "invocations that one queue may start at once (aws.workerConcurrency)",
      remedy: "raise aws.workerConcurrency, up to 1,000",
      limit: stage.workerConcurrency,
      // A batch of ten is one invocation, busy for the work of ten.
      used: busiestQueue,
    },
    at(
      "dynamodb-table",
      perSecond *
        Math.max(
          mean((s) => uses(s).writeUnits.ledger),
          mean((s) => uses(s).writeUnits.store),
        ),
    ),
    // An entry comes and goes.
    at("dynamodb-shard", (perSecond * 2) / unfinishedShards),
    at(
      "dynamodb-list",
      (perSecond * Math.max(0, ...shares.map(([stream, share]) => (uses(stream).writeUnits.store > 0 ? share : 0)))) /
        listShards,
    ),
    at("kms", workload.encrypt ? perSecond * mean((stream) => 1 + (from.streams[stream]?.decrypts ?? 0)) : 0),
    at("s3-prefix", perSecond),
    at("ses-sending", perDay * mean((stream) => uses(stream).sends)),
  ];
  return [...all].sort((a, b) => b.used / b.limit - a.used / a.limit);
}
