import type {
  Clock,
  Ledger,
  ObjectStore,
  Propagations,
  Quarantine,
  Records,
  Suppressions,
  Tickets,
} from "../../shared/ports.ts";
import { createActionLog } from "./actions.ts";
import { readContents } from "./contents.ts";
import { type Database, openDatabase } from "./database.ts";
import type { EngineStore } from "./engine-store.ts";
import { type FileSystem, nodeFileSystem } from "./files.ts";
import { dataFolder } from "./layout.ts";
import { createLedger } from "./ledger.ts";
import { readMessages } from "./messages.ts";
import { readObjects } from "./objects.ts";
import { type OutboxReading, readOutbox } from "./outbox-entries.ts";
import { createOverview } from "./overview.ts";
import { createPropagations } from "./propagations.ts";
import { createQuarantine } from "./quarantine.ts";
import { createRecords } from "./records.ts";
import { createRefusals } from "./refusals.ts";
import { createRuleSetSnapshots } from "./rule-set-snapshots.ts";
import { createRuleSets, type RuleSets } from "./rule-sets.ts";
import { createSuppressions } from "./suppressions.ts";
import { createTickets } from "./tickets.ts";

/** What can be seen without an engine. */
export interface ReadOnlyStore {
  readonly engine: Pick<
    EngineStore,
    | "message"
    | "openRaw"
    | "unended"
    | "countUnended"
    | "verification"
    | "ruleSetSnapshot"
    | "actionLog"
    | "refusals"
    | "refusalCount"
    | "list"
    | "status"
  >;
  readonly ports: {
    readonly objects: Pick<ObjectStore, "head" | "open" | "list">;
    readonly ledger: Pick<Ledger, "meta" | "recipients" | "unfinished">;
    readonly suppressions: Pick<Suppressions, "check" | "of" | "history" | "list">;
    readonly tickets: Pick<Tickets, "threads" | "get" | "list">;
    readonly quarantine: Pick<Quarantine, "get" | "list">;
    readonly records: Pick<Records, "list">;
    readonly propagations: Pick<Propagations, "of" | "get">;
    readonly outbox: OutboxReading;
  };
  /** What the SES API made, and which set it activated. */
  readonly ruleSets: Pick<RuleSets, "read" | "revision">;
  readonly database: Pick<Database, "read">;
  close(): Promise<void>;
}

/**
 * Reads a data folder beside a running engine or without one; changes nothing.
 *
 * @throws {ForeignDatabaseError} when there is no database, or one of another program or version
 */
export async function openStoreReadOnly(
  root: string,
  clock: Clock = { now: () => new Date() },
  fs: FileSystem = nodeFileSystem,
): Promise<ReadOnlyStore> {
  const folder = dataFolder(root);
  const database = openDatabase({ file: folder.database, folder: root, readOnly: true });
  const contents = readContents(database, fs, folder.contents);
  // Queues are shown as they are found; which of them somebody reads is the engine's knowledge.
  const topology = { topics: [], buckets: [], queues: [], functions: [] };
  return {
    engine: {
      ...readMessages(database, contents),
      ...createRuleSetSnapshots(database),
      ...createActionLog(database),
      ...createRefusals(database),
      ...createOverview(database, topology, clock),
    },
    ports: {
      objects: readObjects(database, contents),
      ledger: createLedger(database, clock),
      suppressions: createSuppressions(database, clock),
      tickets: createTickets(database, clock),
      quarantine: createQuarantine(database),
      records: createRecords(database),
      propagations: createPropagations(database, clock),
      outbox: readOutbox(database, contents),
    },
    ruleSets: createRuleSets(database),
    database,
    close: () => database.close(),
  };
}
