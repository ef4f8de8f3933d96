import type { Ports } from "../ports.ts";
import { deferred } from "./deferred.ts";
import { openDynamo } from "./dynamo.ts";
import type { Environment } from "./environment.ts";
import { createLedger } from "./ledger.ts";
import { clock, connectionOf, inLedger, random } from "./machine.ts";
import { openQueues } from "./queues.ts";

/** The routers' ports. Nearly every notice is decided by its headers: objects are for the others. */
export function openRouter(
  environment: Environment,
): Pick<Ports, "ledger" | "queues" | "objects" | "keys" | "random" | "clock"> {
  const connection = connectionOf(environment);
  return {
    clock,
    random,
    ledger: createLedger(openDynamo(connection), inLedger(environment)),
    queues: openQueues(connection, environment.accountId),
    objects: deferred(async () => (await import("./objects.ts")).openObjects(connection)),
    keys: deferred(async () => (await import("./kms-keys.ts")).openKmsKeys(connection)),
  };
}
