import { cpSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRetention } from "../../../cli/retention-access.ts";
import { type ForgetParts, forgetAddress } from "../../../local/retention/forget-address.ts";
import { addressesBeingForgotten } from "../../../local/retention/forget-record.ts";
import { createForgetting } from "../../../local/retention/forgetting.ts";
import { createHolds } from "../../../local/retention/holds.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import { deriveLocalTopology } from "../../../shared/config/local-topology.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import { ForgetRefusedError } from "../../../shared/retention/errors.ts";
import { manageSuppressions } from "../../../shared/unsubscribe/manage.ts";
import { startConsoleEngine } from "../console/console-engine.ts";
import { filesWith } from "./byte-search.ts";
import { victimConfig as config, envelopeOnly, fillForVictim, needles, victim } from "./victim-folder.ts";

// kill -9 leaves what the system was told, so a copy of the folder is what a kill at that moment leaves.

let home: string;
let filled: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "mailweir-forget-kill-"));
  filled = join(home, "filled");
  await fillForVictim(filled);
}, 120_000);
afterAll(() => rm(home, { recursive: true, force: true }));

async function open(folder: string) {
  const clock = { now: () => new Date("2026-08-04T10:00:00.000Z") };
  const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
  const store = await openStore({ folder, topology: deriveLocalTopology(resolveConfig(config)), clock, random });
  const parts: ForgetParts = {
    store,
    search: {
      forget: async () => undefined,
      async sweep() {
        for (const end of ["", "-wal", "-shm"]) await rm(`${store.folder.search}${end}`, { force: true });
      },
    },
    forgetPerson: async (address) => (await manageSuppressions({ ...store.ports, clock, random })).forget({ address }),
    configuration: JSON.stringify(config),
  };
  const log = { info: () => undefined, error: (message: string, more?: object) => errors.push([message, more]) };
  const errors: unknown[] = [];
  return { store, parts, forgetting: createForgetting(parts, { clock, random, log }), errors };
}

/** Calls `at` before and behind everything that a forgetting does to the disk. */
function watched(parts: ForgetParts, at: (step: string) => void): ForgetParts {
  const around =
    <Args extends readonly unknown[], Result>(name: string, act: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      at(`before ${name}`);
      const result = await act(...args);
      at(`behind ${name}`);
      return result;
    };
  const { database } = parts.store;
  return {
    ...parts,
    store: {
      ...parts.store,
      database: {
        ...database,
        write: around("write", database.write) as Store["database"]["write"],
        compact() {
          at("before compact");
          const done = database.compact();
          at("behind compact");
          return done;
        },
      },
    },
    search: { forget: around("search.forget", parts.search.forget), sweep: around("search.sweep", parts.search.sweep) },
    forgetPerson: around("forgetPerson", parts.forgetPerson),
  };
}

test("killed at any step: what was begun goes on at the next start, and no octet is left", async () => {
  const folder = join(home, "live");
  cpSync(filled, folder, { recursive: true });
  const steps: string[] = [];
  const { store, parts } = await open(folder);
  await forgetAddress(
    watched(parts, (step) => {
      cpSync(folder, join(home, `killed-${steps.length}`), { recursive: true });
      steps.push(step);
    }),
    victim,
  );
  await store.close();
  expect(await filesWith(folder, needles)).toEqual([]);
  // Begin, delete, the files' count, the record's end, the compaction's.
  expect(steps.filter((step) => step === "before write").length).toBeGreaterThanOrEqual(5);
  expect(steps).toEqual(expect.arrayContaining(["behind forgetPerson", "behind search.sweep", "behind compact"]));

  let begun = 0;
  for (const [number, step] of steps.entries()) {
    const killed = join(home, `killed-${number}`);
    const again = await open(killed);
    const records = again.store.database.read(addressesBeingForgotten);
    again.forgetting.resume();
    // Before anything was done, it is for somebody to run the command again.
    if (step === "before write" && number === 0) await again.forgetting.begin(victim, "forget").result;
    await again.forgetting.idle();
    expect(again.errors).toEqual([]);
    expect(again.store.database.read(addressesBeingForgotten)).toEqual([]);
    await again.store.close();
    if (records.length > 0) begun += 1;
    expect([step, number, await filesWith(killed, needles)]).toEqual([step, number, []]);
    // The mail that only the envelope made one of theirs is gone from the Maildir too.
    expect([step, number, await filesWith(killed, [envelopeOnly])]).toEqual([step, number, []]);
    expect((await filesWith(killed, ["Of somebody else."])).length).toBeGreaterThan(0);
    await rm(killed, { recursive: true });
  }
  expect(begun).toBeGreaterThan(5);
}, 300_000);

test("a hold that came while it looked is kept; nothing was deleted", async () => {
  const folder = join(home, "held");
  cpSync(filled, folder, { recursive: true });
  const { store, parts } = await open(folder);
  let writes = 0;
  const holds = createHolds(store.database);
  const held = watched(parts, (step) => {
    if (step === "before write") writes += 1;
    // The second write is the first that deletes something.
    if (step === "before write" && writes === 2)
      void holds.hold({ subject: victim, reason: "case 4711", by: "counsel", at: "2026-08-04T10:00:00.000Z" });
  });
  await expect(forgetAddress(held, victim)).rejects.toThrow(ForgetRefusedError);
  expect(store.database.read((sql) => sql.all("SELECT 1 FROM messages"))).toHaveLength(5);
  await store.close();
}, 60_000);

test("suppress add, suppress forget: no octet in the free space", async () => {
  const folder = join(home, "suppressed");
  const { store } = await open(folder);
  const clock = { now: () => new Date("2026-08-04T10:00:00.000Z") };
  const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
  const manager = await manageSuppressions({ ...store.ports, clock, random });
  // Enough of them that pages are split, where copies stay behind.
  for (let start = 0; start < 30; start++) {
    const rows = Array.from({ length: 100 }, (_, n) => ({ address: `person-${start}-${n}@gone.example` }));
    await manager.importRows(rows, "a file");
  }
  for (const list of ["*", "news", "offers", "letters", "events"])
    await manager.add({ address: victim, list, note: `asked by ${victim}`.repeat(3) });
  for (let start = 30; start < 40; start++) {
    const rows = Array.from({ length: 100 }, (_, n) => ({ address: `person-${start}-${n}@gone.example` }));
    await manager.importRows(rows, "a file");
  }
  await manager.forget({ address: victim });
  // Killed before the answer: the next start does what is owed.
  const killed = join(home, "suppressed-killed");
  cpSync(folder, killed, { recursive: true });
  const again = await open(killed);
  again.forgetting.resume();
  await again.forgetting.idle();
  await again.store.close();
  expect(await filesWith(killed, [victim])).toEqual([]);
  await store.close();
}, 60_000);

test.for<"with an engine" | "without one">([
  "with an engine",
  "without one",
])("the command suppress forget leaves no octet, %s", { timeout: 60_000 }, async (how) => {
  const running = await startConsoleEngine();
  try {
    const { engine } = running;
    const ask = (path: string, body: object) =>
      running.fetch(`/api/suppressions${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${running.token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    await ask("", { address: victim, note: `asked by ${victim}` });
    expect((await filesWith(engine.data, [victim])).length).toBeGreaterThan(0);
    if (how === "with an engine") await ask("/forget", { address: victim });
    else {
      await engine.stop();
      const configFile = join(home, "mailweir.config.ts");
      await writeFile(configFile, `export default ${JSON.stringify(config)};\n`);
      const { openSuppressions } = await import("../../../cli/suppression-access.ts");
      const access = await openSuppressions({ data: engine.data, config: configFile });
      await access.forget({ address: victim });
      await access.close();
    }
    expect(await filesWith(engine.data, [victim])).toEqual([]);
  } finally {
    await running.close();
  }
});

test("without an engine: hold, forget refused, release, forget", async () => {
  const folder = join(home, "command");
  cpSync(filled, folder, { recursive: true });
  const configFile = join(home, "mailweir.config.ts");
  await writeFile(configFile, `export default ${JSON.stringify(config)};\n`);
  const access = await openRetention({ data: folder, config: configFile });
  try {
    const steps = new Set<string>();
    const forget = () => access.forget(victim, false, ({ step }) => steps.add(step));
    await access.hold({ subject: victim, reason: "case 4711", by: "counsel" });
    await expect(forget()).rejects.toThrow("by counsel: case 4711");
    expect(await access.release(victim)).toBe(true);
    expect(await forget()).toMatchObject({ messages: 4 });
    expect([...steps]).toEqual(["looking", "deleting", "looking again", "search index", "compacting"]);
  } finally {
    await access.close();
  }
  expect(await filesWith(folder, needles)).toEqual([]);
}, 60_000);
