import { createWriteStream, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A line of a function that runs in this thread. */
  take(level: "INFO" | "WARN" | "ERROR", message: string, fields: Readonly<Record<string, unknown>>): void;
  /** Takes over the lines of a stream, as they are: a function's own log. */
  attach(stream: Readable): void;
  close(): Promise<void>;
}

/** Data of one line; index by `sesMessageId`. Never a body, a subject or a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

// One file and the one before it: a log must not fill the disk that mail needs.
const maxBytes = 16 * 1024 * 1024;

const waitMs = 50;
const maxWaiting = 65_536;

/**
 * One JSON object a line, to stderr (unless quiet) and to `engine.log` in the data folder; at 16 MB the file becomes
 * `engine.log.1` and a new one begins.
 *
 * @param now - for the time stamps
 */
export function openLog(
  folder: string,
  now: () => Date,
  options: { readonly stderr: "all" | "problems" | "none" },
): Log {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "engine.log");
  let stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  let size = sizeOf(file);
  // A log that cannot be written must not take the mail down with it.
  const ignoreFailure = () => undefined;
  stream.on("error", ignoreFailure);

  let waiting = "";
  let timer: NodeJS.Timeout | undefined;
  // Lines of a moment are one write: a busy engine has some ten for each mail. Problems do not wait, the engine may end by them.
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const text = waiting;
    waiting = "";
    if (text === "") return;
    size += Buffer.byteLength(text);
    stream.write(text);
    if (size < maxBytes) return;
    stream.end();
    try {
      renameSync(file, `${file}.1`);
    } catch {
      // It stays one file then; the next line tries again after another maxBytes.
    }
    stream = createWriteStream(file, { flags: "a", mode: 0o600 });
    stream.on("error", ignoreFailure);
    size = 0;
  };
  const write = (line: string, problem: boolean) => {
    const text = `${line}\n`;
    if (options.stderr === "all" || (options.stderr === "problems" && problem)) process.stderr.write(text);
    waiting += text;
    if (problem || waiting.length >= maxWaiting) flush();
    else timer ??= setTimeout(flush, waitMs);
  };
  const entry: Log["take"] = (level, message, fields) =>
    write(JSON.stringify({ level, message, timestamp: now().toISOString(), ...fields }), level !== "INFO");

  return {
    info: (message, fields = {}) => entry("INFO", message, fields),
    warn: (message, fields = {}) => entry("WARN", message, fields),
    error: (message, fields = {}) => entry("ERROR", message, fields),
    take: entry,
    attach(readable) {
      createInterface({ input: readable }).on("line", (line) => write(line, /"level":"(?:WARN|ERROR)"/.test(line)));
    },
    close: () => {
      flush();
      return new Promise((resolve) => stream.end(() => resolve()));
    },
  };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
