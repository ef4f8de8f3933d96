import { normaliseAddress } from "../../shared/mail/address.ts";
import { HoldTooLateError } from "../../shared/retention/errors.ts";
import { parseSesMessageId } from "../../shared/ses-message-id.ts";
import type { Database, Row, Sql } from "../store/database.ts";

/** A legal hold: what it names is not deleted until somebody ends it. */
export interface Hold {
  /** A normalised address, or a SES message id. */
  readonly subject: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

export function createHolds(database: Pick<Database, "read" | "write">) {
  return {
    /**
     * A second hold on the same subject changes its reason.
     *
     * @throws {HoldTooLateError} of a message that is not there
     */
    hold: ({ subject, reason, by, at }: Hold) =>
      database.write((tx) => {
        const id = parseSesMessageId(subject);
        const there = "SELECT 1 FROM messages JOIN ids USING (seq) WHERE ses_message_id = ?";
        if (id && !tx.get(there, id)) throw new HoldTooLateError(id);
        tx.run(
          "INSERT OR REPLACE INTO holds (subject, reason, by, at) VALUES (?, ?, ?, ?)",
          subjectOf(subject),
          ...[reason, by, at],
        );
      }),
    /** False when there was none. */
    release: (subject: string) =>
      database.write((tx) => tx.run("DELETE FROM holds WHERE subject = ?", subjectOf(subject)).changes > 0),
    list: () => database.read(holdsIn),
  };
}

export const holdsIn = (sql: Sql): readonly Hold[] => sql.all("SELECT * FROM holds ORDER BY subject").map(toHold);

export function holdOn(sql: Sql, subject: string): Hold | undefined {
  const row = sql.get("SELECT * FROM holds WHERE subject = ?", subjectOf(subject));
  return row && toHold(row);
}

/** The first hold on one of very many subjects, which are only looked at when anything is held. */
export function holdAmong(sql: Sql, subjects: () => ReadonlySet<string>): Hold | undefined {
  const holds = holdsIn(sql);
  return holds.length === 0 ? undefined : holds.find(({ subject }) => subjects().has(subject));
}

/** As `holdAmong` wants them; made when they are first asked for. */
export function holdSubjects(address: string, ids: Iterable<string>): () => ReadonlySet<string> {
  let made: ReadonlySet<string> | undefined;
  return () => (made ??= new Set([address, ...ids].map(subjectOf)));
}

const subjectOf = (text: string) => normaliseAddress(text);

const toHold = (row: Row): Hold => ({
  subject: String(row["subject"]),
  reason: String(row["reason"]),
  by: String(row["by"]),
  at: String(row["at"]),
});
