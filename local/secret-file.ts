import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { makeFolder, nodeFileSystem, readKept, replaceFile } from "./store/files.ts";

/** Reads a secret of 32 octets, which is made at the first call and kept with mode 0600. */
export async function secretFile(path: string): Promise<Uint8Array> {
  try {
    const kept = await readKept(nodeFileSystem, path);
    if (kept.length === 32) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const secret = randomBytes(32);
  await makeFolder(nodeFileSystem, dirname(path));
  await replaceFile(nodeFileSystem, path, secret);
  return secret;
}
