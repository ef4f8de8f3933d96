import { deriveTopology } from "../config/topology.ts";
import type { ResolvedConfig } from "../config/types.ts";
import type { Clock, Ports, RecipientRecord, RecipientState } from "../ports.ts";
import { buildS3Event } from "../receipt/s3-event.ts";
import { QueueSendError } from "../streams/errors.ts";
import { storedObjectOf } from "../streams/stored-object.ts";
import { type Dynamo, type Item, json, jsonOf, numberOf, text, textOf } from "./dynamo.ts";
import { inParallel } from "./in-parallel.ts";
import { shardName, unfinishedShards } from "./ledger.ts";
import { pauseUpTo } from "./pause.ts";
import { recipientKey } from "./recipient-key.ts";

/** A recipient that the ledger calls unfinished, while no queue holds anything that would finish it. */
export interface StageLostWork extends Pick<RecipientRecord, "sesMessageId" | "recipient" | "state" | "stream"> {
  readonly outcome: "sent again" | "failed";
  readonly cause: string;
}

export interface LostWorkFound {
  readonly lost: readonly StageLostWork[];
  /** More was unfinished than one run looks at: the next one goes on behind it. */
  readonly isMore: boolean;
}

export interface LostWorkOptions {
  readonly table: string;
  readonly clock: Clock;
  /** Unfinished recipients that one run looks at, from each of the index's shards. */
  readonly perShard?: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
// The bucket's event comes a quarter of an hour late, and is tried five times six minutes apart: twice as long.
const routingMs = 2 * hourMs;
// What is delayed was put back by a worker that had just noted its attempt, or was throttled before it could: for some hours at most.
const delayedMs = 6 * hourMs;
// A queue keeps a message for seven days (infra/resources/queues.ts): whatever it holds, this is no longer in it.
const keptMs = 7 * 24 * hourMs;
// A mail that ends its worker each time would be sent for ever.
const mostRepairs = 3;
const atOnce = 8;
const looks = 3;
const positionKey = { pk: "lost-work", sk: "position" } as const;

/**
 * Looks for recipients whose work is gone. Nobody can search a queue of SQS, so this is concluded: nothing changed for longer than the
 * queue takes for all its tries, and nothing waits in it. From the stored mail the router is asked anew, which sends what is not
 * routed; effects that happened before are not repeated, so a wrong conclusion costs a message and nothing else. Without a stored
 * mail, or when it was sent again three times, the recipient ends as failed, with the cause.
 */
export function createStageLostWork(
  dynamo: Dynamo,
  ports: Pick<Ports, "ledger" | "queues" | "objects">,
  config: ResolvedConfig,
  { table, clock, perShard = 500 }: LostWorkOptions,
): { find(): Promise<LostWorkFound> } {
  const { names } = config;
  const topology = deriveTopology(config);

  const read = async (): Promise<{ readonly items: readonly Item[]; readonly next: Position }> => {
    const stored = await dynamo.get(table, positionKey);
    const position = (stored && jsonOf<Position>(stored, "p")) ?? {};
    const to = new Date(clock.now().getTime() - 30 * minuteMs).toISOString();
    const next: Record<string, string> = {};
    const pages = await inParallel(
      Array.from({ length: unfinishedShards }, (_, shard) => shardName(shard)),
      unfinishedShards,
      async (shard) => {
        const from = position[shard] ?? "";
        if (from >= to) return [];
        const page = await dynamo.query(table, {
          index: "unfinished",
          where: "#us = :us AND #at BETWEEN :from AND :to",
          values: { ":us": text(shard), ":from": text(from === "" ? "0" : from), ":to": text(to) },
          limit: perShard,
        });
        const last = textOf(page.at(-1) ?? {}, "at");
        // Those of one moment are looked at together, or, where they fill a page, left for the next round.
        if (page.length === perShard && last !== undefined) next[shard] = last === from ? `${last}~` : last;
        return page;
      },
    );
    const keys = pages.flat().map((item) => ({ pk: textOf(item, "pk") ?? "", sk: textOf(item, "sk") ?? "" }));
    return { items: await dynamo.batchGet(table, keys), next };
  };

  const waits = new Map<string, Promise<Waiting>>();
  /** The least of some looks: a queue that is worked on is empty now and then. */
  const waiting = (queue: string): Promise<Waiting> => {
    const known = waits.get(queue);
    if (known) return known;
    const asked = (async () => {
      let least = await ports.queues.counts(queue);
      for (let look = 1; look < looks && least.visible > 0; look++) {
        await pauseUpTo(1_000);
        const again = await ports.queues.counts(queue);
        if (again.visible < least.visible) least = again;
      }
      return least;
    })();
    waits.set(queue, asked);
    return asked;
  };

  const isLost = async ({ state, stream, updatedAt }: Open): Promise<boolean> => {
    const ageMs = clock.now().getTime() - Date.parse(updatedAt);
    // NaN: nothing says since when.
    if (!(ageMs > 30 * minuteMs)) return false;
    if (ageMs > keptMs + routingMs) return true;
    if (state === "received" || state === "decided" || stream === null) {
      if (ageMs < routingMs) return false;
      const routers = await Promise.all([waiting(names.noticeQueue), waiting(names.objectQueue)]);
      return routers.every(({ visible }) => visible === 0);
    }
    const queue = topology.queues.find(({ name }) => name === names.streamQueue(stream));
    // A stream that the configuration no longer has: its queue is gone, and the router knows where its mail belongs.
    if (queue === undefined) return ageMs > keptMs;
    if (ageMs < (queue.maxReceiveCount + 1) * queue.visibilityTimeoutMs) return false;
    const { visible, delayed } = await waiting(queue.name);
    return visible === 0 && (delayed === 0 || ageMs > delayedMs);
  };

  /** Only as it was seen: whoever got on with it meanwhile has it. @returns how often it was sent again, this time included */
  const takeBack = async ({ sesMessageId, recipient, state, updatedAt }: Open, cause: string) => {
    const { kind, item } = await dynamo.update(
      table,
      recipientKey({ sesMessageId, recipient }),
      "SET #s = :decided, #c = :c, #up = :up ADD #lost :one",
      {
        condition: "#s = :seen AND #up = :since AND attribute_exists(#us)",
        values: {
          ":decided": text(state === "received" ? "received" : "decided"),
          ":seen": text(state),
          ":since": text(updatedAt),
          ":c": text(cause),
          ":up": text(clock.now().toISOString()),
          ":one": { N: "1" },
        },
      },
    );
    return kind === "written" ? numberOf(item, "lost") : undefined;
  };

  const tellRouter = async ({ sesMessageId }: Open, stored: Stored): Promise<void> => {
    const event = buildS3Event({
      region: config.region,
      ...storedObjectOf(config, sesMessageId),
      sizeBytes: stored.sizeBytes,
      eTag: "",
      sequencer: "00",
      storedAt: stored.lastModified,
      configurationId: "lost-work",
      requestId: "lost-work",
    });
    const queue = names.objectQueue;
    const [refused] = await ports.queues.send(queue, [{ id: "0", body: JSON.stringify(event), delaySeconds: 0 }]);
    if (refused) throw new QueueSendError(sesMessageId, [{ queue, cause: refused.cause }]);
  };

  const repair = async (open: Open): Promise<StageLostWork | undefined> => {
    const { sesMessageId, recipient, state, stream, repairs } = open;
    const lost = { sesMessageId, recipient, state, stream };
    const cause = `lost ${whereLost[state] ?? `as ${state}`}${stream === null ? "" : `, stream ${stream}`}`;
    const fail = async (why: string) => {
      // What got on meanwhile is not failed: this asks for the same state and time as the look.
      if ((await takeBack(open, cause)) === undefined) return undefined;
      await ports.ledger.fail(sesMessageId, recipient, `${cause}; ${why}`);
      return { ...lost, outcome: "failed", cause: `${cause}; ${why}` } as const;
    };
    if (repairs >= mostRepairs) {
      const queue = stream === null ? names.objectQueue : names.streamQueue(stream);
      return fail(`it was sent again ${mostRepairs} times before: see the dead letters of ${queue}`);
    }
    const stored = await ports.objects.head(storedObjectOf(config, sesMessageId));
    if (stored === undefined) return fail("no stored mail is left to send again");
    // Before the router hears of it: it sends only what is not routed. Whoever dies in between leaves it to a later run.
    if ((await takeBack(open, `${cause}; sent again`)) === undefined) return undefined;
    await tellRouter(open, stored);
    return { ...lost, outcome: "sent again", cause };
  };

  return {
    async find() {
      const { items, next } = await read();
      waits.clear();
      const lost: StageLostWork[] = [];
      await inParallel(items.flatMap(openOf), atOnce, async (open) => {
        if (!(await isLost(open))) return;
        const repaired = await repair(open);
        if (repaired) lost.push(repaired);
      });
      const isMore = Object.keys(next).length > 0;
      // Behind the work: a run that dies begins where it began.
      if (isMore) await dynamo.put(table, { pk: text(positionKey.pk), sk: text(positionKey.sk), p: json(next) });
      else await dynamo.delete(table, positionKey);
      return { lost, isMore };
    },
  };
}

/** By shard: receipt of the last one that was looked at. A shard that was looked through begins anew. */
type Position = Readonly<Record<string, string>>;
type Waiting = Awaited<ReturnType<Ports["queues"]["counts"]>>;
type Stored = NonNullable<Awaited<ReturnType<Ports["objects"]["head"]>>>;

interface Open extends Pick<RecipientRecord, "sesMessageId" | "recipient" | "state" | "stream" | "updatedAt"> {
  readonly repairs: number;
}

const openStates: readonly RecipientState[] = ["received", "decided", "routed", "working"];

/** The index is a moment behind: what has ended meanwhile is left out. */
function openOf(item: Item): Open[] {
  const state = textOf(item, "s") as RecipientState | undefined;
  if (state === undefined || !openStates.includes(state)) return [];
  return [
    {
      sesMessageId: (textOf(item, "pk") ?? "") as Open["sesMessageId"],
      recipient: (textOf(item, "sk") ?? "").slice("r#".length),
      state,
      stream: textOf(item, "st") ?? null,
      updatedAt: textOf(item, "up") ?? "",
      repairs: numberOf(item, "lost"),
    },
  ];
}

const whereLost: Readonly<Partial<Record<RecipientState, string>>> = {
  received: "before anybody decided",
  decided: "between its decision and its queue",
  routed: "from its queue before a worker took it",
  working: "from its queue while a worker had it",
};
