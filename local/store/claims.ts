import type { Claim } from "../../shared/ports.ts";
import { StaleClaimError } from "../../shared/streams/errors.ts";
import type { Sql, Transaction } from "./database.ts";
import { findSequence } from "./ids.ts";

/**
 * The sequence number of the claim's message, if the claim is the newest and its work has not ended. To be called in
 * the transaction that writes the effect.
 *
 * @throws {StaleClaimError}
 */
export function assertClaim(sql: Sql, claim: Claim): number {
  const seq = findSequence(sql, claim.sesMessageId);
  const row =
    seq !== undefined &&
    sql.get(
      "SELECT 1 FROM recipients WHERE seq = ? AND recipient = ? AND attempts = ? AND state = 'working'",
      seq,
      claim.recipient,
      claim.attempt,
    );
  if (seq === undefined || !row) throw new StaleClaimError(claim);
  return seq;
}

/** What this effect answered when it happened; `undefined` when it did not happen yet. */
export function effectResult(sql: Sql, seq: number, recipient: string, effect: string): string | undefined {
  const row = sql.get(
    "SELECT result FROM effects WHERE seq = ? AND recipient = ? AND effect = ?",
    seq,
    recipient,
    effect,
  );
  return row && String(row["result"]);
}

/** Notes the effect in the transaction that does it: its key keeps it from happening twice. */
export function noteEffect(tx: Transaction, seq: number, recipient: string, effect: string, result: string): void {
  tx.run("INSERT INTO effects (seq, recipient, effect, result) VALUES (?, ?, ?, ?)", seq, recipient, effect, result);
}
