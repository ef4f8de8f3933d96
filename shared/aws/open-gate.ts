import type { Ports } from "../ports.ts";
import type { GatePorts } from "../streams/ask-gate.ts";
import { deferred } from "./deferred.ts";
import type { Environment } from "./environment.ts";
import { connectionOf, inLedger } from "./machine.ts";

/** The gate's ports. SES waits for it: whatever it seldom needs is loaded when it does. */
export function openGate(environment: Environment): GatePorts & Pick<Ports, "objects" | "keys"> {
  const connection = connectionOf(environment);
  const dynamo = async () => (await import("./dynamo.ts")).openDynamo(connection);
  return {
    ledger: deferred(async () => {
      const [{ createLedger }, opened] = await Promise.all([import("./ledger.ts"), dynamo()]);
      return createLedger(opened, inLedger(environment));
    }),
    outbox: deferred(async () => {
      const [{ openBounces }, opened] = await Promise.all([import("./bounces.ts"), dynamo()]);
      return openBounces(connection, opened, inLedger(environment));
    }),
    objects: deferred(async () => (await import("./objects.ts")).openObjects(connection)),
    keys: deferred(async () => (await import("./kms-keys.ts")).openKmsKeys(connection)),
  };
}
