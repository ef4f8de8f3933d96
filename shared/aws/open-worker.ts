import type { ResolvedConfig } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import { deferred } from "./deferred.ts";
import { openDynamo } from "./dynamo.ts";
import { createEffects } from "./effects.ts";
import type { Environment } from "./environment.ts";
import { createLedger } from "./ledger.ts";
import { clock, connectionOf, inLedger, random } from "./machine.ts";
import { openObjects } from "./objects.ts";
import { openQueues } from "./queues.ts";
import type { AwsSuppressions } from "./suppressions.ts";

/** A function was wired without what it asks for. */
export class MailboxesElsewhereError extends MailweirError {
  readonly code = "ERR_MAILBOXES_ELSEWHERE";
  readonly retryable = false;
}

/**
 * Every port but mailboxes, for whatever works on one mail; the function's role says which of them it may really use. What every worker
 * needs is there at the start, the others are loaded at their first call.
 */
export function openWorker(
  environment: Environment,
  config: ResolvedConfig,
): Ports & { readonly suppressions: AwsSuppressions } {
  const connection = connectionOf(environment);
  const { ledgerTable, storeTable } = environment;
  const dynamo = openDynamo(connection);
  const effects = createEffects(dynamo, ledgerTable);
  const queues = openQueues(connection, environment.accountId);
  const objects = openObjects(connection);
  const sinks = { queues, propagateQueue: config.names.propagateQueue };
  const hasSinks = Object.keys(config.tickets.sinks).length > 0;
  const keys = deferred(async () => (await import("./kms-keys.ts")).openKmsKeys(connection));
  const secrets = deferred(async () => (await import("./secrets.ts")).openSecrets(connection, config, clock));
  return {
    clock,
    random,
    objects,
    queues,
    keys,
    ledger: createLedger(dynamo, inLedger(environment)),
    topics: deferred(async () => (await import("./topics.ts")).openTopics(connection)),
    secrets,
    suppressions: deferred(async () => {
      const { createSuppressions } = await import("./suppressions.ts");
      const { propagateQueue } = config.names;
      return createSuppressions(dynamo, effects, { table: storeTable, clock, queues, propagateQueue });
    }),
    propagations: deferred(async () =>
      (await import("./propagations.ts")).createPropagations(dynamo, inLedger(environment)),
    ),
    webhooks: deferred(async () => (await import("../propagation/guarded-post.ts")).createWebhooks()),
    accountList: deferred(async () => (await import("./account-list.ts")).openAccountList(connection)),
    tickets: deferred(async () =>
      (await import("./tickets.ts")).createTickets(dynamo, effects, storeTable, clock, hasSinks ? sinks : undefined),
    ),
    // Mailboxes bring an IMAP client with them: only who delivers carries it (open-delivery-worker.ts).
    mailboxes: deferred(async () => {
      throw new MailboxesElsewhereError("This function delivers to no mailboxes: open it with open-delivery-worker.ts");
    }),
    quarantine: deferred(async () =>
      (await import("./quarantine.ts")).createQuarantine(dynamo, { ledgerTable, storeTable }),
    ),
    records: deferred(async () => (await import("./records.ts")).createRecords(dynamo, effects, storeTable)),
    outbox: deferred(async () => {
      const { openOutbox } = await import("./outbox.ts");
      return openOutbox(connection, dynamo, {
        ...inLedger(environment),
        configurationSet: config.names.configurationSet,
      });
    }),
    senders: deferred(async () => (await import("./senders.ts")).createSenders(dynamo, storeTable)),
    tallies: deferred(async () => (await import("./tallies.ts")).createTallies(dynamo, inLedger(environment))),
    limits: deferred(async () => (await import("./limits.ts")).createLimits(dynamo, inLedger(environment))),
  };
}
