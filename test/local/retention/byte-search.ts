import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Files below a folder that hold one of the octet strings, whatever their case. */
export async function filesWith(folder: string, needles: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = (await readFile(path, "latin1")).toLowerCase();
    if (needles.some((needle) => text.includes(needle.toLowerCase()))) found.push(path.slice(folder.length));
  }
  return found;
}
