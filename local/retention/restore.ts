import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { deriveLocalTopology } from "../../shared/config/local-topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { makeFolder, nodeFileSystem, removeFile, syncFolderNow } from "../store/files.ts";
import { dataFolder } from "../store/layout.ts";
import { lockFolder } from "../store/lock.ts";
import { openStore } from "../store/open-store.ts";
import { bindAddressKey } from "../store/plain-suppressions.ts";
import { copyTree, manifestName, readManifest } from "./backup.ts";
import { addBackupFolder, forgottenBeside, forgottenIn } from "./backup-folders.ts";
import { BackupError } from "./errors.ts";
import { forgetAgain } from "./forget-again.ts";

/**
 * Makes a data folder from a backup. It is built beside its place, whoever was forgotten since is forgotten in it, and only
 * then it takes its name: a run that is killed has changed nothing, and the next one begins anew.
 *
 * @param options.replace - takes the place of a folder that has mail; otherwise that is refused
 * @throws {BackupError | FolderInUseError}
 */
export async function restoreBackup(
  backup: string,
  dataRoot: string,
  { config, now, replace }: { readonly config: ResolvedConfig; readonly now: Date; readonly replace: boolean },
): Promise<{ readonly messages: number; readonly forgotten: number }> {
  const from = resolve(backup);
  const manifest = await readManifest(from);
  if (!manifest)
    throw new BackupError(`${from} is no whole backup: mailweir backup --list <folder> shows those that are`);
  const target = resolve(dataRoot);
  const building = `${target}.restoring`;
  const before = `${target}.before-restore`;
  if (existsSync(dataFolder(target).database) && !replace) {
    throw new BackupError(`${target} has mail: restore into another folder with --data, or replace it with --replace`);
  }
  const lock = existsSync(target) ? await lockFolder(target) : undefined;
  try {
    await rm(building, { recursive: true, force: true });
    const copied = await copyTree(from, building);
    if (copied === 0) throw new BackupError(`${from} is empty`);
    await removeFile(nodeFileSystem, join(building, manifestName));
    const root = dirname(from);
    const persons = new Set([
      ...(await forgottenBeside(root)),
      ...(await forgottenIn(dataFolder(target))),
      // A run that was killed between its two renames left the old folder there.
      ...(await forgottenIn(dataFolder(before))),
    ]);
    const forgotten = await forget(building, persons, config, now);
    await addBackupFolder(dataFolder(building), root);
    await makeFolder(nodeFileSystem, dirname(target));
    if (existsSync(target)) {
      await rm(before, { recursive: true, force: true });
      await rename(target, before);
    }
    await rename(building, target);
    await syncFolderNow(nodeFileSystem, dirname(target));
    await rm(before, { recursive: true, force: true });
    return { messages: manifest.messages, forgotten };
  } finally {
    await lock?.release();
  }
}

async function forget(root: string, persons: ReadonlySet<string>, config: ResolvedConfig, now: Date): Promise<number> {
  const store = await openStore({
    folder: root,
    topology: deriveLocalTopology(config),
    clock: { now: () => now },
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    ...(config.tokens && { tokens: config.tokens }),
    env: process.env,
  });
  try {
    await bindAddressKey(store.database, await store.ports.secrets.keyRing());
    return await forgetAgain(store, persons, now.toISOString());
  } finally {
    await store.close();
    // The copy that a migration saved is the backup once more, with whoever was forgotten.
    for (const name of await nodeFileSystem.readdir(root)) {
      if (/\.saved$/.test(basename(name))) await removeFile(nodeFileSystem, join(root, name));
    }
  }
}
