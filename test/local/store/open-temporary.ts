import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openStore, type Store, type StoreOptions } from "../../../local/store/open-store.ts";
import { fixedClock, type TestClock, testRandom, testTopology } from "./store-fixture.ts";

export interface Temporary {
  readonly store: Store;
  readonly root: string;
  readonly clock: TestClock;
  /** Closes the store and opens the folder again, with the same clock. */
  reopen(more?: Partial<StoreOptions>): Promise<Store>;
}

/** A store in a folder of its own, gone with the test. */
export async function openTemporary(more: Partial<StoreOptions> = {}): Promise<Temporary> {
  const root = await mkdtemp(join(tmpdir(), "mailweir-store-"));
  const clock = fixedClock();
  let current: Store | undefined;
  let opens = 0;
  const open = async (options: Partial<StoreOptions>) => {
    const random = testRandom(`${root} ${opens++}`);
    current = await openStore({ folder: root, topology: testTopology, clock, random, ...options });
    return current;
  };
  onTestFinished(async () => {
    await current?.close();
    await rm(root, { recursive: true, force: true });
  });
  return {
    store: await open(more),
    root,
    clock,
    async reopen(options = {}) {
      await current?.close();
      return open(options);
    },
  };
}
