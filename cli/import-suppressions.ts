import { createReadStream } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { SingleBar } from "cli-progress";
import { MailweirError } from "../shared/errors.ts";
import { faultOf, type ImportRow, type SuppressionManager } from "../shared/unsubscribe/manage.ts";
import { type RowFormat, readRows } from "./suppression-rows.ts";

export class ImportFileError extends MailweirError {
  readonly code = "ERR_IMPORT_FILE";
  readonly retryable = false;
}

export interface Imported {
  readonly read: number;
  readonly added: number;
  readonly known: number;
  readonly wrong: number;
  /** Rows that an earlier, interrupted import of this file had done. */
  readonly resumedAt: number;
}

// The API's and the store's bound; one transaction each.
const batchRows = 1_000;
// Importing again changes nothing, so a mark now and then is enough.
const markEveryRows = 20_000;

/**
 * Imports a file in batches, in bounded memory. Where an import of the same file was interrupted, it goes on: beside the file
 * lies a mark until the import has ended.
 *
 * @throws {ImportFileError}
 */
export async function importSuppressions(
  list: Pick<SuppressionManager, "importRows">,
  file: string,
  options: {
    readonly format: RowFormat;
    readonly restart: boolean;
    readonly onFault: (line: number, fault: string) => void;
  },
): Promise<Imported> {
  const mark = file === "-" ? undefined : await openMark(file, options.restart);
  const resumedAt = mark?.done ?? 0;
  const bar = new SingleBar({
    stream: process.stderr,
    format: "{bar} {percentage}%  {rows} rows  {eta_formatted} left",
    hideCursor: true,
    // Without a terminal there is nobody to look at it.
    noTTYOutput: false,
  });
  let octets = 0;
  let read = 0;
  let added = 0;
  let known = 0;
  let wrong = 0;
  let batch: ImportRow[] = [];
  const flush = async () => {
    if (batch.length === 0) return;
    const rows = batch;
    batch = [];
    const result = await list.importRows(rows, file === "-" ? "standard input" : (file.split("/").at(-1) ?? file));
    added += result.added;
    known += result.known;
    bar.update(octets, { rows: read });
  };
  bar.start(Math.max(mark?.sizeBytes ?? 0, 1), 0, { rows: 0 });
  try {
    const source = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 262_144 });
    for await (const entry of readRows(
      textOf(source, (size) => (octets += size)),
      options.format,
    )) {
      read++;
      if (read <= resumedAt) continue;
      const fault = "fault" in entry ? entry.fault : faultOf(entry.row);
      if (fault !== undefined || !("row" in entry)) {
        wrong++;
        options.onFault(entry.line, fault ?? "");
      } else batch.push(entry.row);
      if (batch.length >= batchRows) await flush();
      if (read % markEveryRows === 0) {
        await flush();
        await mark?.write(read);
      }
    }
    await flush();
    await mark?.remove();
  } finally {
    bar.stop();
  }
  return { read: read - Math.min(read, resumedAt), added, known, wrong, resumedAt };
}

/** UTF-8, or UTF-16 where a byte order mark says so, as spreadsheets write "Unicode text". */
async function* textOf(source: AsyncIterable<unknown>, onOctets: (size: number) => void): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of source) {
    onOctets((chunk as Uint8Array).length);
    const octets = held.length === 0 ? (chunk as Uint8Array) : Buffer.concat([held, chunk as Uint8Array]);
    if (decoder === undefined && octets.length < 2) {
      held = octets;
      continue;
    }
    held = new Uint8Array();
    decoder ??= new TextDecoder(encodingOf(octets));
    yield decoder.decode(octets, { stream: true });
  }
  yield decoder === undefined ? new TextDecoder().decode(held) : decoder.decode();
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

interface Mark {
  readonly sizeBytes: number;
  readonly done: number;
  write(rows: number): Promise<void>;
  remove(): Promise<void>;
}

/** What an earlier import of the very same file left; a file that was changed since is a new one. */
async function openMark(file: string, restart: boolean): Promise<Mark> {
  const { size, mtimeMs } = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new ImportFileError(`Cannot read ${file} (${cause.code}): name a CSV or JSON file, or - for standard input`, {
      cause,
    });
  });
  const path = `${file}.mailweir-import`;
  const kept = await readFile(path, "utf8").then(
    (text) => JSON.parse(text) as unknown,
    () => undefined,
  );
  const {
    size: keptSize,
    mtimeMs: keptTime,
    rows,
  } = (kept ?? {}) as { size?: unknown; mtimeMs?: unknown; rows?: unknown };
  const same = !restart && keptSize === size && keptTime === mtimeMs && typeof rows === "number";
  return {
    sizeBytes: size,
    done: same ? rows : 0,
    async write(count) {
      try {
        await writeFile(`${path}.tmp`, JSON.stringify({ size, mtimeMs, rows: count }));
        await rename(`${path}.tmp`, path);
      } catch {
        // The file's folder may not be ours to write in: then an interrupted import begins anew, and changes nothing twice.
      }
    },
    remove: () => rm(path, { force: true }),
  };
}
