import type { ResourceNames } from "../../shared/config/types.ts";
import { type Header, parseHeaderSection } from "../../shared/mail/headers.ts";
import type { Clock } from "../../shared/ports.ts";
import {
  consequenceOfFailure,
  type EvaluationState,
  nextStep,
  type PerformStep,
  type StoppedBy,
  wantsScan,
} from "../../shared/receipt/evaluate.ts";
import type { ReceiptAction, RuleSet } from "../../shared/receipt/model.ts";
import type { ReceiptSigner } from "../../shared/receipt/receipt-signer.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Log } from "../log.ts";
import type {
  AcceptedMessage,
  ActionEffect,
  ActionLogEntry,
  EngineStore,
  MessageEnd,
  MessageRun,
  RuleMetric,
  Verification,
} from "../store/engine-store.ts";
import type { ActionInput, ActionTools, Performed } from "./action.ts";
import { actionOutcomes, dispositionOfFailure } from "./action-outcomes.ts";
import { MessageIncompleteError } from "./errors.ts";
import { performAction } from "./perform-action.ts";
import { retryAt } from "./retry.ts";
import { buildStoredBlock, quotedHeader, readHeader } from "./stored-block.ts";
import { untoldRecipients } from "./untold.ts";
import type { Verify } from "./verify.ts";

export interface RunMessageOptions {
  readonly store: Pick<
    EngineStore,
    "message" | "openRaw" | "verification" | "ruleSetSnapshot" | "actionLog" | "recordRun"
  >;
  readonly verify: Verify;
  readonly tools: ActionTools;
  readonly names: Pick<ResourceNames, "bucket" | "noticeTopicArn">;
  readonly sign: ReceiptSigner;
  readonly clock: Clock;
  /** What follows a synchronous function that failed for four hours. Default: SES's presumed `drop`. */
  readonly onSyncFailure?: "drop" | "continue";
  /** Whether it is tried again during those hours. Default true. */
  readonly retrySyncFailures?: boolean;
  readonly log: Pick<Log, "info" | "warn">;
  /** Default: on this machine. */
  readonly perform?: typeof performAction;
  /** Where given, functions of the pipeline have run by the time that they would be told (run-ahead.ts). */
  readonly runAhead?: (effect: ActionEffect) => Promise<ActionEffect>;
  /** Where messages go on, when not on this machine: the end of the rules is then the end of them here. */
  readonly handedOverTo?: string;
}

export type RunResult =
  | { readonly kind: "ended"; readonly stoppedBy?: StoppedBy }
  /** Actions wait for their next attempt; the store knows when (`dueActions`). */
  | { readonly kind: "waiting" };

/**
 * Takes one message through its rule set, as far as it goes now. Whatever was recorded stays; whatever was not is done: so
 * it may be stopped at any point and called again, after a crash too. Not twice at once for one message.
 *
 * @throws when the store cannot be read or written, or knows no such message: nothing is lost, try again later
 */
export async function runMessage(sesMessageId: SesMessageId, options: RunMessageOptions): Promise<RunResult> {
  try {
    return await runOnce(sesMessageId, options, "together");
  } catch (error) {
    if (!missingTarget(error) && !isConflict(error)) throw error;
    // Nothing of the run was kept. By itself each action finds out what stands in its way.
    const { runAhead: _, ...byThemselves } = options;
    return runOnce(sesMessageId, byThemselves, "one by one");
  }
}

/** Whether what the actions come to is committed together, as far as none of them reaches out of the store, or one by one. */
type Commits = "together" | "one by one";

async function runOnce(sesMessageId: SesMessageId, given: RunMessageOptions, commits: Commits): Promise<RunResult> {
  const { clock } = given;
  const message = await given.store.message(sesMessageId);
  if (!message) throw new MessageIncompleteError(sesMessageId, "envelope");
  const store = message.sizeBytes <= maxHeldBytes ? readingOnce(given.store) : given.store;
  const options = { ...given, store };
  const ruleSet = await store.ruleSetSnapshot(message.ruleSetSnapshot);
  if (!ruleSet) throw new MessageIncompleteError(sesMessageId, "rule set");
  const state = { ruleSet, recipients: message.recipients, tls: message.client.tls !== undefined };
  const run = startRun(sesMessageId, options);
  const verification = await verifyOnce(message, wantsScan(state), run, options);
  if (commits === "one by one") await run.commit();
  const front = rememberFront(message, verification, options);
  const log = new Map((await store.actionLog(sesMessageId)).map((entry) => [place(entry), entry]));

  while (true) {
    const now = clock.now();
    const step = nextStep({ ...state, outcomes: actionOutcomes(log.values(), now) } satisfies EvaluationState);
    if (step.kind === "wait") {
      await run.commit();
      return { kind: "waiting" };
    }
    if (step.kind === "end") {
      await end(message, ruleSet, [...log.values()], step.stoppedBy, run, options);
      return { kind: "ended", ...(step.stoppedBy && { stoppedBy: step.stoppedBy }) };
    }
    const input = actionInput(message, verification, step, front, now, options);
    const alone = commits === "one by one" || options.perform !== undefined || reachesOut(step.action);
    // What was judged, and what came before, is recorded before anything is done that cannot be taken back.
    if (alone) await run.commit();
    const entry = await attempt(input, log.get(place(step)), ruleSet, alone, run, options);
    log.set(place(step), entry);
  }
}

// What the store keeps in a row: authentication, scanner and headers are given one reading of it.
const maxHeldBytes = 65_536;

function readingOnce(store: RunMessageOptions["store"]): RunMessageOptions["store"] {
  let read: Promise<readonly Uint8Array[]> | undefined;
  return {
    ...store,
    async *openRaw(sesMessageId) {
      read ??= allOf(store.openRaw(sesMessageId));
      yield* await read;
    },
  };
}

async function allOf(chunks: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const read: Uint8Array[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return read;
}

/** What a run has come to and has not committed. */
interface Run {
  verified(verification: Verification): void;
  acted(entry: ActionLogEntry, effects: readonly ActionEffect[]): void;
  commit(end?: MessageEnd): Promise<void>;
}

function startRun(sesMessageId: SesMessageId, { store, runAhead, log }: RunMessageOptions): Run {
  let verification: Verification | undefined;
  let actions: MessageRun["actions"] = [];
  return {
    verified(found) {
      verification = found;
    },
    acted(entry, effects) {
      actions = [...actions, { entry, effects }];
    },
    async commit(end) {
      if (!verification && actions.length === 0 && !end) return;
      const run: MessageRun = {
        ...(verification && { verification }),
        actions: runAhead ? await ahead(actions, runAhead) : actions,
        ...(end && { end }),
      };
      verification = undefined;
      actions = [];
      await store.recordRun(sesMessageId, run);
      for (const { effects } of run.actions) for (const effect of effects) tellOfPipeline(sesMessageId, effect, log);
    },
  };
}

/** The lines that the functions would have written themselves. */
function tellOfPipeline(sesMessageId: SesMessageId, effect: ActionEffect, log: Pick<Log, "info">): void {
  if (effect.kind !== "pipeline") return;
  for (const write of effect.writes) {
    if (write.kind === "put-meta") {
      log.info("receipt recorded", { sesMessageId, recipients: write.meta.recipients.length });
    }
    if (write.kind === "decide") {
      const { decisions } = write;
      log.info("mail routed", {
        sesMessageId,
        recipients: decisions.length,
        nature: decisions[0]?.nature.kind,
        streams: [...new Set(decisions.map(({ stream, outcome }) => stream ?? outcome ?? "none"))].join(" "),
      });
    }
  }
}

async function ahead(actions: MessageRun["actions"], runAhead: NonNullable<RunMessageOptions["runAhead"]>) {
  const run: { entry: ActionLogEntry; effects: ActionEffect[] }[] = [];
  for (const { entry, effects } of actions) {
    const done: ActionEffect[] = [];
    for (const effect of effects) done.push(await runAhead(effect));
    run.push({ entry, effects: done });
  }
  return run;
}

/** What was judged once is never judged again: keys and scanners change, and a message must not change its course. */
async function verifyOnce(message: AcceptedMessage, scan: boolean, run: Run, { store, verify }: RunMessageOptions) {
  const known = await store.verification(message.sesMessageId);
  if (known) return known;
  const verification = await verify(message, () => store.openRaw(message.sesMessageId), scan);
  run.verified(verification);
  return verification;
}

/** One attempt at one action, recorded with its effects in one transaction: its own one when it is `alone`. */
async function attempt(
  input: ActionInput,
  before: ActionLogEntry | undefined,
  ruleSet: RuleSet,
  alone: boolean,
  run: Run,
  options: RunMessageOptions,
) {
  const { message, step, action, now } = input;
  const attempts = before?.attempts ?? 0;
  // Begun and never ended: the engine ended first. What it had done, if anything, nobody knows.
  const interrupted = before?.state === "pending" && before.dueAt === undefined;
  const deadly = interrupted && attempts >= maxInterruptions;
  const { clock, log } = options;
  const row = {
    ruleIndex: step.ruleIndex,
    actionIndex: step.actionIndex,
    ruleName: step.rule.name,
    actionType: action.type,
    recipients: step.recipients,
    attempts: attempts + 1,
    startedAt: now.toISOString(),
  };
  const record = async (
    rest: Omit<ActionLogEntry, keyof typeof row | "durationMs">,
    effects: readonly ActionEffect[],
  ) => {
    const entry: ActionLogEntry = { ...row, ...rest, durationMs: clock.now().getTime() - now.getTime() };
    run.acted(entry, effects);
    if (alone) await run.commit();
    return entry;
  };
  const count = (metric: RuleMetric): ActionEffect => ({
    kind: "count",
    metric,
    ruleName: step.rule.name,
  });

  // A function that runs now is the one action whose doing is not one transaction with its row.
  if (isSync(action) && !deadly) {
    const counted = interrupted ? [count("PublishFailure")] : [];
    await record({ state: "pending", result: "begun, its answer is awaited" }, counted);
  }
  let performed: Performed | undefined;
  let failure: unknown;
  try {
    if (deadly) throw new Error(`begun ${attempts} times and never ended: it seems to end the engine`);
    performed = await (options.perform ?? performAction)(input, options.tools);
    const { result, disposition, effects } = performed;
    return await record({ state: "done", result, ...(disposition && { disposition }) }, [
      ...effects,
      count("PublishSuccess"),
    ]);
  } catch (error) {
    await performed?.discard?.();
    // The action was ready and the store could not take it: that is no failure of the action, unless a target is missing.
    if (performed && !missingTarget(error)) throw error;
    failure = error;
  }

  const result = text(failure).slice(0, 1_000);
  const once = isSync(action) && options.retrySyncFailures === false;
  const dueAt =
    once || deadly ? undefined : retryAt(row.attempts, message.receivedAt, clock.now(), options.tools.random);
  const fields = {
    sesMessageId: message.sesMessageId,
    rule: step.rule.name,
    action: action.type,
    attempts: row.attempts,
  };
  // SES writes the object before it publishes: a topic that is missing costs the notice, not the mail.
  const stored = missingTarget(failure) === "topic" ? (performed?.effects ?? []).filter(isPlainObject) : [];
  if (dueAt) {
    log.warn("action failed", { ...fields, dueAt: dueAt.toISOString(), error: result });
    return record({ state: "pending", result, dueAt: dueAt.toISOString() }, [...stored, count("PublishFailure")]);
  }
  log.warn("action given up", { ...fields, error: result });
  const then = consequenceOfFailure({ ruleSet, ...step }, options.onSyncFailure);
  return record({ state: "failed", result, disposition: dispositionOfFailure[then] }, [
    ...stored,
    count("PublishFailure"),
    count("PublishExpired"),
  ]);
}

// An engine that is switched off so often during one call is none; a function that takes it down each time is likelier.
const maxInterruptions = 20;

const isSync = (action: ReceiptAction) => action.type === "Lambda" && action.invocationType === "RequestResponse";

/** Whether performing it does, or writes, anything outside the store's transaction. */
function reachesOut(action: ReceiptAction): boolean {
  switch (action.type) {
    case "S3":
      return action.kmsKeyArn !== undefined;
    case "Lambda":
      return isSync(action);
    case "SNS":
    case "Stop":
    case "AddHeader":
      return false;
    default:
      return true;
  }
}

async function end(
  message: AcceptedMessage,
  ruleSet: RuleSet,
  log: readonly ActionLogEntry[],
  stoppedBy: StoppedBy | undefined,
  run: Run,
  { names, ...options }: RunMessageOptions,
): Promise<void> {
  const reason = stoppedBy ? `ended by rule "${stoppedBy.rule}" (${stoppedBy.how})` : "every rule has run";
  const { handedOverTo } = options;
  const notTold = untoldRecipients(message.recipients, ruleSet, log, names, stoppedBy);
  const untold =
    handedOverTo === undefined
      ? notTold
      : message.recipients.map((recipient) => ({
          recipient,
          outcome: notTold.find((entry) => entry.recipient === recipient)?.outcome ?? `handed over to ${handedOverTo}`,
        }));
  await run.commit({ reason, untold });
  options.log.info("rules ended", { sesMessageId: message.sesMessageId, reason, untold: untold.length });
}

function actionInput(
  message: AcceptedMessage,
  verification: Verification,
  { action, ...step }: PerformStep,
  front: (step: Front["step"]) => Front,
  now: Date,
  { store }: RunMessageOptions,
): ActionInput {
  const { verdicts } = verification;
  const { block, header, headers } = front(step);
  return {
    ...{ message, step, action, block, now },
    verdicts: step.scan ? verdicts : { ...verdicts, spam: "DISABLED", virus: "DISABLED" },
    storedBytes: block.length + message.sizeBytes,
    async *stored() {
      yield block;
      yield* store.openRaw(message.sesMessageId);
    },
    headers,
    headerOctets: async () => quotedHeader(block, await header()),
  };
}

/** What stands in front of the body as one rule stores it. */
interface Front {
  readonly step: Pick<PerformStep, "scan" | "addedHeaders">;
  readonly block: Uint8Array;
  /** The beginning of the message as it was received. */
  readonly header: () => Promise<Uint8Array>;
  readonly headers: () => Promise<readonly Header[]>;
}

/** Built once for all actions that see the same. */
function rememberFront(message: AcceptedMessage, verification: Verification, options: RunMessageOptions) {
  const { store, tools, sign } = options;
  const header = rememberHeader(store, message.sesMessageId);
  let last: Front | undefined;
  return (step: Front["step"]): Front => {
    // Headers are only ever added.
    const same = last?.step.scan === step.scan && last.step.addedHeaders.length === step.addedHeaders.length;
    if (last && same) return last;
    const block = buildStoredBlock(message, verification, step, { region: tools.region, sign });
    let parsed: Promise<readonly Header[]> | undefined;
    const headers = () => {
      parsed ??= header().then((octets) => parseHeaderSection(Buffer.concat([block, octets])).headers);
      return parsed;
    };
    last = { step, block, header, headers };
    return last;
  };
}

/** The beginning of the message, read once. */
function rememberHeader(store: Pick<EngineStore, "openRaw">, sesMessageId: SesMessageId): () => Promise<Uint8Array> {
  let read: Promise<Uint8Array> | undefined;
  return () => {
    read ??= readHeader(store.openRaw(sesMessageId));
    return read;
  };
}

function missingTarget(error: unknown): "topic" | "bucket" | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "ERR_UNKNOWN_TOPIC" ? "topic" : code === "ERR_UNKNOWN_BUCKET" ? "bucket" : undefined;
}

function isConflict(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "ERR_PIPELINE_CONFLICT";
}

/** An object that needs no file, and can be written again at the next attempt. */
function isPlainObject(effect: ActionEffect): boolean {
  return effect.kind === "put-object" && effect.content.kind !== "file";
}

const place = ({ ruleIndex, actionIndex }: { readonly ruleIndex: number; readonly actionIndex: number }) =>
  `${ruleIndex}/${actionIndex}`;

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
