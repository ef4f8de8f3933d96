import { join } from "node:path";
import type { Topology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { createImapMailboxes } from "../../shared/delivery/imap-mailbox.ts";
import type { AccountList, Clock, Ports, Random, Webhooks } from "../../shared/ports.ts";
import { createWebhooks } from "../../shared/propagation/guarded-post.ts";
import type { Propagation } from "../../shared/propagation/message.ts";
import type { IpFilter } from "../../shared/receipt/model.ts";
import { createActions } from "./actions.ts";
import { type Contents, openContents } from "./contents.ts";
import { type Database, openDatabase, type Transaction } from "./database.ts";
import type { EngineStore } from "./engine-store.ts";
import { DataFolderError, folderTrouble } from "./errors.ts";
import { errorCode, type FileSystem, makeFolder, nodeFileSystem, removeFile } from "./files.ts";
import { createInvocations } from "./invocations.ts";
import { createKeyStore } from "./key-store.ts";
import { type DataFolder, dataFolder } from "./layout.ts";
import { createLedger } from "./ledger.ts";
import { createLimits } from "./limits.ts";
import { createMailboxes } from "./mailboxes.ts";
import { createMessages } from "./messages.ts";
import { createObjects } from "./objects.ts";
import { type ComposeBounce, type LocalOutbox, openOutbox } from "./outbox.ts";
import { createOverview } from "./overview.ts";
import { hashPlainSuppressions } from "./plain-suppressions.ts";
import { createPropagations } from "./propagations.ts";
import { createQuarantine } from "./quarantine.ts";
import { createQueues, createSending, type LocalQueues, uuid } from "./queues.ts";
import { createRecords } from "./records.ts";
import { createRefusals } from "./refusals.ts";
import { releaseTaken } from "./release-taken.ts";
import { createRuleSetSnapshots } from "./rule-set-snapshots.ts";
import { createSecrets } from "./secrets.ts";
import { createSenders } from "./senders.ts";
import { createSuppressions } from "./suppressions.ts";
import { createTallies } from "./tallies.ts";
import { createTickets } from "./tickets.ts";
import { createPublishing, createTopics } from "./topics.ts";

export interface StoreOptions {
  /** The data folder; made when it is missing (see `layout.ts`). The caller holds its lock (`lock.ts`). */
  readonly folder: string;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: Node's. */
  readonly fs?: FileSystem;
  /** Writes the DSN of `Outbox.sendBounce`. Without it that port refuses to send. */
  readonly composeBounce?: ComposeBounce;
  /** Whether somebody takes outgoing mail and sends it (`takeOutgoing`); otherwise it is kept. Default false. */
  readonly sendsMail?: boolean;
  /** Keys of the local key store; default: every ARN names one. */
  readonly kmsKeyArns?: readonly string[];
  readonly ipFilters?: readonly IpFilter[];
  /** The configured token keys; default: one generated key in the folder. */
  readonly tokens?: ResolvedConfig["tokens"];
  /** Whether tickets are to be brought elsewhere (`tickets.sinks`). Default false. */
  readonly hasTicketSinks?: boolean;
  /** Default: real requests, to public addresses only. */
  readonly webhooks?: Webhooks;
  /** Where secrets may be read from. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** An upper bound of the database in pages of 4 KB, for tests of a full disk. */
  readonly maxDatabasePages?: number;
}

export interface Store {
  readonly ports: Omit<Ports, "clock" | "random"> & { readonly queues: LocalQueues; readonly outbox: LocalOutbox };
  readonly engine: EngineStore;
  readonly folder: DataFolder;
  readonly database: Database;
  readonly contents: Contents;
  /** Commits what is queued, writes outgoing mail to its folder, and closes. */
  close(): Promise<void>;
}

/**
 * Everything that the engine keeps, on one database and one folder.
 *
 * @throws {DataFolderError} when the folder cannot be made or used
 * @throws {ForeignDatabaseError} when the database is of another program, or of a newer Mailweir
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { topology, clock, random, fs = nodeFileSystem } = options;
  const folder = dataFolder(options.folder);
  await prepareFolder(fs, folder);
  const database = openDatabase({
    file: folder.database,
    folder: folder.root,
    ...(options.maxDatabasePages !== undefined && { maxPages: options.maxDatabasePages }),
  });
  try {
    await releaseTaken(database, clock.now());
    const contents = await openContents(database, fs, folder.contents);
    const sending = createSending(topology.queues, clock, random);
    const publishing = createPublishing(topology, sending, clock, random);
    const queueOf = (name: string) => topology.queues.find(({ consumer }) => consumer?.functionName === name)?.name;
    const feedbackQueue = queueOf("feedback");
    const outbox = await openOutbox(database, {
      contents,
      fs,
      folder: folder.outbox,
      clock,
      composeBounce: options.composeBounce ?? noComposer,
      newName: () => uuid(random),
      sends: options.sendsMail ?? false,
      feedback: (tx, event) => {
        if (feedbackQueue !== undefined) sending.enqueue(tx, feedbackQueue, JSON.stringify(event));
      },
    });
    const secrets = createSecrets(
      { ...(options.tokens && { tokens: options.tokens }) },
      folder.keys,
      options.env ?? {},
    );
    await hashPlainSuppressions(database, secrets);
    const propagateQueue = queueOf("propagate");
    const handOver = (tx: Transaction, message: Propagation) => {
      if (propagateQueue !== undefined) sending.enqueue(tx, propagateQueue, JSON.stringify(message));
    };
    const imap = createImapMailboxes({ secrets });
    const ports = {
      objects: createObjects(database, contents, clock, () => uuid(random)),
      queues: createQueues(database, topology.queues, clock, random),
      topics: createTopics(database, publishing),
      keys: createKeyStore(fs, folder.keys, random, options.kmsKeyArns),
      secrets,
      ledger: createLedger(database, clock, topology.queues),
      suppressions: createSuppressions(database, clock, handOver),
      propagations: createPropagations(database, clock),
      webhooks: options.webhooks ?? createWebhooks(),
      // One machine has no SES account.
      accountList: { put: async () => "none", remove: async () => "none" } satisfies AccountList,
      tickets: createTickets(database, clock, options.hasTicketSinks === true ? handOver : undefined),
      mailboxes: createMailboxes(database, fs, folder.maildir, imap),
      quarantine: createQuarantine(database),
      records: createRecords(database),
      outbox,
      limits: createLimits(database, clock),
      tallies: createTallies(database, clock),
      senders: createSenders(database),
    };
    const engine: EngineStore = {
      ...createMessages(database, contents, clock),
      ...createRuleSetSnapshots(database),
      ...createActions(database, { topology, contents, sending, publishing, outbox, clock, random }),
      ...createRefusals(database),
      ...createInvocations(database, clock),
      ...createOverview(database, topology, clock),
      onChange: database.onWake,
      ipFilters: async () => options.ipFilters ?? [],
    };
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= outbox
        .close()
        .then(contents.close)
        .finally(imap.close)
        .finally(() => database.close());
      return closing;
    };
    return { ports, engine, folder, database, contents, close };
  } catch (error) {
    await database.close();
    throw error;
  }
}

const noComposer: ComposeBounce = async () => {
  throw new Error("this store was opened without composeBounce: it cannot write bounces");
};

async function prepareFolder(fs: FileSystem, folder: DataFolder): Promise<void> {
  try {
    await makeFolder(fs, folder.root);
    await makeFolder(fs, folder.spool);
    // What was still arriving got no 250: its sender will send it again.
    for (const name of await fs.readdir(folder.spool)) await removeFile(fs, join(folder.spool, name));
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    throw new DataFolderError(folder.root, folderTrouble(code), { cause: error });
  }
}
