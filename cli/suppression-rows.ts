import { MailweirError } from "../shared/errors.ts";
import { suppressionReasons } from "../shared/ports.ts";
import type { ImportRow } from "../shared/unsubscribe/manage.ts";

/** One row of a file, or why it is none. */
export type ReadRow =
  | { readonly line: number; readonly row: ImportRow }
  | { readonly line: number; readonly fault: string };

/** A file whose heading names no column that could be an address. */
export class ImportColumnsError extends MailweirError {
  readonly code = "ERR_IMPORT_COLUMNS";
  readonly retryable = false;
}

export type RowFormat = "csv" | "json";

/**
 * Reads suppressions row by row, in constant memory. CSV (RFC 4180) with a heading, or one address a line without; JSON as
 * one array of objects or an object a line. Columns: `address` (or `email`, `EmailAddress`), `person`, `list`, `reason`,
 * `since` (or `LastUpdateTime`), `until`; others are left alone.
 */
export async function* readRows(chunks: AsyncIterable<string>, format: RowFormat): AsyncGenerator<ReadRow> {
  if (format === "csv") yield* rowsOfCsv(chunks);
  else yield* rowsOfJson(chunks);
}

// What is longer is no row: a quote that never ends must not fill the memory.
const maxRowCharacters = 65_536;

async function* rowsOfCsv(chunks: AsyncIterable<string>): AsyncGenerator<ReadRow> {
  let columns: readonly (string | undefined)[] | undefined;
  for await (const { line, cells } of csvRecords(chunks)) {
    if (cells === undefined) {
      yield { line, fault: `a row of more than ${maxRowCharacters} characters: is a quotation mark missing?` };
      continue;
    }
    if (cells.every((cell) => cell.trim() === "")) continue;
    // What Excel writes on top, to tell itself which character separates.
    if (columns === undefined && line === 1 && cells[0]?.trim().toLowerCase() === "sep=") continue;
    if (columns === undefined) {
      const named = cells.map((cell) => columnOf(cell.trim()));
      if (named.includes("address") || named.includes("person")) {
        columns = named;
        continue;
      }
      columns = columnsOf(cells);
      if (columns === undefined) {
        throw new ImportColumnsError(
          `Line ${line} is a heading without a column "address", "email" or "person" (${cells.map((cell) => JSON.stringify(cell.trim().slice(0, 30))).join(", ")}): name one of them so. Nothing was imported.`,
        );
      }
    }
    const names = columns;
    yield toRow(
      line,
      Object.fromEntries(
        cells.flatMap((cell, index) => (names[index] === undefined ? [] : [[names[index], cell.trim()]])),
      ),
    );
  }
}

/**
 * What stands where in a file without a heading: address, list, reason, since, until. Where the address is not the first, only
 * it is sure: what stands around it may be somebody's name. `undefined` when no cell is an address.
 */
function columnsOf(cells: readonly string[]): readonly (string | undefined)[] | undefined {
  const at = cells.findIndex((cell) => cell.includes("@"));
  if (at < 0 && /^[a-z2-7]{26}$/.test(cells[0]?.trim() ?? "")) return ["person", "list", "reason", "since", "until"];
  // A single column can only be one thing, whatever its first line says.
  if (at < 0 && cells.length > 1) return undefined;
  if (at <= 0) return ["address", "list", "reason", "since", "until"];
  return cells.map((_, index) => (index === at ? "address" : undefined));
}

/**
 * `cells` is missing for a record that is too long. The first comma, semicolon or tab that stands outside of quotes separates
 * throughout: the others are then text. Lines end with LF, CRLF or CR.
 */
async function* csvRecords(
  chunks: AsyncIterable<string>,
): AsyncGenerator<{ line: number; cells: string[] | undefined }> {
  let line = 1;
  let start = 1;
  let cells: string[] = [];
  let cell = "";
  let size = 0;
  let quoted = false;
  let wasQuote = false;
  let wasReturn = false;
  let first = true;
  let separator: string | undefined;
  for await (const chunk of chunks) {
    const text = first ? chunk.replace(/^\ufeff/, "") : chunk;
    if (chunk !== "") first = false;
    for (const character of text) {
      // The second half of a line end that was counted with its first.
      const isHalf = character === "\n" && wasReturn;
      wasReturn = character === "\r";
      if ((character === "\n" || character === "\r") && !isHalf) line++;
      if (quoted && character === '"' && !wasQuote) {
        wasQuote = true;
        continue;
      }
      if (quoted && wasQuote && character !== '"') quoted = false;
      wasQuote = false;
      if (!quoted && isHalf) {
        start = line;
        continue;
      }
      if (!quoted && (character === "\n" || character === "\r")) {
        cells.push(cell);
        yield { line: start, cells: size > maxRowCharacters ? undefined : cells };
        [cells, cell, size, start] = [[], "", 0, line];
      } else if (!quoted && character === '"' && cell === "") quoted = true;
      else if (!quoted && isSeparator(character) && (separator ?? character) === character) {
        separator = character;
        cells.push(cell);
        cell = "";
      } else if (++size <= maxRowCharacters) cell += character;
      else if (quoted && (character === "\n" || character === "\r")) {
        // Given up: the next line is read as a row of its own.
        quoted = false;
        yield { line: start, cells: undefined };
        [cells, cell, size, start] = [[], "", 0, line];
      }
    }
  }
  if (cell !== "" || cells.length > 0) {
    cells.push(cell);
    yield { line: start, cells: size > maxRowCharacters ? undefined : cells };
  }
}

const isSeparator = (character: string) => character === "," || character === ";" || character === "\t";

async function* rowsOfJson(chunks: AsyncIterable<string>): AsyncGenerator<ReadRow> {
  for await (const { line, text } of jsonObjects(chunks)) {
    if (text === undefined) {
      yield { line, fault: "no JSON object of a sensible length" };
      continue;
    }
    try {
      const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
      const fields = Object.entries(value).flatMap(([name, field]) => {
        const column = columnOf(name);
        return column === undefined || field === null || typeof field === "object"
          ? []
          : [[column, String(field)] as const];
      });
      yield toRow(line, Object.fromEntries(fields));
    } catch {
      yield { line, fault: "no JSON object" };
    }
  }
}

/** The outermost objects of a text, whatever stands between them: an array's commas, or line ends. */
async function* jsonObjects(chunks: AsyncIterable<string>): AsyncGenerator<{ line: number; text: string | undefined }> {
  let line = 1;
  let start = 1;
  let depth = 0;
  let text = "";
  let inString = false;
  let escaped = false;
  let stray = false;
  for await (const chunk of chunks) {
    for (const character of chunk) {
      if (character === "\n") line++;
      if (depth === 0) {
        if (character === "{") {
          [depth, text, start, stray] = [1, "{", line, false];
        } else if (!/[\s,[\]\ufeff]/.test(character) && !stray) {
          stray = true;
          yield { line, text: undefined };
        } else if (character === "\n") stray = false;
        continue;
      }
      text += character;
      if (inString) {
        if (escaped) escaped = false;
        else if (character === "\\") escaped = true;
        else if (character === '"') inString = false;
      } else if (character === '"') inString = true;
      else if (character === "{") depth++;
      else if (character === "}" && --depth === 0) yield { line: start, text };
      if (text.length > maxRowCharacters) {
        [depth, text, inString] = [0, "", false];
        yield { line: start, text: undefined };
      }
    }
  }
  if (depth > 0) yield { line: start, text: undefined };
}

/** Our name of a column; those of the SES account's list are known too. */
function columnOf(name: string): keyof ImportRow | undefined {
  switch (name.toLowerCase().replace(/[\s_-]/g, "")) {
    case "address":
    case "email":
    case "emailaddress":
      return "address";
    case "person":
      return "person";
    case "list":
      return "list";
    case "reason":
      return "reason";
    case "since":
    case "lastupdatetime":
      return "since";
    case "until":
      return "until";
    default:
      return undefined;
  }
}

function toRow(line: number, fields: Readonly<Partial<Record<keyof ImportRow, string>>>): ReadRow {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
  if (given["address"] === undefined && given["person"] === undefined) return { line, fault: "no address" };
  const { reason: word, ...rest } = given;
  if (word === undefined) return { line, row: rest };
  // The words of the SES account's list.
  const ses = { BOUNCE: "hard-bounce", COMPLAINT: "complaint" } as const;
  const reason = ses[word as keyof typeof ses] ?? suppressionReasons.find((known) => known === word.toLowerCase());
  return reason === undefined
    ? { line, fault: `${JSON.stringify(word.slice(0, 40))} is no reason: one of ${suppressionReasons.join(", ")}` }
    : { line, row: { ...rest, reason } };
}
