import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RawInput } from "../store/engine-store.ts";

/** What stays in memory and becomes a BLOB of the store's own transaction; a longer message becomes a file. */
export const maxInlineBytes = 65_536;

const suffix = ".incoming";
const smallBytes = 8_192;
const nothing = Buffer.alloc(0);

export interface SpoolWriter {
  /**
   * Resolves when more may come: the caller waits, so that a fast sender cannot fill the memory. Up to 64 KB are copied before
   * it returns; of more, the octets must stay as they are until then.
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** The whole message; a file's octets are synced. Its name here is not: the store gives it another, and syncs that. */
  finish(): RawInput | Promise<RawInput>;
  /** What `finish` gave in memory is used up. */
  release(): void;
  /** Drops what was written. Safe to call at any time, also after the store has taken the file over. */
  discard(): Promise<void>;
}

/**
 * Collects one message: in memory up to 64 KB, beyond in one file written in pieces of at most 64 KB. What a crash leaves
 * in the folder belongs to messages that never got their 250; the store empties it at every start.
 *
 * @param name - unique, safe in a file name
 */
export function createSpoolWriter(folder: string, name: string): SpoolWriter {
  const path = join(folder, name + suffix);
  // Copied, not kept: a message sent octet by octet would otherwise be 65 536 buffers.
  let buffer: Buffer = small.lend();
  let used = 0;
  let file: FileHandle | undefined;
  let opened = false;
  // Takes what comes while `buffer` is written.
  let other: Buffer | undefined;

  const grow = (needed: number) => {
    const grown = needed > maxInlineBytes / 2 ? large.lend() : Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(needed)));
    buffer.copy(grown, 0, 0, used);
    takeBack(buffer);
    buffer = grown;
  };
  const fill = (chunk: Uint8Array) => {
    if (used + chunk.length > buffer.length) grow(used + chunk.length);
    buffer.set(chunk, used);
    used += chunk.length;
  };
  /** Writes the buffer, which is full or the last; the other one is filled from then on. */
  const flush = async () => {
    const full = buffer.subarray(0, used);
    other ??= large.lend();
    [buffer, other] = [other, buffer];
    used = 0;
    opened = true;
    file ??= await open(path, "wx", 0o600);
    await writeAll(file, full);
  };
  const spill = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + maxInlineBytes - used);
      fill(piece);
      at += piece.length;
      if (used === maxInlineBytes && at < chunk.length) await flush();
    }
  };
  const finishFile = async (opened: FileHandle): Promise<RawInput> => {
    await flush();
    await opened.sync();
    await opened.close();
    file = undefined;
    giveBack();
    return { kind: "file", path };
  };
  const giveBack = () => {
    takeBack(buffer);
    if (other) takeBack(other);
    buffer = nothing;
    other = undefined;
  };

  return {
    write(chunk) {
      if (used + chunk.length <= maxInlineBytes) {
        fill(chunk);
        return undefined;
      }
      // The caller's octets may change as soon as it has the promise.
      if (chunk.length > maxInlineBytes) return spill(chunk);
      const first = maxInlineBytes - used;
      fill(chunk.subarray(0, first));
      const written = flush();
      fill(chunk.subarray(first));
      return written;
    },

    finish: () => (file ? finishFile(file) : { kind: "inline", bytes: buffer.subarray(0, used) }),

    release: giveBack,

    async discard() {
      if (!opened) {
        giveBack();
        return;
      }
      const closing = file;
      file = undefined;
      await closing?.close();
      giveBack();
      await rm(path, { force: true });
    },
  };
}

// Messages take turns with these: fresh ones would have to be touched first, and collected afterwards.
const small = createSpareBuffers(smallBytes, 256);
const large = createSpareBuffers(maxInlineBytes, 16);

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
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  // A write may be short; the rest follows, or fails with the reason.
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}
