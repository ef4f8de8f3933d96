import type { ResolvedConfig } from "../config/types.ts";
import { deferred } from "./deferred.ts";
import { openDynamo } from "./dynamo.ts";
import type { Environment } from "./environment.ts";
import { createLedger } from "./ledger.ts";
import { createStageLostWork } from "./lost-work.ts";
import { connectionOf, inLedger } from "./machine.ts";
import { openQueues } from "./queues.ts";

export interface LostWorkPorts {
  readonly lostWork: ReturnType<typeof createStageLostWork>;
}

/** What the search for lost work may use: it reads no mail, and sends to the router only. */
export function openLostWork(environment: Environment, config: ResolvedConfig): LostWorkPorts {
  const connection = connectionOf(environment);
  const dynamo = openDynamo(connection);
  const ports = {
    ledger: createLedger(dynamo, inLedger(environment)),
    queues: openQueues(connection, environment.accountId),
    // Only where something is lost.
    objects: deferred(async () => (await import("./objects.ts")).openObjects(connection)),
  };
  return { lostWork: createStageLostWork(dynamo, ports, config, inLedger(environment)) };
}
