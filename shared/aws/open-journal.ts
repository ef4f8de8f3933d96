import type { Ports } from "../ports.ts";
import { openDynamo } from "./dynamo.ts";
import type { Environment } from "./environment.ts";
import { createLedger } from "./ledger.ts";
import { connectionOf, inLedger } from "./machine.ts";

/** The journal's ports: it writes one item. */
export function openJournal(environment: Environment): Pick<Ports, "ledger"> {
  return { ledger: createLedger(openDynamo(connectionOf(environment)), inLedger(environment)) };
}
