import type { Sql } from "../store/database.ts";
import { type Condition, type SearchState, type VerdictCheck, verdictChecks } from "./parse-query.ts";
import { attachmentMark } from "./search-schema.ts";

/** The messages that one condition holds for, from the newest on. */
export interface Source {
  /** The greatest sequence number up to `seq` that it holds for. */
  atMost(seq: number): number | undefined;
}

/** `mail` is the store, `index` the search index: two databases, each with its own reader. */
export interface Readers {
  readonly mail: Sql;
  readonly index: Sql;
}

// Numbers fetched at a time: sorted answers are nearly as cheap by the dozen as one by one.
const blockSize = 64;

/** Every message there is. */
export function allMessages({ mail }: Pick<Readers, "mail">): Source {
  return blocks((seq) =>
    mail.all("SELECT seq FROM messages WHERE seq <= ? ORDER BY seq DESC LIMIT ?", seq, blockSize).map(sequence),
  );
}

/** All words and marks that must stand in a message, together: the index intersects better than we do. */
export function wordSource({ index }: Pick<Readers, "index">, conditions: readonly WordCondition[]): Source {
  const match = conditions.map(matchOf).join(" AND ");
  return blocks((seq) =>
    index
      .all(
        "SELECT rowid AS seq FROM words WHERE words MATCH ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?",
        match,
        seq,
        blockSize,
      )
      .map(sequence),
  );
}

export type WordCondition = Extract<Condition, { kind: "words" | "attachment" }>;

export function isWordCondition(condition: Condition): condition is WordCondition {
  return condition.kind === "words" || condition.kind === "attachment";
}

/** What the ledger and the checks know of a message. */
export function factSource(readers: Readers, condition: Exclude<Condition, WordCondition>): Source {
  switch (condition.kind) {
    case "stream":
      return streamSource(readers.mail, condition.stream);
    case "state":
      return stateSource(readers.mail, condition.state);
    case "nature":
      return blocks((seq) =>
        readers.mail
          .all(
            `SELECT DISTINCT seq FROM recipients
             WHERE decision IS NOT NULL AND json_extract(decision, '$.nature.kind') = ? AND seq <= ?
             ORDER BY seq DESC LIMIT ?`,
            condition.nature,
            seq,
            blockSize,
          )
          .map(sequence),
      );
    case "verdict":
      return verdictSource(readers.mail, condition.check, condition.status);
    case "received":
      return receivedSource(readers, condition.from, condition.to);
  }
}

function streamSource(mail: Sql, stream: string): Source {
  const name = stream === "none" ? null : stream;
  return greatest([
    ...endStates.map((state) => endedIn(mail, name, state)),
    name === null
      ? // Not decided yet.
        blocks((seq) =>
          mail
            .all(
              "SELECT DISTINCT seq FROM recipients WHERE open = 1 AND stream IS NULL AND seq <= ? ORDER BY seq DESC LIMIT ?",
              seq,
              blockSize,
            )
            .map(sequence),
        )
      : blocks((seq) =>
          mail
            .all(
              "SELECT DISTINCT seq FROM recipients WHERE open = 1 AND stream = ? AND seq <= ? ORDER BY seq DESC LIMIT ?",
              name,
              seq,
              blockSize,
            )
            .map(sequence),
        ),
  ]);
}

const endStates = ["done", "quarantined", "failed"] as const;

/** By the index over (stream, state) of what has ended, whose entries end with the sequence number. */
function endedIn(mail: Sql, stream: string | null, state: string): Source {
  return blocks((seq) =>
    mail
      .all(
        `SELECT DISTINCT seq FROM recipients INDEXED BY recipients_ended
         WHERE open = 0 AND stream IS ? AND state = ? AND seq <= ? ORDER BY seq DESC LIMIT ?`,
        stream,
        state,
        seq,
        blockSize,
      )
      .map(sequence),
  );
}

function stateSource(mail: Sql, state: SearchState): Source {
  if (state === "open") {
    return blocks((seq) =>
      mail
        .all(
          "SELECT DISTINCT seq FROM recipients WHERE open = 1 AND seq <= ? ORDER BY seq DESC LIMIT ?",
          seq,
          blockSize,
        )
        .map(sequence),
    );
  }
  // A handful of streams, each found by one step in the index.
  const streams: (string | null)[] = [null];
  for (let last = ""; ; ) {
    const row = mail.get(
      "SELECT stream FROM recipients INDEXED BY recipients_ended WHERE open = 0 AND stream > ? ORDER BY stream LIMIT 1",
      last,
    );
    if (!row) break;
    last = String(row["stream"]);
    streams.push(last);
  }
  return greatest(streams.map((stream) => endedIn(mail, stream, state)));
}

const verdictColumns = `json_extract(verification, '$.verdicts.spf') || ' ' || json_extract(verification, '$.verdicts.dkim') || ' ' ||
    json_extract(verification, '$.verdicts.dmarc') || ' ' || json_extract(verification, '$.verdicts.spam') || ' ' ||
    json_extract(verification, '$.verdicts.virus')`;

function verdictSource(mail: Sql, check: VerdictCheck | "any", status: string): Source {
  // Five verdicts of five values: few of the combinations occur.
  const combinations: string[] = [];
  for (let last = ""; ; ) {
    const row = mail.get(
      `SELECT ${verdictColumns} AS verdicts FROM verifications WHERE ${verdictColumns} > ? ORDER BY ${verdictColumns} LIMIT 1`,
      last,
    );
    if (!row) break;
    last = String(row["verdicts"]);
    const values = last.split(" ");
    const wanted = check === "any" ? values.includes(status) : values[verdictChecks.indexOf(check)] === status;
    if (wanted) combinations.push(last);
  }
  return greatest(
    combinations.map((combination) =>
      blocks((seq) =>
        mail
          .all(
            `SELECT seq FROM verifications WHERE ${verdictColumns} = ? AND seq <= ? ORDER BY seq DESC LIMIT ?`,
            combination,
            seq,
            blockSize,
          )
          .map(sequence),
      ),
    ),
  );
}

/** By the index's small rows; what is not in it yet, by the mail's. */
function receivedSource({ mail, index }: Readers, from: number, to: number): Source {
  const indexed = Number(index.get("SELECT seq FROM progress")?.["seq"] ?? 0);
  return greatest([
    blocks((seq) =>
      mail
        .all(
          `SELECT seq FROM messages WHERE seq > ? AND seq <= ? AND received_at >= ? AND received_at < ?
           ORDER BY seq DESC LIMIT ?`,
          indexed,
          seq,
          from,
          to,
          blockSize,
        )
        .map(sequence),
    ),
    blocks((seq) =>
      index
        .all(
          "SELECT seq FROM docs WHERE seq <= ? AND received_at >= ? AND received_at < ? ORDER BY seq DESC LIMIT ?",
          seq,
          from,
          to,
          blockSize,
        )
        .map(sequence),
    ),
  ]);
}

function matchOf(condition: WordCondition): string {
  if (condition.kind === "attachment") return `{marks} : "${attachmentMark}"`;
  const { field, words, beginning } = condition;
  const phrase = `"${words.join(" ").replaceAll('"', '""')}"${beginning ? " *" : ""}`;
  return field === "all" ? phrase : `{${columns[field]}} : ${phrase}`;
}

const columns = { from: "sender", to: "recipient", subject: "subject" } as const;

const sequence = (row: Readonly<Record<string, unknown>>) => Number(row["seq"]);

function greatest(sources: readonly Source[]): Source {
  return {
    atMost(seq) {
      let best: number | undefined;
      for (const source of sources) {
        const found = source.atMost(seq);
        if (found !== undefined && (best === undefined || found > best)) best = found;
      }
      return best;
    },
  };
}

/** Remembers the block that it fetched last, so that who walks down asks seldom. */
function blocks(fetch: (seq: number) => readonly number[]): Source {
  let block: readonly number[] = [];
  let at = 0;
  // Everything between this and the block's first number is known to be empty.
  let top = -1;
  return {
    atMost(seq) {
      if (seq > top) {
        block = fetch(seq);
        at = 0;
        top = seq;
      }
      while (at < block.length && (block[at] ?? 0) > seq) at += 1;
      if (at === block.length && block.length === blockSize) {
        block = fetch(seq);
        at = 0;
        top = seq;
      }
      const found = block[at];
      return found;
    },
  };
}
