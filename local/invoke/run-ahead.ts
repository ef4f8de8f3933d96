import { type FunctionTopology, findTopic, type Topology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Clock, Decision, Ports, Random, RecipientRecord } from "../../shared/ports.ts";
import { buildSqsEvent } from "../../shared/receipt/sqs-event.ts";
import type { ActionEffect, PipelineWrite } from "../store/engine-store.ts";
import { UnknownQueueError } from "../store/errors.ts";
import { reasonToRefuse, uuid } from "../store/queues.ts";
import { lambdaContext } from "./lambda-context.ts";
import { type Handler, loadWork } from "./load-function.ts";
import { requestId } from "./request-id.ts";
import { choosesByUsersCode } from "./users-code.ts";

/**
 * What an effect comes to when the function that it would start has been run already: its writes, or the effect as it was when
 * that function had to be left to its thread. Never rejects.
 */
export type RunAhead = (effect: ActionEffect) => Promise<ActionEffect>;

export interface RunAheadOptions {
  readonly config: ResolvedConfig;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Runs the journal and the router while the mail's rules are still being recorded: both only read the event that they are
 * given, and what they write goes into the very transaction that would have told them of it. So a mail is stored, decided
 * and in its stream's queue with one commit behind its 250. Whatever they ask for beyond that (the stored object, another
 * port), and whatever they throw, leaves the effect as it was: a row, worked on in the functions' own thread, with retries
 * (docs/decisions/016).
 *
 * @returns `undefined` where code of the user's would run here: a `match` that is a function or has a pattern
 */
export function createRunAhead({ config, topology, clock, random }: RunAheadOptions): RunAhead | undefined {
  const journal = topology.functions.find(({ name }) => name === "journal");
  const router = topology.functions.find(({ name }) => name === "route-notification");
  if (!journal || !router || choosesByUsersCode(config)) return undefined;
  let loaded: ReturnType<typeof loadWorks> | undefined;
  const queueArn = `arn:aws:sqs:${config.region}:${config.accountId}:${config.names.noticeQueue}`;
  const known = new Set(topology.queues.map(({ name }) => name));

  const run = async (name: "journal" | "router", target: FunctionTopology, event: unknown) => {
    loaded ??= loadWorks();
    const { logLines, ...works } = await loaded;
    const work = works[name];
    const writes: PipelineWrite[] = [];
    const handler: Handler = work(portsThatKeep(writes, { known, clock, random }), config);
    const options = { requestId: requestId(random), timeoutMs: target.timeoutMs, memoryMb: target.memoryMb };
    const context = lambdaContext(target.name, options, config, () => clock.now().getTime());
    // What it did is told by whoever commits it.
    const answer = await logLines.run(noLines, () => handler(event, context));
    return { writes, answer };
  };

  return async (effect) => {
    try {
      if (effect.kind === "invoke" && effect.functionArn === journal.arn) {
        const { writes } = await run("journal", journal, effect.event);
        return writes.length > 0 ? { kind: "pipeline", writes } : effect;
      }
      if (effect.kind === "publish" && tellsRouterOnly(topology, effect.topicArn, config.names.noticeQueue)) {
        const now = clock.now();
        const messageId = uuid(random);
        const message = { messageId, receiptHandle: "0.1", body: effect.message, receiveCount: 1 };
        const event = buildSqsEvent(queueArn, [{ ...message, sentAt: now, firstReceivedAt: now }]);
        const { writes, answer } = await run("router", router, event);
        return writes.length > 0 && nothingFailed(answer) ? { kind: "pipeline", writes } : effect;
      }
    } catch {
      // It had no effect. In its thread it fails again, with its line in the log and its retries, or succeeds.
    }
    return effect;
  };
}

async function loadWorks() {
  // The stack around them adds nothing outside Lambda.
  const [journal, router] = await Promise.all([loadWork("journal"), loadWork("route-notification")]);
  const { logLines } = await import("../../functions/stack.ts");
  return { journal, router, logLines };
}

const noLines = () => undefined;

function tellsRouterOnly({ topics }: Topology, topicArn: string, noticeQueue: string): boolean {
  const subscriptions = findTopic(topics, topicArn)?.subscriptions ?? [];
  const [only] = subscriptions;
  return subscriptions.length === 1 && only?.kind === "queue" && only.queue === noticeQueue && only.rawDelivery;
}

function nothingFailed(answer: unknown): boolean {
  const failures: unknown =
    typeof answer === "object" && answer !== null && "batchItemFailures" in answer
      ? answer.batchItemFailures
      : undefined;
  return Array.isArray(failures) && failures.length === 0;
}

/**
 * Ports that keep what is written and answer what the store will: nobody has decided yet. The store checks that in the
 * transaction. They have nothing else.
 */
function portsThatKeep(
  writes: PipelineWrite[],
  { known, clock, random }: { known: ReadonlySet<string>; clock: Clock; random: Random },
): Ports {
  const ledger: Pick<Ports["ledger"], "putMeta" | "decide" | "routed"> = {
    async putMeta(meta) {
      writes.push({ kind: "put-meta", meta });
    },
    async decide(decisions) {
      writes.push({ kind: "decide", decisions });
      const updatedAt = clock.now().toISOString();
      return decisions.map((decision) => undisputed(decision, updatedAt));
    },
    async routed(sesMessageId, recipients) {
      writes.push({ kind: "routed", sesMessageId, recipients });
    },
  };
  const queues: Pick<Ports["queues"], "send"> = {
    async send(queue, messages) {
      if (!known.has(queue)) throw new UnknownQueueError(queue, [...known]);
      const refused = messages.flatMap((message) => {
        const cause = reasonToRefuse(message);
        return cause === undefined ? [] : [{ id: message.id, cause }];
      });
      const taken = messages.filter(({ id }) => !refused.some((entry) => entry.id === id));
      if (taken.length > 0) writes.push({ kind: "send", queue, messages: taken });
      return refused;
    },
  };
  // A port or method that is missing throws where it is used, which is what is wanted.
  return { clock, random, ledger, queues } as unknown as Ports;
}

function undisputed(decision: Decision, updatedAt: string): RecipientRecord {
  return { ...decision, state: decision.stream === null ? "done" : "decided", attempts: 0, updatedAt };
}
