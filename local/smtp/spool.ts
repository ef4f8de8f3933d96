import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RawInput } from "../store/engine-store.ts";

/** What stays in memory and becomes a BLOB of the store's own transaction; a longer message becomes a file. */
export const maxInlineBytes = 65_536;

const suffix = ".incoming";
const smallBytes = 8_192;
// So much at a time is written to a file at most: a message of that size costs one call of the thread pool for it.
const pieceBytes = 131_072;
// So often the disk begins with what has come: at the end it has to wait for the rest only.
const syncEveryBytes = 8_388_608;
const nothing = Buffer.alloc(0);
const emptyLine = Buffer.from("\r\n\r\n");

export interface SpoolWriter {
  /**
   * Resolves when more may come: the caller waits, so that a fast sender cannot fill the memory. Up to 128 KB are copied before
   * it returns; of more, the octets must stay as they are until then.
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** The whole message. */
  finish(): RawInput | Promise<RawInput>;
  /** What `finish` gave in memory is used up. */
  release(): void;
  /** Drops what was written. Safe to call at any time, also after the store has taken the file over. */
  discard(): Promise<void>;
}

/**
 * Collects one message: in memory up to 64 KB, beyond in one file written in pieces of 64 to 128 KB. What a crash leaves
 * in the folder belongs to messages that never got their 250; the store empties it at every start.
 *
 * @param name - unique, safe in a file name
 */
export function createSpoolWriter(folder: string, name: string): SpoolWriter {
  const path = join(folder, name + suffix);
  // Copied, not kept: a message sent octet by octet would otherwise be 65 536 buffers.
  let buffer: Buffer = small.lend();
  let used = 0;
  let beginning: Buffer = nothing;
  let file: FileHandle | undefined;
  let opened = false;
  let unsynced = 0;
  let syncing: Promise<void> | undefined;

  const grow = (needed: number) => {
    const grown =
      opened || needed > maxInlineBytes
        ? pieces.lend()
        : needed > maxInlineBytes / 2
          ? large.lend()
          : Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(needed)));
    buffer.copy(grown, 0, 0, used);
    takeBack(buffer);
    buffer = grown;
  };
  const fill = (chunk: Uint8Array) => {
    if (used + chunk.length > buffer.length) grow(used + chunk.length);
    buffer.set(chunk, used);
    used += chunk.length;
  };
  /** Writes the buffer, which is full or the last; another one is filled from then on. */
  const flush = async () => {
    const full = buffer;
    const octets = full.subarray(0, used);
    buffer = nothing;
    used = 0;
    if (!opened) beginning = headerSection(octets);
    opened = true;
    file ??= await open(path, "wx", 0o600);
    await writeAll(file, octets);
    takeBack(full);
    unsynced += octets.length;
    if (unsynced < syncEveryBytes || syncing) return;
    unsynced = 0;
    syncing = file.datasync();
    // Whoever finishes the message hears of it.
    syncing.catch(() => undefined);
  };
  const spill = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + pieceBytes - used);
      fill(part);
      at += part.length;
      if (used === pieceBytes && at < chunk.length) await flush();
    }
  };
  const finishFile = async (): Promise<RawInput> => {
    await flush();
    const whole = file;
    file = undefined;
    const durable = whole ? syncAndClose(whole, syncing) : Promise.resolve();
    // The store waits for it, unless something else fails before.
    durable.catch(() => undefined);
    return { kind: "file", path, beginning, durable };
  };
  const giveBack = () => {
    takeBack(buffer);
    buffer = nothing;
    used = 0;
  };

  return {
    write(chunk) {
      if (used + chunk.length <= pieceBytes) {
        fill(chunk);
        // Whoever waits for the disk finds more to read behind that: less would be read at a time, and more often.
        return opened && used >= maxInlineBytes ? flush() : undefined;
      }
      // The caller's octets may change as soon as it has the promise.
      if (chunk.length > pieceBytes) return spill(chunk);
      const first = pieceBytes - used;
      fill(chunk.subarray(0, first));
      const written = flush();
      fill(chunk.subarray(first));
      return written;
    },

    finish: () =>
      opened || used > maxInlineBytes ? finishFile() : { kind: "inline", bytes: buffer.subarray(0, used) },

    release: giveBack,

    async discard() {
      giveBack();
      if (!opened) return;
      const closing = file;
      file = undefined;
      await syncing?.catch(() => undefined);
      await closing?.close();
      await rm(path, { force: true });
    },
  };
}

/** Resolves with the sync: closing the file costs nobody's time. */
async function syncAndClose(file: FileHandle, earlier: Promise<void> | undefined): Promise<void> {
  try {
    // A failure is told once: to the sync that was under way.
    await earlier;
    await file.sync();
  } finally {
    file.close().catch(() => undefined);
  }
}

/** All of it, or the first 64 KB. Copied: the buffer is another message's soon. */
function headerSection(octets: Buffer): Buffer {
  const first = octets.subarray(0, maxInlineBytes);
  const end = first.indexOf(emptyLine);
  return Buffer.from(end === -1 ? first : first.subarray(0, end + emptyLine.length));
}

// Messages take turns with these: fresh ones would have to be touched first, and collected afterwards.
const small = createSpareBuffers(smallBytes, 256);
const large = createSpareBuffers(maxInlineBytes, 16);
const pieces = createSpareBuffers(pieceBytes, 16);

function createSpareBuffers(bytes: number, atMost: number) {
  const spare: Buffer[] = [];
  return {
    lend: (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(bytes),
    takeBack(buffer: Buffer): void {
      if (spare.length < atMost) spare.push(buffer);
    },
  };
}

function takeBack(buffer: Buffer): void {
  if (buffer.length === smallBytes) small.takeBack(buffer);
  if (buffer.length === maxInlineBytes) large.takeBack(buffer);
  if (buffer.length === pieceBytes) pieces.takeBack(buffer);
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  // A write may be short; the rest follows, or fails with the reason.
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}
