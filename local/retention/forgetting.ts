import type { Clock, Random } from "../../shared/ports.ts";
import { ForgetRefusedError, ForgetUnfinishedError } from "../../shared/retention/errors.ts";
import type { Log } from "../log.ts";
import { settleCompaction } from "../store/owed-compaction.ts";
import { type ForgetParts, type ForgetProgress, type Forgotten, forgetAddress, tryToForget } from "./forget-address.ts";
import { addressesBeingForgotten, deleteForgetRecord } from "./forget-record.ts";

export interface ForgetRun {
  readonly id: string;
  /** How far it is; of one that waits for another run, `undefined`. */
  progress(): ForgetProgress | undefined;
  readonly result: Promise<Forgotten | { readonly messages: readonly string[] }>;
}

export interface Forgetting {
  /** Begins, or joins the run that is under way with the same words. */
  begin(address: string, how: "forget" | "look"): ForgetRun;
  /** A run of this process; its result can be had a while longer. */
  run(id: string): ForgetRun | undefined;
  /** Finishes what was begun and not ended before this process. */
  resume(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Ends the run that is under way at its next step, begins no other; what it had begun goes on at the next start. */
  stop(): Promise<void>;
}

const remembered = 50;
const compactionTries = 40;

/** Runs of `forgetAddress`, one behind the other: they take long, and a connection that breaks ends none of them. */
export function createForgetting(
  parts: ForgetParts,
  { clock, random, log }: { readonly clock: Clock; readonly random: Random; readonly log: Pick<Log, "info" | "error"> },
): Forgetting {
  const runs = new Map<string, ForgetRun & { readonly words: string; ended: boolean }>();
  let last: Promise<unknown> = Promise.resolve();
  let stopped = false;

  const begin = (address: string, how: "forget" | "look"): ForgetRun => {
    const words = `${how} ${address}`;
    const known = [...runs.values()].find((run) => run.words === words && !run.ended);
    if (known) return known;
    const id = Buffer.from(random.bytes(12)).toString("base64url");
    let progress: ForgetProgress | undefined;
    const report = (now: ForgetProgress) => {
      if (stopped) throw new ForgetUnfinishedError("the engine is stopping");
      progress = now;
    };
    const began = clock.now().getTime();
    const result = last.then(async () => {
      if (stopped) throw new ForgetUnfinishedError("the engine is stopping");
      if (how === "look") return tryToForget(parts, address, report);
      const forgotten = await forgetAddress(parts, address, report);
      log.info("address forgotten", {
        person: forgotten.person,
        messages: forgotten.messages,
        seconds: Math.round((clock.now().getTime() - began) / 1_000),
      });
      return forgotten;
    });
    const run = { id, words, ended: false, progress: () => progress, result };
    runs.set(id, run);
    last = result
      .catch(() => undefined)
      .finally(() => {
        run.ended = true;
        for (const old of [...runs.keys()].slice(0, -remembered)) if (runs.get(old)?.ended) runs.delete(old);
      });
    return run;
  };

  return {
    begin,
    run: (id) => runs.get(id),
    resume() {
      for (const address of parts.store.database.read(addressesBeingForgotten)) {
        begin(address, "forget").result.catch((error: unknown) => notFinished(error, address));
      }
      last = last
        .then(async () => stopped || settleCompaction(parts.store.database, compactionTries))
        .catch((error: unknown) => log.error("the database could not be written anew", { cause: String(error) }));
    },
    async idle() {
      for (let seen: unknown; seen !== last; ) {
        seen = last;
        await last;
      }
    },
    async stop() {
      stopped = true;
      await last;
    },
  };

  /** What somebody decided meanwhile counts more than what was begun: it is not tried again and again. */
  async function notFinished(error: unknown, address: string): Promise<void> {
    const cause = error instanceof Error ? error.message.replaceAll(address, "the address") : String(error);
    log.error("an address that was being forgotten is not yet", { cause });
    if (!(error instanceof ForgetRefusedError)) return;
    await parts.store.database.write((tx) => deleteForgetRecord(tx, address));
  }
}
