import { randomBytes } from "node:crypto";
import type { Clock, Random } from "../ports.ts";
import type { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";

export const clock: Clock = { now: () => new Date() };
export const random: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };

export function connectionOf({ region, endpoint }: Environment): Connection {
  return { region, ...(endpoint !== undefined && { endpoint }) };
}

/** Where the ledger's adapters keep what they keep. */
export function inLedger({ ledgerTable, keepDays }: Environment) {
  return { table: ledgerTable, clock, keepDays };
}
