import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { normaliseAddress } from "../shared/mail/address.ts";
import type { ActionTools } from "./actions/action.ts";
import { createFolderMaker, createFolderSync, errorCode, type FileSystem, writeSynced } from "./store/files.ts";

/**
 * What stands for WorkMail on one machine: a Maildir per recipient, `workmail-<address>`. The file's name derives from
 * SES id and recipient and is looked for first, so that a resumed action delivers once.
 *
 * @param folder - where the Maildirs lie
 */
export function createWorkMailDelivery(fs: FileSystem, folder: string): ActionTools["deliverToMailbox"] {
  const syncFolder = createFolderSync(fs);
  const makeSureFolder = createFolderMaker(fs, dirname(folder));
  return async ({ sesMessageId, recipient, receivedAt, body }) => {
    const mailbox = join(folder, `workmail-${folderName(recipient)}`);
    const to = createHash("sha256").update(normaliseAddress(recipient)).digest("hex").slice(0, 16);
    const name = `${Math.floor(receivedAt.getTime() / 1000)}.${sesMessageId}_${to}.mailweir`;
    for (const part of ["tmp", "new", "cur"]) await makeSureFolder(join(mailbox, part));
    if (!(await holds(fs, mailbox, name))) {
      await writeSynced(fs, join(mailbox, "tmp", name), body);
      await fs.rename(join(mailbox, "tmp", name), join(mailbox, "new", name));
    }
    // Also of a file that is found: the attempt that wrote it may have died before this.
    await syncFolder(join(mailbox, "new"));
    return mailbox;
  };
}

async function holds(fs: FileSystem, mailbox: string, name: string): Promise<boolean> {
  for (const part of ["new", "cur"]) {
    try {
      const names = await fs.readdir(join(mailbox, part));
      if (names.some((candidate) => candidate === name || candidate.startsWith(`${name}:`))) return true;
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }
  return false;
}

/** Two addresses that differ only in what a folder's name cannot hold still have two folders. */
function folderName(recipient: string): string {
  const address = normaliseAddress(recipient);
  const name = address.replace(/[^a-z0-9._+@-]/g, "_").replaceAll("..", "__");
  if (name === address && name.length <= 100) return name;
  return `${name.slice(0, 80)}-${createHash("sha256").update(address).digest("hex").slice(0, 12)}`;
}
