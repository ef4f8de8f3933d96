import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { filesWith } from "../local/retention/byte-search.ts";
import {
  envelopeOnly,
  fillForVictim,
  multiplyVictim,
  needles,
  victim,
  victimConfig,
} from "../local/retention/victim-folder.ts";
import { diskShim } from "./crash/disk-shim.ts";
import { seeded } from "./seeded.ts";

const long = process.env["MAILWEIR_LONG"] === "1";
const rounds = long ? 60 : 2;
const seed = Number(process.env["MAILWEIR_SEED"] ?? 5);
const shim = diskShim();
const child = fileURLToPath(new URL("crash/forget-child.ts", import.meta.url));

// More than two transactions' worth of messages.
const more = 250;
// About as many calls of each kind as the command makes.
const calls = { write: 700, sync: 40, unlink: 12, truncate: 4 } as const;

test.skipIf(!shim)(
  `mailweir forget under ${rounds} rounds of SIGKILL at any call of the system (seed ${seed}): run again, it leaves no octet`,
  async () => {
    const random = seeded(seed);
    const home = await mkdtemp(join(tmpdir(), "mailweir-forget-kill-9-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const filled = join(home, "filled");
    await fillForVictim(filled);
    multiplyVictim(filled, more);
    const configFile = join(home, "mailweir.config.ts");
    await writeFile(configFile, `export default ${JSON.stringify(victimConfig)};\n`);
    const forget = (folder: string, blow?: string) =>
      spawnSync(process.execPath, [child, folder, configFile, victim], {
        encoding: "utf8",
        env: {
          ...process.env,
          ...(blow !== undefined && {
            ...{ LD_PRELOAD: shim, MAILWEIR_DISK_ROOT: folder, MAILWEIR_DISK_NOSYNC: "1", MAILWEIR_DISK_KILL: blow },
          }),
        },
      });

    let killed = 0;
    for (let round = 0; round < rounds; round++) {
      const folder = join(home, `round-${round}`);
      cpSync(filled, folder, { recursive: true });
      const blows: string[] = [];
      for (let left = 1 + Math.floor(random() * (long ? 4 : 1)); left > 0; left--) {
        const kinds = Object.keys(calls) as (keyof typeof calls)[];
        const kind = kinds[Math.floor(random() * kinds.length)] ?? "write";
        const number = 1 + Math.floor(random() * calls[kind]);
        blows.push(`${kind} * ${random() < 0.5 ? number : -number}`);
        const { signal, status, stderr } = forget(folder, blows.at(-1));
        expect([blows, signal ?? status, signal ? "" : stderr]).toEqual([blows, signal ? "SIGKILL" : 0, ""]);
        if (signal) killed += 1;
      }
      const { status, stdout, stderr } = forget(folder);
      expect([blows, status, stderr]).toEqual([blows, 0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({ untold: [] });
      expect([blows, await filesWith(folder, [...needles, envelopeOnly])]).toEqual([blows, []]);
      const database = new DatabaseSync(join(folder, "mailweir.sqlite3"));
      const rows = (table: string) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"];
      expect([blows, rows("messages"), rows("objects"), rows("contents")]).toEqual([blows, 1, 1, 1]);
      expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      database.close();
      await rm(folder, { recursive: true });
    }
    expect(killed).toBeGreaterThanOrEqual(rounds / 2);
  },
);
