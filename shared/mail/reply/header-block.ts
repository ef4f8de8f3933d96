import { address, isDated, timeOfDay } from "./attribution.ts";
import { type QuotedField, quotedFields } from "./header-words.ts";
import type { SourceLine } from "./source-lines.ts";

export interface HeaderBlock {
  /** Index behind the last line of the block. */
  readonly end: number;
  /** The fields that were recognised by name; empty when only the shape of the lines gave the block away. */
  readonly fields: ReadonlySet<QuotedField>;
}

const maxBlockLines = 40;
const maxContinuationLines = 4;
const label =
  /^[*_|\s]{0,4}([\p{L}\p{M}][\p{L}\p{M}\p{N}.'\u2019 /-]{0,24}?)\s?[*_]{0,2}\s?[:\uff1a]\s?[*_]{0,2}(?!\/\/)/u;
// Where the line breaks got lost: "From: Ann Date: Thu, 24 Mar 2016", or without even a space: "…, 09:26 CETSubject: Meeting".
const furtherLabel = /[:\uff1a](?=\s|$)/gu;
const labelStart = /[\p{Lu}\p{Lo}]/gu;
const maxLabelChars = 26;

/**
 * Reads the header block that Outlook and others print over a quoted mail ("From: … Sent: … To: … Subject: …", in many
 * languages), starting exactly at `lines[at]`. Values may wrap over a few lines; single blank lines inside are taken.
 *
 * @param introduced - true behind a separator or an "Original message" line: then two fields are enough, and three
 *   label-like lines with an address and a date are one in an unknown language
 */
export function headerBlockAt(lines: readonly SourceLine[], at: number, introduced: boolean): HeaderBlock | undefined {
  const depth = lines[at]?.depth ?? 0;
  const fields = new Set<QuotedField>();
  let end = at;
  let labelled = 0;
  let hasAddress = false;
  let hasDate = false;
  let hasTime = false;
  let gap = 0;
  for (let index = at; index < lines.length && index < at + maxBlockLines; index++) {
    const line = lines[index];
    if (!line || line.depth !== depth) break;
    const { content } = line;
    if (content === "") {
      // Some clients put an empty line between the fields; two of them, or one behind the subject, end the block.
      if (++gap > 1 || labelled === 0 || fields.has("subject")) break;
      continue;
    }
    const { name, known } = readLabels(line);
    if (known) {
      // A second sender is another block's; without this, a million "From:" would each read on.
      if (known.size === 1 && known.has("from") && fields.has("from")) break;
      for (const field of known) fields.add(field);
    } else if (name === undefined || !introduced || fields.size > 0) {
      // Not a field: the rest of a long value, or the end of the block.
      if (labelled === 0 || gap > 0 || index - end >= maxContinuationLines) break;
      continue;
    }
    gap = 0;
    labelled++;
    end = index + 1;
    const { has } = readLabels(line);
    hasAddress ||= has.address;
    hasDate ||= has.date;
    hasTime ||= has.time;
  }
  const main = ["from", "date", "to", "subject"].filter((field) => fields.has(field as QuotedField)).length;
  const opensWithKnown = startsKnown(lines[at]);
  // "From: Berlin, To: Hamburg, Date: 4 March" is a journey: it names no subject, no address, no hour.
  const isMail = fields.has("subject") || hasAddress || hasTime || introduced;
  if (fields.has("from") && main >= 3 && opensWithKnown && isMail) return { end, fields };
  if (main >= 3 && opensWithKnown && isMail && (hasAddress || hasDate)) return { end, fields };
  if (introduced && main >= 2 && (fields.has("from") || fields.has("subject"))) return { end, fields };
  if (fields.has("from") && main >= 2 && hasAddress && hasDate && opensWithKnown) return { end, fields };
  if (fields.has("date") && fields.has("to") && hasAddress && hasTime && opensWithKnown) return { end, fields };
  if (introduced && labelled >= 3 && hasAddress && hasDate) return { end, fields };
  return undefined;
}

/** Behind the lines that are fields right under a separator, however few: Outlook Express may leave only "From:". */
export function labelsEnd(lines: readonly SourceLine[], from: number): number {
  let end = from;
  while (end < from + maxContinuationLines) {
    const line = lines[end];
    if (!line || line.depth > 0 || readLabels(line).known === undefined) break;
    end++;
  }
  return end;
}

const maxHeadLines = 16;
const dateAlone = /^\d[\d./: -]+(?:[AP]M|[A-Z]{2,5}[+-]?\d{0,2})?$/u;

/**
 * Reads the head that Notes prints over a quoted mail, a table whose labels have no colon: a person, a date alone on its
 * line, then "To …" and "Subject …", label and value on one line or two.
 *
 * @returns the index behind its last label line; undefined when `lines[at]` opens no such head
 */
export function notesHeadAt(lines: readonly SourceLine[], at: number): number | undefined {
  const first = lines[at];
  if (!first || first.depth > 0 || first.content === "" || first.content.length > 120) return undefined;
  let dateAt = at + 1;
  while (dateAt < at + 3 && lines[dateAt]?.content === "") dateAt++;
  const date = lines[dateAt]?.content ?? "";
  if (date.length < 10 || date.length > 40 || !dateAlone.test(date) || !isDated(date)) return undefined;
  const fields = new Set<QuotedField>();
  let end = dateAt + 1;
  for (let index = dateAt + 1; index < lines.length && index < dateAt + maxHeadLines; index++) {
    const line = lines[index];
    if (!line || line.depth > 0) break;
    const [label = ""] = line.content.split(" ");
    const known = quotedFields(label.replace(/[:\uff1a]$/u, ""));
    if (!known) continue;
    for (const field of known) fields.add(field);
    end = index + 1;
    if (known.has("subject")) break;
  }
  return fields.has("to") && fields.has("subject") ? end : undefined;
}

/** Cheap test that a line may open a header block. */
export function mayOpenHeaderBlock(content: string): boolean {
  return label.test(content);
}

function startsKnown(line: SourceLine | undefined): boolean {
  return line !== undefined && readLabels(line).known !== undefined;
}

interface Labels {
  readonly name: string | undefined;
  /** The fields named in the line; undefined when its first label is none that we know. */
  readonly known: ReadonlySet<QuotedField> | undefined;
  readonly has: { readonly address: boolean; readonly date: boolean; readonly time: boolean };
}

// Only a memo: a line is looked at from each of the lines above it, and reading it costs more than all the rest.
const labelsOf = new WeakMap<SourceLine, Labels>();

function readLabels(line: SourceLine): Labels {
  const before = labelsOf.get(line);
  if (before) return before;
  const name = label.exec(line.content)?.[1]?.trim();
  const first = name === undefined ? undefined : quotedFields(name);
  const known = first && new Set(first);
  if (known) {
    for (const { index } of line.content.slice(0, 500).matchAll(furtherLabel)) {
      for (const field of fieldsBefore(line.content, index)) known.add(field);
    }
  }
  const { content } = line;
  const has = { address: address.test(content), date: isDated(content), time: timeOfDay.test(content) };
  const labels = { name, known, has };
  labelsOf.set(line, labels);
  return labels;
}

/** The fields named right before a colon: the longest name that starts with a capital (or in a script that has none). */
function fieldsBefore(content: string, colon: number): Iterable<QuotedField> {
  const head = content.slice(Math.max(0, colon - maxLabelChars), colon).trimEnd();
  for (const { index } of head.matchAll(labelStart)) {
    const fields = quotedFields(head.slice(index));
    if (fields) return fields;
  }
  return [];
}
