import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { lifecycleDays } from "../../infra/deploy/lifecycle-days.ts";
import type { Session } from "../../infra/deploy/session.ts";
import { type Connection, clientOptions } from "../../shared/aws/connection.ts";
import { type Copy, listCopies } from "../../shared/aws/copies.ts";
import { openDynamo } from "../../shared/aws/dynamo.ts";
import { createEffects } from "../../shared/aws/effects.ts";
import { keepDaysFor } from "../../shared/aws/environment.ts";
import {
  forgetOnStage,
  lookOnStage,
  type StageForgetParts,
  type StageForgetProgress,
  type StageForgotten,
} from "../../shared/aws/forget-address.ts";
import { forgetAgainOnStage } from "../../shared/aws/forget-again.ts";
import { createStageHolds, type StageHold } from "../../shared/aws/holds.ts";
import { createLedger } from "../../shared/aws/ledger.ts";
import { openObjectVersions } from "../../shared/aws/object-versions.ts";
import { storePlaces } from "../../shared/aws/permissions.ts";
import { openSecrets } from "../../shared/aws/secrets.ts";
import { createSuppressions } from "../../shared/aws/suppressions.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { MailweirError } from "../../shared/errors.ts";
import { deadLetterQueues } from "./dead-letters.ts";
import { openStage, type StageOptions } from "./open-stage.ts";

export interface StageRetentionOptions extends StageOptions {
  /** Tables that were restored under other names and that nobody uses yet. */
  readonly ledgerTable?: string;
  readonly storeTable?: string;
}

/** Forgetting and holds on a stage, with the operator's rights. */
export interface StageRetention {
  readonly loopback: boolean;
  readonly accountId: string;
  forget(
    address: string,
    dryRun: boolean,
    onProgress: (progress: StageForgetProgress) => void,
  ): Promise<StageForgotten | { readonly messages: readonly string[]; readonly unread: readonly string[] }>;
  /** Whoever was forgotten, in what came out of a backup. Answers how many addresses and messages. */
  forgetAgain(
    onProgress: (progress: StageForgetProgress) => void,
  ): Promise<{ readonly addresses: number; readonly messages: number }>;
  copies(): Promise<readonly Copy[]>;
  holds(): Promise<readonly StageHold[]>;
  hold(hold: Omit<StageHold, "at">): Promise<void>;
  release(subject: string): Promise<boolean>;
  close(): Promise<void>;
}

/** @throws {NoSuchStageError} {SessionError} {ConfigError} */
export async function openStageRetention(options: StageRetentionOptions): Promise<StageRetention> {
  const stage = await openStage(options);
  const { session, config, record, ports } = stage;
  const { clock } = ports;
  const connection: Connection = {
    region: session.region,
    ...(session.endpoint !== undefined && { endpoint: session.endpoint }),
    ...(session.clientConfig.credentials && { credentials: session.clientConfig.credentials }),
  };
  const { ledgerTable = record.ledgerTable, storeTable = record.storeTable } = options;
  const dynamo = openDynamo(connection);
  const client = new DynamoDBClient(clientOptions(connection));
  const holds = createStageHolds(dynamo, storeTable);
  const parts: StageForgetParts = {
    config,
    dynamo,
    client,
    ledgerTable,
    storeTable,
    versions: openObjectVersions(connection),
    holds,
    clock,
    deadLetterQueues: deadLetterQueues(config).map(({ name }) => name),
    ports: {
      ...ports,
      ledger: createLedger(dynamo, { table: ledgerTable, clock, keepDays: keepDaysFor(config.retention) }),
      secrets: openSecrets(connection, config, clock),
      suppressions: createSuppressions(dynamo, createEffects(dynamo, ledgerTable), {
        table: storeTable,
        clock,
        queues: ports.queues,
        propagateQueue: config.names.propagateQueue,
      }),
    },
  };
  return {
    loopback: session.loopback,
    accountId: session.accountId,
    forget: (address, dryRun, onProgress) =>
      dryRun ? lookOnStage(parts, address, onProgress) : forgetOnStage(parts, address, onProgress),
    forgetAgain: (onProgress) => forgetAgainOnStage(parts, onProgress),
    copies: () =>
      listCopies(client, connection, clock, { tables: [ledgerTable, storeTable], prefix: config.ruleSet.name }),
    holds: () => holds.list(),
    async hold(hold) {
      await refuseWhereLifecycleDeletes(session, config);
      await holds.hold({ ...hold, at: clock.now().toISOString() });
    },
    release: holds.release,
    async close() {
      client.destroy();
      stage.close();
    },
  };
}

/** A hold that S3 does not keep is none. @throws {HoldNotKeptError} */
async function refuseWhereLifecycleDeletes({ s3 }: Session, config: ResolvedConfig): Promise<void> {
  for (const { bucket, prefix } of storePlaces(config)) {
    const days = await lifecycleDays(s3, { bucket, prefix });
    if (days === null || !Number.isFinite(days)) continue;
    throw new HoldNotKeptError(bucket, prefix);
  }
}

export class HoldNotKeptError extends MailweirError {
  readonly code = "ERR_HOLD_NOT_KEPT";
  readonly retryable = false;
  constructor(bucket: string, prefix: string) {
    super(
      `A lifecycle rule of the bucket ${bucket} deletes what lies below "${prefix}", whatever is held: take the rule away (a deployment of the stage does it in its own bucket), write \`retention\` instead, and hold then`,
    );
  }
}
