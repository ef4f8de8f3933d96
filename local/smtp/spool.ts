import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RawInput } from "../store/engine-store.ts";

/** What stays in memory and becomes a BLOB of the store's own transaction; a longer message becomes a file. */
export const maxInlineBytes = 65_536;

const suffix = ".incoming";

export interface SpoolWriter {
  /** Resolves when more may come: the caller waits, so that a fast sender cannot fill the memory. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** The whole message; a file's octets are synced. Its name here is not: the store gives it another, and syncs that. */
  finish(): Promise<RawInput>;
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
  let buffer = Buffer.allocUnsafe(8_192);
  let used = 0;
  let file: FileHandle | undefined;

  const fill = (chunk: Uint8Array) => {
    if (used + chunk.length > buffer.length) {
      let length = buffer.length;
      while (length < used + chunk.length) length *= 2;
      const grown = Buffer.allocUnsafe(Math.min(length, maxInlineBytes));
      buffer.copy(grown, 0, 0, used);
      buffer = grown;
    }
    buffer.set(chunk, used);
    used += chunk.length;
  };
  const flush = async () => {
    file ??= await open(path, "wx", 0o600);
    await writeAll(file, buffer.subarray(0, used));
    used = 0;
  };
  const spill = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + maxInlineBytes - used);
      fill(piece);
      at += piece.length;
      if (used === maxInlineBytes && at < chunk.length) await flush();
    }
  };

  return {
    write(chunk) {
      if (used + chunk.length > maxInlineBytes) return spill(chunk);
      fill(chunk);
      return undefined;
    },

    async finish() {
      if (!file) return { kind: "inline", bytes: buffer.subarray(0, used) };
      await flush();
      await file.sync();
      await file.close();
      file = undefined;
      return { kind: "file", path };
    },

    async discard() {
      const opened = file;
      file = undefined;
      await opened?.close();
      await rm(path, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  // A write may be short; the rest follows, or fails with the reason.
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}
