import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Sql, Transaction } from "./database.ts";

/** The sequence number under which all rows of one SES message id lie; drawn at the first mention. */
export function sequenceOf(tx: Transaction, sesMessageId: SesMessageId): number {
  const known = findSequence(tx, sesMessageId);
  return known ?? tx.run("INSERT INTO ids (ses_message_id) VALUES (?)", sesMessageId).lastId;
}

export function findSequence(sql: Sql, sesMessageId: SesMessageId): number | undefined {
  const row = sql.get("SELECT seq FROM ids WHERE ses_message_id = ?", sesMessageId);
  return row && Number(row["seq"]);
}
