import { findEngine } from "../local/store/lock.ts";
import { settleCompaction } from "../local/store/owed-compaction.ts";
import type { Suppression } from "../shared/ports.ts";
import {
  type ImportRow,
  manageSuppressions,
  type Standing,
  type SuppressionManager,
  type Whom,
} from "../shared/unsubscribe/manage.ts";
import { callEngine } from "./call-engine.ts";
import { dataFolderOf, type FolderOptions } from "./data-folder.ts";
import { openFolder } from "./open-folder.ts";

/** The suppression list of a data folder: through the engine that runs there, or without one in the folder itself. */
export interface SuppressionAccess
  extends Pick<SuppressionManager, "add" | "remove" | "forget" | "importRows" | "check"> {
  list(options: { readonly after?: string; readonly limit: number }): Promise<readonly Suppression[]>;
  close(): Promise<void>;
}

const compactionTries = 40;

/** @throws {FolderInUseError | AddressKeyChangedError | ConfigError} */
export async function openSuppressions(options: FolderOptions): Promise<SuppressionAccess> {
  const folder = await dataFolderOf(options);
  return (await findEngine(folder)) ? throughEngine(folder) : inFolder(folder, options.config);
}

function throughEngine(folder: string): SuppressionAccess {
  const post = (path: string, body: object) => callEngine(folder, "POST", `/api/suppressions${path}`, body);
  const result = async <T>(answer: Promise<unknown>) => ((await answer) as { readonly result: T }).result;
  const query = (given: object) => new URLSearchParams(Object.entries(given) as [string, string][]);
  return {
    add: (given) => result(post("", given)),
    remove: (given) => result(post("/remove", given)),
    forget: (given) => post("/forget", given) as Promise<{ readonly person: string }>,
    importRows: (rows: readonly ImportRow[], source) =>
      post("/import", { rows, source }) as Promise<{ readonly added: number; readonly known: number }>,
    check: (given: Whom & { readonly list?: string }) =>
      callEngine(folder, "GET", `/api/suppressions/check?${query(given)}`) as Promise<Standing>,
    list: async (options) => {
      const answer = await callEngine(folder, "GET", `/api/suppressions?${query(options)}`);
      return (answer as { readonly suppressions: readonly Suppression[] }).suppressions;
    },
    close: async () => undefined,
  };
}

async function inFolder(folder: string, configFile: string | undefined): Promise<SuppressionAccess> {
  const { store, clock, random, close } = await openFolder(folder, configFile);
  try {
    const manager = await manageSuppressions({ ...store.ports, clock, random });
    return {
      ...manager,
      async forget(given: Whom) {
        const forgotten = await manager.forget(given);
        await settleCompaction(store.database, compactionTries);
        return forgotten;
      },
      list: (options) => store.ports.suppressions.list(options),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
