import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { MailweirError } from "../shared/errors.ts";

export interface MailSource {
  /** Relative to the folder given, with "/"; a single file as it was named; `-` for standard input. */
  readonly path: string;
  /** Place in an mbox, from 0. */
  readonly index?: number;
  read(): Promise<Uint8Array>;
}

export class NoMailFoundError extends MailweirError {
  readonly code = "ERR_NO_MAIL";
  readonly retryable = false;
}

/**
 * Finds the messages behind one argument: a mail file, an mbox, a folder (recursively, `.eml` and `.raw`), or `-`.
 *
 * @param onSkipped - is told each file of a folder that is no mail by its name
 * @throws {NoMailFoundError} when there is no such file or folder
 */
export async function* mailSources(argument: string, onSkipped: (path: string) => void): AsyncGenerator<MailSource> {
  if (argument === "-") {
    yield { path: "-", read: async () => readAll(process.stdin) };
    return;
  }
  const found = await stat(argument).catch(() => undefined);
  if (!found) throw new NoMailFoundError(`There is no file or folder "${argument}": check the path`);
  if (!found.isDirectory()) {
    if (await isMbox(argument)) yield* mboxMessages(argument);
    else yield { path: argument, read: () => readFile(argument) };
    return;
  }
  for await (const file of walk(argument)) {
    const path = relative(argument, file).split(sep).join("/");
    if (/\.(?:eml|raw)$/i.test(file)) yield { path, read: () => readFile(file) };
    else onSkipped(path);
  }
}

/** In the order of names, so that two runs print the same. Links are not followed: they may lead in circles. */
async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

async function isMbox(path: string): Promise<boolean> {
  const chunks = createReadStream(path, { end: 4 });
  const start = await readAll(chunks);
  return Buffer.from(start).toString("latin1") === "From " && !/\.(?:eml|raw)$/i.test(path);
}

/** Splits at "From " behind an empty line and takes one ">" off quoted ones (mboxrd), holding one message at a time. */
async function* mboxMessages(path: string): AsyncGenerator<MailSource> {
  let lines: Buffer[] = [];
  let index = -1;
  let blank = true;
  let rest: Buffer = Buffer.alloc(0);
  const message = (): MailSource => {
    const raw = Buffer.concat(lines);
    lines = [];
    return { path, index, read: async () => raw };
  };
  const take = (line: Buffer): MailSource | undefined => {
    if (blank && line.subarray(0, 5).toString("latin1") === "From ") {
      const done = index >= 0 ? message() : undefined;
      index++;
      blank = false;
      return done;
    }
    blank = /^\r?\n?$/.test(line.subarray(0, 3).toString("latin1"));
    lines.push(/^>+From /.test(line.subarray(0, 80).toString("latin1")) ? line.subarray(1) : line);
    return undefined;
  };
  for await (const chunk of createReadStream(path)) {
    const octets = Buffer.concat([rest, chunk as Buffer]);
    let at = 0;
    for (let newline = octets.indexOf(10, at); newline !== -1; newline = octets.indexOf(10, at)) {
      const done = take(octets.subarray(at, newline + 1));
      at = newline + 1;
      if (done) yield done;
    }
    rest = octets.subarray(at);
  }
  const last = rest.length > 0 ? take(rest) : undefined;
  if (last) yield last;
  if (index >= 0) yield message();
}

async function readAll(stream: AsyncIterable<unknown>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
