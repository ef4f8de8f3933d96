import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { MailweirError } from "../shared/errors.ts";

export interface MailSource {
  /** Relative to the folder given, with "/"; a single file as it was named; `-` for standard input. */
  readonly path: string;
  /** Place in an mbox, from 0. */
  readonly index?: number;
  /** The octets as they are read; once. Of an mbox, before the next source is asked for. Throws what reading a file throws. */
  open(): AsyncIterable<Uint8Array>;
}

/** All octets of a source at once, for what cannot read a stream. */
export async function readWhole(source: MailSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export class NoMailFoundError extends MailweirError {
  readonly code = "ERR_NO_MAIL";
  readonly retryable = false;
}

/**
 * Finds the messages behind one argument: a mail file, an mbox, a folder (recursively, `.eml` and `.raw`, and all that lies in
 * `cur` and `new` of a Maildir), or `-`.
 *
 * @param onSkipped - is told each file of a folder that is no mail by its name
 * @throws {NoMailFoundError} when there is no such file or folder
 */
export async function* mailSources(argument: string, onSkipped: (path: string) => void): AsyncGenerator<MailSource> {
  if (argument === "-") {
    yield { path: "-", open: () => process.stdin };
    return;
  }
  const found = await stat(argument).catch(() => undefined);
  if (!found) throw new NoMailFoundError(`There is no file or folder "${argument}": check the path`);
  if (!found.isDirectory()) {
    if (await isMbox(argument)) yield* mboxMessages(argument);
    else yield { path: argument, open: () => createReadStream(argument) };
    return;
  }
  for await (const file of walk(argument)) {
    const path = relative(argument, file).split(sep).join("/");
    if (/\.(?:eml|raw)$/i.test(file) || (await isInMaildir(file))) yield { path, open: () => createReadStream(file) };
    else onSkipped(path);
  }
}

/** A Maildir's mails have no ending; its three folders stand beside each other. */
async function isInMaildir(file: string): Promise<boolean> {
  const folder = dirname(file);
  if (!/^(?:cur|new)$/.test(basename(folder)) || basename(file).startsWith(".")) return false;
  const beside = await Promise.all(
    ["cur", "new", "tmp"].map((name) => stat(join(dirname(folder), name)).catch(() => undefined)),
  );
  return beside.every((found) => found?.isDirectory() === true);
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
  if (/\.(?:eml|raw)$/i.test(path)) return false;
  let start = "";
  for await (const chunk of createReadStream(path, { end: 4 })) start += (chunk as Buffer).toString("latin1");
  return start === "From ";
}

async function* mboxMessages(path: string): AsyncGenerator<MailSource> {
  const pieces = mboxPieces(path);
  let step = await pieces.next();
  for (let index = 0; !step.done; index++) {
    let ended = false;
    const advance = async (): Promise<Buffer | undefined> => {
      if (ended) return undefined;
      step = await pieces.next();
      ended = step.done === true || step.value === separator;
      return ended ? undefined : (step.value as Buffer);
    };
    yield {
      path,
      index,
      async *open() {
        for (let piece = await advance(); piece; piece = await advance()) yield piece;
      },
    };
    // What the reader left over.
    while (await advance());
  }
}

const separator = Symbol("the next message begins");
// Longer lines are no separator; a line is not waited for beyond this.
const maxSeparatorBytes = 1_000;

/** Splits at "From " behind an empty line and takes one ">" off quoted ones (mboxrd). Holds one piece of the file. */
async function* mboxPieces(path: string): AsyncGenerator<Buffer | typeof separator> {
  let rest: Buffer = Buffer.alloc(0);
  let lineStart = true;
  let blank = true;
  for await (const chunk of createReadStream(path)) {
    const octets = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    let from = 0;
    let at = 0;
    for (let newline = octets.indexOf(10, at); newline !== -1; newline = octets.indexOf(10, at)) {
      const line = octets.subarray(at, newline + 1);
      const first = octets[at];
      const mayMatter = first === 0x46 || first === 0x3e || first === 0x0d || first === 0x0a;
      const start = lineStart && mayMatter ? line.subarray(0, 80).toString("latin1") : "";
      if (blank && start.startsWith("From ")) {
        if (at > from) yield octets.subarray(from, at);
        yield separator;
        from = newline + 1;
        blank = false;
      } else {
        if (/^>+From /.test(start)) {
          if (at > from) yield octets.subarray(from, at);
          from = at + 1;
        }
        blank = lineStart && /^\r?\n$/.test(start);
      }
      lineStart = true;
      at = newline + 1;
    }
    const waits = lineStart && octets.length - at < maxSeparatorBytes;
    const end = waits ? at : octets.length;
    if (end > from) yield octets.subarray(from, end);
    if (!waits) {
      lineStart = false;
      blank = false;
    }
    rest = waits ? Buffer.from(octets.subarray(at)) : Buffer.alloc(0);
  }
  if (rest.length === 0) return;
  if (blank && rest.subarray(0, 5).toString("latin1") === "From ") yield separator;
  else yield rest;
}
