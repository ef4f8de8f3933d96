import type { Ports } from "../ports.ts";
import type { GatePorts } from "../streams/ask-gate.ts";
import { deferred } from "./deferred.ts";
import { openDynamo } from "./dynamo.ts";
import type { Environment } from "./environment.ts";
import { createLedger } from "./ledger.ts";
import { connectionOf, inLedger } from "./machine.ts";

/** The gate's ports. SES waits for it: whatever it seldom needs is loaded when it does. */
export function openGate(environment: Environment): GatePorts & Pick<Ports, "objects" | "keys"> {
  const connection = connectionOf(environment);
  const dynamo = openDynamo(connection);
  return {
    ledger: createLedger(dynamo, inLedger(environment)),
    outbox: deferred(async () => (await import("./bounces.ts")).openBounces(connection, dynamo, inLedger(environment))),
    objects: deferred(async () => (await import("./objects.ts")).openObjects(connection)),
    keys: deferred(async () => (await import("./kms-keys.ts")).openKmsKeys(connection)),
  };
}
