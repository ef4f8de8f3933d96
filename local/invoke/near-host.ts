import { AsyncLocalStorage } from "node:async_hooks";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import type { SqsEvent, SqsRecord } from "../../shared/receipt/notification.ts";
import type { SqsBatchResponse } from "../../shared/receipt/sqs-event.ts";
import { decodeStreamMessage } from "../../shared/streams/read-stream-message.ts";
import type { Log } from "../log.ts";
import type { FunctionHost, InvokeOptions, InvokeOutcome } from "./function-host.ts";
import { lambdaContext } from "./lambda-context.ts";
import { type Handler, loadWork } from "./load-function.ts";
import { choosesByUsersCode } from "./users-code.ts";

/** Workers that do nothing but read a mail and write into the store: they wait for nobody outside. */
const nearFunctions = new Set(["work-ticket", "work-unsubscribe", "work-personal", "work-record", "work-quarantine"]);

/** Whether a queue's messages are worked on in the engine's own thread, as far as they are small. */
export const isNear = (functionName: string, config: ResolvedConfig): boolean =>
  nearFunctions.has(functionName) && !choosesByUsersCode(config);

// What is larger takes long enough, if it is made for that, to be noticed by whoever sends mail meanwhile.
const maxNearBytes = 32_768;

export interface NearHostOptions {
  /** Where everything else runs. */
  readonly threads: FunctionHost;
  readonly ports: Ports;
  readonly config: ResolvedConfig;
  readonly log: Log;
}

interface Running {
  /** Its time ran out: what it still does is refused. */
  over: boolean;
}

/**
 * Runs our own workers beside the store for small mail, and all else in threads (docs/decisions/020): a mail then costs no
 * thread's heap and compiler, and no message for each call of a port. Nothing of the user's runs here.
 */
export function createNearHost({ threads, ports, config, log }: NearHostOptions): FunctionHost {
  const running = new AsyncLocalStorage<Running>();
  const handlers = new Map<string, Promise<Handler>>();
  const underWay = new Set<Promise<unknown>>();
  const now = () => ports.clock.now().getTime();
  const guarded = refusingLate(ports, running);
  // Where nothing is near, nothing of it is loaded.
  let stack: Promise<typeof import("../../functions/stack.ts")> | undefined;

  const handlerOf = (name: string) => {
    const known = handlers.get(name);
    if (known) return known;
    // The stack around it adds nothing outside Lambda.
    const loading = loadWork(name).then((work) => work(guarded, config));
    handlers.set(name, loading);
    loading.catch(() => handlers.delete(name));
    return loading;
  };

  const run = async (functionName: string, event: SqsEvent, options: InvokeOptions): Promise<InvokeOutcome> => {
    stack ??= import("../../functions/stack.ts");
    const { logLines } = await stack;
    const { timeoutMs } = options;
    const invocation: Running = { over: false };
    const context = lambdaContext(functionName, options, config, now);
    const work = running.run(invocation, () =>
      logLines.run(log.take, async (): Promise<InvokeOutcome> => {
        try {
          const handler = await handlerOf(functionName);
          return { kind: "returned", value: await handler(event, context) };
        } catch (error) {
          return {
            kind: "failed",
            code: error instanceof Error && "code" in error ? String(error.code) : "ERR_UNEXPECTED",
            cause: error instanceof Error ? error.message : String(error),
          };
        }
      }),
    );
    // Real time, as in threads.
    const { promise: timedOut, resolve } = Promise.withResolvers<InvokeOutcome>();
    const timer = setTimeout(() => {
      invocation.over = true;
      resolve({ kind: "timed-out", cause: `${functionName} did not answer within ${timeoutMs} ms` });
    }, timeoutMs);
    try {
      return await Promise.race([work, timedOut]);
    } finally {
      clearTimeout(timer);
    }
  };

  /** Small messages here, the others in a thread; the answer is that of one batch. */
  const divide = async (functionName: string, event: SqsEvent, options: InvokeOptions): Promise<InvokeOutcome> => {
    const sizes = await Promise.all(event.Records.map((record) => isSmall(record, ports.objects)));
    const small = event.Records.filter((_, index) => sizes[index]);
    if (small.length === event.Records.length) return run(functionName, event, options);
    if (small.length === 0) return threads.invoke(functionName, event, options);
    const large = event.Records.filter((_, index) => !sizes[index]);
    const [here, there] = await Promise.all([
      run(functionName, { Records: small }, options),
      threads.invoke(functionName, { Records: large }, options),
    ]);
    return together([
      { outcome: here, records: small },
      { outcome: there, records: large },
    ]);
  };

  return {
    invoke(functionName, event, options) {
      if (!isNear(functionName, config) || !isBatch(event)) return threads.invoke(functionName, event, options);
      const invocation = divide(functionName, event, options);
      underWay.add(invocation);
      void invocation.finally(() => underWay.delete(invocation));
      return invocation;
    },
    async close(drainMs) {
      const { promise: enough, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, drainMs);
      await Promise.all([threads.close(drainMs), Promise.race([Promise.all(underWay), enough])]);
      clearTimeout(timer);
    },
  };
}

const isBatch = (event: unknown): event is SqsEvent =>
  typeof event === "object" && event !== null && "Records" in event && Array.isArray(event.Records);

/** By what the store says of its object; a message that cannot be read, or whose object is gone, is for a thread. */
async function isSmall({ body }: SqsRecord, objects: Pick<Ports["objects"], "head">): Promise<boolean> {
  try {
    const { content } = decodeStreamMessage(body);
    if (content.kind === "inline") return true;
    const head = await objects.head({ bucket: content.bucket, key: content.key });
    return head !== undefined && head.sizeBytes <= maxNearBytes;
  } catch {
    return false;
  }
}

/** A part that failed as a whole fails with each of its records, and only with those. */
function together(
  parts: readonly { readonly outcome: InvokeOutcome; readonly records: readonly SqsRecord[] }[],
): InvokeOutcome {
  const failed = parts.find(({ outcome }) => outcome.kind !== "returned");
  if (failed && parts.every(({ outcome }) => outcome.kind !== "returned")) return failed.outcome;
  const batchItemFailures = parts.flatMap(({ outcome, records }) =>
    outcome.kind === "returned"
      ? ((outcome.value as Partial<SqsBatchResponse> | undefined)?.batchItemFailures ?? [])
      : records.map(({ messageId }) => ({ itemIdentifier: messageId })),
  );
  return { kind: "returned", value: { batchItemFailures } satisfies SqsBatchResponse };
}

/** The same ports, which refuse an invocation whose time is over. */
function refusingLate(ports: Ports, running: AsyncLocalStorage<Running>): Ports {
  const guard = (port: object): object =>
    Object.fromEntries(
      Object.entries(port).map(([name, member]: [string, unknown]) => [
        name,
        typeof member === "function"
          ? (...args: unknown[]) => {
              if (running.getStore()?.over)
                return Promise.reject(
                  new Error("this invocation is over: its time ran out, and its late effect is refused"),
                );
              return member.apply(port, args) as unknown;
            }
          : member,
      ]),
    );
  const { clock, random, ...rest } = ports;
  const stores = Object.entries(rest).map(([name, port]) => [name, port && guard(port)]);
  // Each port was replaced by an object of the same members.
  return { clock, random, ...(Object.fromEntries(stores) as Omit<Ports, "clock" | "random">) };
}
