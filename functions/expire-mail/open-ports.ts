import { openDynamo } from "../../shared/aws/dynamo.ts";
import type { Environment } from "../../shared/aws/environment.ts";
import type { StageExpiryParts } from "../../shared/aws/expire-mail.ts";
import { createStageHolds } from "../../shared/aws/holds.ts";
import { openKmsKeys } from "../../shared/aws/kms-keys.ts";
import { createLedger } from "../../shared/aws/ledger.ts";
import { clock, connectionOf, inLedger } from "../../shared/aws/machine.ts";
import { openObjectVersions } from "../../shared/aws/object-versions.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";

export function openExpiry(environment: Environment, config: ResolvedConfig): StageExpiryParts {
  const connection = connectionOf(environment);
  const dynamo = openDynamo(connection);
  const { ledgerTable, storeTable, keepDays } = environment;
  return {
    config,
    dynamo,
    ledgerTable,
    storeTable,
    keepDays,
    clock,
    versions: openObjectVersions(connection),
    holds: createStageHolds(dynamo, storeTable),
    ports: { ledger: createLedger(dynamo, inLedger(environment)), keys: openKmsKeys(connection) },
  };
}
