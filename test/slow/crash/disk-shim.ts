import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const diskFaults = {
  full: 1,
  "sync fails": 2,
  "write fails": 3,
  "short writes": 4,
  "short, then full": 5,
} as const;
export type DiskFault = keyof typeof diskFaults;

let compiled: string | undefined | null;

/** The compiled shim; `undefined` where there is no C compiler, or no Linux. */
export function diskShim(): string | undefined {
  if (compiled !== undefined) return compiled ?? undefined;
  compiled = null;
  if (process.platform !== "linux") return undefined;
  const file = join(mkdtempSync(join(tmpdir(), "mailweir-shim-")), "disk-shim.so");
  const source = fileURLToPath(new URL("disk-shim.c", import.meta.url));
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", file, source, "-ldl", "-lpthread"], { stdio: "pipe" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  compiled = existsSync(file) ? file : null;
  return compiled ?? undefined;
}

/** The file by which a running engine's disk is made to fail and heal. */
export function createControl(file: string, seed: number) {
  const write = async (fault: number, chance: number) => {
    const bytes = Buffer.alloc(16);
    bytes.writeInt32LE(fault, 0);
    bytes.writeInt32LE(chance, 4);
    bytes.writeInt32LE(seed | 0, 8);
    const handle = await open(file, "r+");
    await handle.write(bytes, 0, 16, 0);
    await handle.close();
  };
  writeFileSync(file, Buffer.alloc(16));
  return {
    /** `chance` in 1000, for the faults that come and go. */
    set: (fault: DiskFault, chance: number) => write(diskFaults[fault], chance),
    heal: () => write(0, 0),
  };
}
