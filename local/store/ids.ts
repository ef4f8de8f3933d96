import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Sql, Transaction } from "./database.ts";

/** The sequence number under which all rows of one SES message id lie; drawn at the first mention. */
export function sequenceOf(tx: Transaction, sesMessageId: SesMessageId): number {
  const known = findSequence(tx, sesMessageId);
  return known ?? tx.run("INSERT INTO ids (ses_message_id) VALUES (?)", sesMessageId).lastId;
}

/** Draws the sequence number of an id that most likely was never mentioned; `isNew` when it was not. */
export function drawSequence(tx: Transaction, sesMessageId: SesMessageId): { seq: number; isNew: boolean } {
  const { changes, lastId } = tx.run("INSERT OR IGNORE INTO ids (ses_message_id) VALUES (?)", sesMessageId);
  return changes === 1 ? { seq: lastId, isNew: true } : { seq: sequenceOf(tx, sesMessageId), isNew: false };
}

export function findSequence(sql: Sql, sesMessageId: SesMessageId): number | undefined {
  const row = sql.get("SELECT seq FROM ids WHERE ses_message_id = ?", sesMessageId);
  return row && Number(row["seq"]);
}
