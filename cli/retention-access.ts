import { rm } from "node:fs/promises";
import { type ForgetProgress, forgetAddress, tryToForget } from "../local/retention/forget-address.ts";
import { createHolds, type Hold } from "../local/retention/holds.ts";
import { findEngine } from "../local/store/lock.ts";
import { settleCompaction } from "../local/store/owed-compaction.ts";
import { manageSuppressions } from "../shared/unsubscribe/manage.ts";
import { callEngine } from "./call-engine.ts";
import { dataFolderOf, type FolderOptions } from "./data-folder.ts";
import { openFolder } from "./open-folder.ts";

/** Forgetting and holds: through the engine that runs on the folder, or without one in the folder itself. */
export interface RetentionAccess {
  forget(address: string, dryRun: boolean, onProgress: (progress: ForgetProgress) => void): Promise<unknown>;
  holds(): Promise<readonly Hold[]>;
  hold(hold: Omit<Hold, "at">): Promise<void>;
  release(subject: string): Promise<boolean>;
  close(): Promise<void>;
}

// The engine answers nobody while it writes a large database anew.
const patientMs = 900_000;
const pollMs = 1_000;
const compactionTries = 40;

/** @throws {FolderInUseError | AddressKeyChangedError | ConfigError} */
export async function openRetention(options: FolderOptions): Promise<RetentionAccess> {
  const folder = await dataFolderOf(options);
  return (await findEngine(folder)) ? throughEngine(folder) : inFolder(folder, options.config);
}

function throughEngine(folder: string): RetentionAccess {
  const ask = (method: string, path: string, body?: object) => callEngine(folder, method, path, body, [], patientMs);
  return {
    async forget(address, dryRun, onProgress) {
      let answer = await ask("POST", "/api/forget", { address, dryRun });
      for (;;) {
        const { run, progress } = answer as { readonly run?: string; readonly progress?: ForgetProgress | null };
        if (run === undefined) return answer;
        if (progress) onProgress(progress);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
        answer = await ask("GET", `/api/forget/${encodeURIComponent(run)}`);
      }
    },
    holds: async () => ((await ask("GET", "/api/holds")) as { readonly holds: readonly Hold[] }).holds,
    hold: async (hold) => void (await ask("POST", "/api/holds", hold)),
    release: async (subject) =>
      ((await ask("POST", "/api/holds/release", { subject })) as { readonly released: boolean }).released,
    close: async () => undefined,
  };
}

async function inFolder(folder: string, configFile: string | undefined): Promise<RetentionAccess> {
  const { config, store, clock, random, close } = await openFolder(folder, configFile);
  try {
    await settleCompaction(store.database, compactionTries);
    const holds = createHolds(store.database);
    const parts = {
      store,
      search: {
        forget: async () => undefined,
        // The next start makes it anew from the mail that is left.
        async sweep() {
          for (const end of ["", "-wal", "-shm"]) await rm(`${store.folder.search}${end}`, { force: true });
        },
      },
      forgetPerson: async (address: string) =>
        (await manageSuppressions({ ...store.ports, clock, random })).forget({ address }),
      configuration: JSON.stringify(config),
    };
    return {
      forget: (address, dryRun, onProgress) => (dryRun ? tryToForget : forgetAddress)(parts, address, onProgress),
      holds: async () => holds.list(),
      hold: (hold) => holds.hold({ ...hold, at: clock.now().toISOString() }),
      release: holds.release,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
