import { randomBytes } from "node:crypto";
import { lockFolder } from "../local/store/lock.ts";
import { openStore, type Store } from "../local/store/open-store.ts";
import { bindAddressKey } from "../local/store/plain-suppressions.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import { deriveLocalTopology } from "../shared/config/local-topology.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import type { Clock, Random } from "../shared/ports.ts";

/** A data folder that no engine runs on, locked as one would lock it. */
export interface OpenFolder {
  readonly config: ResolvedConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  close(): Promise<void>;
}

/** @throws {FolderInUseError | AddressKeyChangedError | ConfigError} */
export async function openFolder(folder: string, configFile: string | undefined): Promise<OpenFolder> {
  const config = await loadConfig(configFile ?? "mailweir.config.ts");
  const lock = await lockFolder(folder);
  try {
    const clock = { now: () => new Date() };
    const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
    const store = await openStore({
      folder,
      // What is to be told waits in the queue for the next start.
      topology: deriveLocalTopology(config),
      clock,
      random,
      ...(config.tokens && { tokens: config.tokens }),
      env: process.env,
    });
    try {
      await bindAddressKey(store.database, await store.ports.secrets.keyRing());
    } catch (error) {
      await store.close();
      throw error;
    }
    return {
      config,
      store,
      clock,
      random,
      async close() {
        await store.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
