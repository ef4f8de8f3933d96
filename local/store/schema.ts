/**
 * The database's schema as steps forward; `user_version` counts the steps taken. A step that was released is never
 * changed. Times are milliseconds since the Unix epoch, from the injected clock. Rows of one message are keyed by its
 * sequence number in `ids`, so that they lie at the end of their tables however many messages are stored.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  -- Octets: small ones here, larger ones in a file below contents/. Gone when nobody refers to them any more.
  CREATE TABLE contents (
    id INTEGER PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    path TEXT,
    bytes BLOB
  );
  CREATE UNIQUE INDEX contents_path ON contents (path) WHERE path IS NOT NULL;
  -- Files that a committed transaction let go and that may still be there.
  CREATE TABLE unlinks (path TEXT PRIMARY KEY) WITHOUT ROWID;

  CREATE TABLE ids (seq INTEGER PRIMARY KEY, ses_message_id TEXT NOT NULL UNIQUE);

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    mail_from TEXT NOT NULL,
    recipients TEXT NOT NULL,
    client TEXT NOT NULL,
    rule_set TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    raw INTEGER NOT NULL,
    subject TEXT,
    author TEXT,
    ended_at INTEGER,
    end_reason TEXT
  );
  CREATE INDEX messages_unended ON messages (seq) WHERE ended_at IS NULL;

  CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO totals VALUES ('messages', 0), ('bytes', 0), ('unended', 0);

  CREATE TABLE verifications (seq INTEGER PRIMARY KEY, verification TEXT NOT NULL);
  CREATE TABLE rule_set_snapshots (id TEXT PRIMARY KEY, rule_set TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE actions (
    seq INTEGER NOT NULL,
    rule_index INTEGER NOT NULL,
    action_index INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER,
    entry TEXT NOT NULL,
    PRIMARY KEY (seq, rule_index, action_index)
  ) WITHOUT ROWID;
  CREATE INDEX actions_due ON actions (due_at, seq) WHERE due_at IS NOT NULL;
  CREATE TABLE rule_counts (
    rule_name TEXT NOT NULL, metric TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (rule_name, metric)
  ) WITHOUT ROWID;

  CREATE TABLE refusals (id INTEGER PRIMARY KEY, refusal TEXT NOT NULL);

  CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    -- Octets in front of the content: SES's header block before the raw message that accept stored.
    block BLOB,
    content INTEGER NOT NULL,
    UNIQUE (bucket, key)
  );

  CREATE TABLE queue_messages (
    -- A number is never used again: an old receipt handle must not fit a new message.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    visible_at INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    first_received_at INTEGER,
    receive_count INTEGER NOT NULL DEFAULT 0,
    -- Counts every receive and is never set back, so that an old receipt handle stays stale after a redrive.
    receipt INTEGER NOT NULL DEFAULT 0,
    -- In a dead-letter queue: where the message came from.
    dead_from TEXT,
    body TEXT NOT NULL
  );
  CREATE INDEX queue_messages_visible ON queue_messages (queue, visible_at, id);

  CREATE TABLE invocations (
    -- Never used again: whoever settles late must not settle another one.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    function_arn TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    -- NULL: given up, for the cause beside it.
    due_at INTEGER,
    cause TEXT
  );
  CREATE INDEX invocations_due ON invocations (due_at, id) WHERE due_at IS NOT NULL;

  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    recipient TEXT NOT NULL,
    message_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    filed INTEGER NOT NULL DEFAULT 0,
    raw BLOB NOT NULL
  );
  CREATE INDEX outbox_unfiled ON outbox (id) WHERE filed = 0;
  CREATE TABLE bounces (
    seq INTEGER NOT NULL, recipient TEXT NOT NULL, message_id TEXT NOT NULL, PRIMARY KEY (seq, recipient)
  ) WITHOUT ROWID;

  CREATE TABLE metas (seq INTEGER PRIMARY KEY, meta TEXT NOT NULL);
  CREATE TABLE recipients (
    seq INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    -- 1 until the state is done, quarantined or failed.
    open INTEGER NOT NULL,
    stream TEXT,
    -- NULL until somebody decided.
    decision TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    cause TEXT,
    duplicate_of TEXT,
    detail TEXT,
    received_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (seq, recipient)
  ) WITHOUT ROWID;
  CREATE INDEX recipients_unfinished ON recipients (received_at, seq) WHERE open = 1;
  CREATE INDEX recipients_ended ON recipients (stream, state) WHERE open = 0;
  CREATE TABLE fingerprints (
    hash BLOB NOT NULL, received_at INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (hash, received_at, seq)
  ) WITHOUT ROWID;
  CREATE INDEX fingerprints_old ON fingerprints (received_at);

  CREATE TABLE effects (
    seq INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    effect TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (seq, recipient, effect)
  ) WITHOUT ROWID;

  CREATE TABLE suppressions (
    sort_key TEXT PRIMARY KEY, address TEXT NOT NULL, list TEXT NOT NULL, suppression TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE suppression_history (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL, list TEXT NOT NULL, at INTEGER NOT NULL, suppression TEXT NOT NULL
  );
  CREATE INDEX suppression_history_address ON suppression_history (address, list);

  CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL,
    subject TEXT NOT NULL,
    participants TEXT NOT NULL,
    related_to INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  );
  CREATE INDEX tickets_state ON tickets (state, id);
  CREATE TABLE ticket_entries (
    ticket INTEGER NOT NULL,
    number INTEGER NOT NULL,
    header_message_id TEXT,
    body_sha256 TEXT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (ticket, number)
  ) WITHOUT ROWID;
  CREATE TABLE ticket_message_ids (message_id TEXT PRIMARY KEY, ticket INTEGER NOT NULL) WITHOUT ROWID;

  CREATE TABLE quarantine (
    sort_key TEXT PRIMARY KEY, seq INTEGER NOT NULL, recipient TEXT NOT NULL, held TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX quarantine_message ON quarantine (seq, recipient);

  CREATE TABLE records (sort_key TEXT PRIMARY KEY, kind TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX records_kind ON records (kind, sort_key);
  `,
  // What the SES API made: rule sets beside the configured one, IP filters, identities.
  `
  CREATE TABLE rule_sets (name TEXT PRIMARY KEY, created_at INTEGER NOT NULL, rules TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE ip_filters (name TEXT PRIMARY KEY, policy TEXT NOT NULL, cidr TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE identities (name TEXT PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID;
  `,
  // Mail that leaves, of every kind, and what became of each of its recipients.
  `
  ALTER TABLE outbox RENAME TO outbox_bounces;
  DROP INDEX outbox_unfiled;
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    -- The SES message id of the mail that caused it.
    about TEXT,
    mail_from TEXT NOT NULL,
    message_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Its time to live begins here: at its creation, or when somebody asked for it again.
    waiting_since INTEGER NOT NULL,
    -- kept: for people, in the outbox folder; waiting; sent; failed: for at least one recipient, for good.
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- NULL unless it waits: the next attempt, or, while one is under way, when that is given up for dead.
    due_at INTEGER,
    taken INTEGER NOT NULL DEFAULT 0,
    cause TEXT,
    filed INTEGER NOT NULL DEFAULT 0,
    content INTEGER NOT NULL
  );
  CREATE TABLE outbox_recipients (
    mail INTEGER NOT NULL,
    position INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    reply TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (mail, position)
  ) WITHOUT ROWID;
  INSERT INTO outbox (id, key, kind, mail_from, message_id, created_at, waiting_since, state, filed, content)
    SELECT id, key, 'bounce', '', message_id, created_at, created_at, 'kept', filed, id + (SELECT coalesce(max(id), 0) FROM contents)
    FROM outbox_bounces;
  INSERT INTO outbox_recipients (mail, position, recipient, state, updated_at)
    SELECT id, 0, recipient, 'kept', created_at FROM outbox_bounces;
  INSERT INTO contents (id, size_bytes, refs, bytes)
    SELECT content, length(raw), 1, raw FROM outbox JOIN outbox_bounces USING (id);
  DROP TABLE outbox_bounces;
  CREATE INDEX outbox_due ON outbox (due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX outbox_unfiled ON outbox (id) WHERE filed = 0;
  CREATE INDEX outbox_about ON outbox (about) WHERE about IS NOT NULL;
  CREATE INDEX outbox_failed ON outbox (id) WHERE state = 'failed';
  `,
  // Tickets that people work on: who, what about, closed when, taken over by which.
  `
  ALTER TABLE tickets ADD COLUMN proven TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE tickets ADD COLUMN assignee TEXT;
  ALTER TABLE tickets ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE tickets ADD COLUMN closed_at INTEGER;
  ALTER TABLE tickets ADD COLUMN merged_into INTEGER;
  CREATE TABLE ticket_changes (id TEXT PRIMARY KEY, ticket INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE limits (key TEXT PRIMARY KEY, ends_at INTEGER NOT NULL, taken TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX limits_end ON limits (ends_at);
  `,
  // Suppressions under the keyed hash of their address, with history; what is on its way to whom. Rows under the plain
  // address are moved when the store is opened, which needs the key (plain-suppressions.ts).
  `
  ALTER TABLE suppressions RENAME TO plain_suppressions;
  ALTER TABLE suppression_history RENAME TO plain_suppression_history;
  CREATE TABLE suppressed (
    person BLOB NOT NULL,
    list TEXT NOT NULL,
    address TEXT,
    reason TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT,
    evidence TEXT NOT NULL,
    keep_until INTEGER,
    PRIMARY KEY (person, list)
  ) WITHOUT ROWID;
  CREATE INDEX suppressed_old ON suppressed (keep_until) WHERE keep_until IS NOT NULL;
  CREATE TABLE suppression_changes (
    -- An id is told to others, so it is never used again.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person BLOB NOT NULL,
    list TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    evidence TEXT NOT NULL,
    keep_until INTEGER
  );
  CREATE INDEX suppression_changes_person ON suppression_changes (person, id);
  CREATE INDEX suppression_changes_old ON suppression_changes (keep_until) WHERE keep_until IS NOT NULL;
  CREATE TABLE forgotten (person BLOB PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE propagations (
    change TEXT NOT NULL,
    target TEXT NOT NULL,
    ses_message_id TEXT,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    cause TEXT,
    due_at TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (change, target)
  ) WITHOUT ROWID;
  CREATE INDEX propagations_message ON propagations (ses_message_id) WHERE ses_message_id IS NOT NULL;
  `,
  // Authors whose mail is not held for a spam finding alone.
  `
  CREATE TABLE allowed_senders (address TEXT PRIMARY KEY, by TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
  `,
  // Where a ticket is, outside.
  `
  ALTER TABLE tickets ADD COLUMN links TEXT NOT NULL DEFAULT '[]';
  `,
  // For the search: what was decided and found out. Nothing of it is written before the 250.
  `
  CREATE INDEX recipients_nature ON recipients (json_extract(decision, '$.nature.kind'), seq) WHERE decision IS NOT NULL;
  CREATE INDEX recipients_open ON recipients (stream, seq) WHERE open = 1 AND stream IS NOT NULL;
  CREATE INDEX verifications_verdicts ON verifications (
    json_extract(verification, '$.verdicts.spf') || ' ' || json_extract(verification, '$.verdicts.dkim') || ' ' ||
    json_extract(verification, '$.verdicts.dmarc') || ' ' || json_extract(verification, '$.verdicts.spam') || ' ' ||
    json_extract(verification, '$.verdicts.virus'), seq
  );
  `,
  // What became of mail, minute by minute and stream by stream. Nothing of it is written before the 250.
  `
  CREATE TABLE stream_minutes (
    minute INTEGER NOT NULL,
    stream TEXT NOT NULL,
    decided INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    retried INTEGER NOT NULL DEFAULT 0,
    -- From receipt to end, of all that ended.
    lag_ms INTEGER NOT NULL DEFAULT 0,
    max_lag_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, stream)
  ) WITHOUT ROWID;
  `,
  // What went to which stream, in the order of the decisions, for programs that read along.
  `
  CREATE TABLE stream_feed (
    id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, seq INTEGER NOT NULL, recipient TEXT NOT NULL
  );
  CREATE INDEX stream_feed_stream ON stream_feed (stream, id);
  INSERT INTO stream_feed (stream, seq, recipient)
    SELECT stream, seq, recipient FROM recipients WHERE stream IS NOT NULL ORDER BY seq, recipient;
  CREATE TABLE stream_consumers (
    stream TEXT NOT NULL, consumer TEXT NOT NULL, acked INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (stream, consumer)
  ) WITHOUT ROWID;
  `,
  // Which mail a next hop speaks of; how often something happened, by hour.
  `
  CREATE INDEX outbox_forwards ON outbox (message_id) WHERE kind = 'forward';
  CREATE TABLE tallies (name TEXT NOT NULL, hour INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (name, hour)) WITHOUT ROWID;
  `,
  // Mail that was forgotten stays away, whatever was under way with it; and what must not be forgotten.
  `
  CREATE TABLE forgotten_messages (seq INTEGER PRIMARY KEY);
  CREATE TRIGGER recipients_forgotten BEFORE INSERT ON recipients
    WHEN EXISTS (SELECT 1 FROM forgotten_messages WHERE seq = NEW.seq) BEGIN SELECT RAISE(IGNORE); END;
  CREATE TRIGGER metas_forgotten BEFORE INSERT ON metas
    WHEN EXISTS (SELECT 1 FROM forgotten_messages WHERE seq = NEW.seq) BEGIN SELECT RAISE(IGNORE); END;
  CREATE TRIGGER actions_forgotten BEFORE INSERT ON actions
    WHEN EXISTS (SELECT 1 FROM forgotten_messages WHERE seq = NEW.seq) BEGIN SELECT RAISE(IGNORE); END;
  CREATE TRIGGER verifications_forgotten BEFORE INSERT ON verifications
    WHEN EXISTS (SELECT 1 FROM forgotten_messages WHERE seq = NEW.seq) BEGIN SELECT RAISE(IGNORE); END;
  CREATE TABLE holds (
    -- A normalised address or a SES message id.
    subject TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    at TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
  // Every mail paid for this trigger before its 250. Who writes recipients of known messages asks itself (ledger.ts).
  `
  DROP TRIGGER recipients_forgotten;
  `,
];
