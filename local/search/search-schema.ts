/**
 * The search index's own database, beside the mail: nothing in it that the mail does not say, so it is not saved with it and
 * is made anew when it is missing, older or damaged. `seq` is the message's sequence number there.
 *
 * Text is stored beside the index so that a message can be taken out again without a trace (`secure-delete`).
 */
export const searchMigrations: readonly string[] = [
  `
  CREATE TABLE docs (seq INTEGER PRIMARY KEY, ses_message_id TEXT NOT NULL, received_at INTEGER NOT NULL);
  CREATE VIRTUAL TABLE words USING fts5 (
    sender, recipient, subject, content, marks, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
  );
  INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
  -- How far it has come: every message up to this one is in it.
  CREATE TABLE progress (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
  INSERT INTO progress VALUES (1, 0);
  `,
];

/** Stands among the marks of a message with attachments. One word, and nobody's. */
export const attachmentMark = "mwhasattachment";
