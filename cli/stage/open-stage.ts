import { GetParameterCommand } from "@aws-sdk/client-ssm";
import { openSession, type Session } from "../../infra/deploy/session.ts";
import { type DeploymentRecord, deploymentParameter } from "../../infra/outputs.ts";
import type { Connection } from "../../shared/aws/connection.ts";
import { openDynamo } from "../../shared/aws/dynamo.ts";
import { keepDaysFor } from "../../shared/aws/environment.ts";
import { openKmsKeys } from "../../shared/aws/kms-keys.ts";
import { createLedger } from "../../shared/aws/ledger.ts";
import { openObjects } from "../../shared/aws/objects.ts";
import { createQuarantine } from "../../shared/aws/quarantine.ts";
import { openQueues } from "../../shared/aws/queues.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Clock, Ports } from "../../shared/ports.ts";
import { NoSuchStageError } from "../destroy-stage.ts";

export interface StageOptions {
  readonly stage: string;
  readonly config?: string;
  readonly endpointUrl?: string;
}

/** A deployed stage, as a command line works with it: with the operator's rights, beside the functions. */
export interface OpenStage {
  readonly session: Session;
  readonly config: ResolvedConfig;
  readonly record: DeploymentRecord;
  readonly ports: StagePorts;
  close(): void;
}

export type StagePorts = Pick<Ports, "ledger" | "queues" | "objects" | "keys" | "quarantine" | "clock">;

const clock: Clock = { now: () => new Date() };

/**
 * Finds a stage by its name in the account that the credentials belong to.
 *
 * @throws {NoSuchStageError} {SessionError} {ConfigError}
 */
export async function openStage({ stage, config: file, endpointUrl: endpoint }: StageOptions): Promise<OpenStage> {
  const path = file ?? "mailweir.config.ts";
  const { region } = await loadConfig(path, { stage });
  const session = await openSession({ region, ...(endpoint !== undefined && { endpoint }) });
  try {
    const { accountId } = session;
    const config = await loadConfig(path, { stage, accountId });
    const record = await readRecord(session, stage);
    const connection: Connection = {
      region,
      ...(endpoint !== undefined && { endpoint }),
      ...(session.clientConfig.credentials && { credentials: session.clientConfig.credentials }),
    };
    const dynamo = openDynamo(connection);
    const { ledgerTable, storeTable } = record;
    return {
      session,
      config,
      record,
      ports: {
        clock,
        queues: openQueues(connection, accountId),
        objects: openObjects(connection),
        keys: openKmsKeys(connection),
        // What this writes lives as long as what the functions write.
        ledger: createLedger(dynamo, { table: ledgerTable, clock, keepDays: keepDaysFor(config.retention) }),
        quarantine: createQuarantine(dynamo, { ledgerTable, storeTable }),
      },
      close: () => session.close(),
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function readRecord({ ssm, accountId, region }: Session, stage: string): Promise<DeploymentRecord> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: deploymentParameter(stage) }));
    return JSON.parse(Parameter?.Value ?? "") as DeploymentRecord;
  } catch (error) {
    if (!(error instanceof Error) || !/ParameterNotFound/.test(error.name)) throw error;
    throw new NoSuchStageError(
      `There is no stage ${stage} in account ${accountId}, ${region}: deploy it, or see --stage, --config and the profile`,
      { cause: error },
    );
  }
}
