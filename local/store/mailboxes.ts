import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { targetKey } from "../../shared/delivery/address-map.ts";
import type { ImapMailboxes } from "../../shared/delivery/imap-mailbox.ts";
import type { Claim, Mailboxes, MailboxTarget } from "../../shared/ports.ts";
import { assertClaim, effectResult, noteEffect } from "./claims.ts";
import type { Database } from "./database.ts";
import { MailboxNameError } from "./errors.ts";
import { createFolderMaker, createFolderSync, errorCode, type FileSystem, removeFile, writeSynced } from "./files.ts";

// One path element that no file system takes for anything else: not hidden, not "..", no separator, no device.
const safeName = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,126}$/;

/**
 * Maildirs (https://cr.yp.to/proto/maildir.html) below the data folder. The unique name derives from SES id and
 * recipient, and the mailbox is asked for it before it is written, so that a crash between file and row doubles nothing.
 */
export function createMailboxes(
  database: Database,
  fs: FileSystem,
  folder: string,
  imap: Pick<ImapMailboxes, "append">,
): Mailboxes {
  const syncFolder = createFolderSync(fs);
  const makeSureFolder = createFolderMaker(fs, dirname(folder));
  const alone = createTurns();
  // Mailboxes whose folders were made: to look for them costs more calls than a small mail.
  const made = new Set<string>();
  return {
    async deliver(claim, target, body, receivedAt) {
      if (target.kind === "imap") return append(claim, target, body, receivedAt);
      const place = maildirOf(target);
      const mailbox = join(folder, place);
      const name = uniqueName(claim, receivedAt);
      // Attempts for the same file take turns: the later one sees what the earlier one did.
      return alone(`${place}/${name}`, async () => {
        const effect = `deliver ${target.kind} ${place}`;
        const delivered = database.read((sql) => effectResult(sql, assertClaim(sql, claim), claim.recipient, effect));
        if (delivered !== undefined) return { path: delivered, repeated: true };
        const present = await find(fs, mailbox, name, claim.attempt);
        if (present !== undefined) {
          // The attempt that wrote it may have died between the rename and the sync, and the row must not outlive the file.
          for (const part of ["tmp", "new", "cur"]) await makeSureFolder(join(mailbox, part));
          await syncFolder(join(mailbox, dirname(present)));
          return { path: await note(claim, effect, `maildir/${place}/${present}`), repeated: true };
        }
        await write(mailbox, name, claim, body);
        return { path: await note(claim, effect, `maildir/${place}/new/${name}`), repeated: false };
      });
    },
  };

  async function append(
    claim: Claim,
    target: MailboxTarget & { readonly kind: "imap" },
    body: AsyncIterable<Uint8Array>,
    receivedAt: Date,
  ) {
    const effect = `deliver ${targetKey(target)}`;
    const done = () => database.read((sql) => effectResult(sql, assertClaim(sql, claim), claim.recipient, effect));
    const { sesMessageId } = claim;
    const before = done();
    if (before !== undefined) return { path: before, repeated: true };
    const raw = await collect(body);
    return alone(`${effect} ${sesMessageId}`, async () => {
      const delivered = done();
      if (delivered !== undefined) return { path: delivered, repeated: true };
      const check = async () => done();
      const { path, repeated } = await imap.append(target.account, target.folder, {
        sesMessageId,
        raw,
        receivedAt,
        check,
      });
      return { path: await note(claim, effect, path), repeated };
    });
  }

  async function write(mailbox: string, name: string, claim: Claim, body: AsyncIterable<Uint8Array>): Promise<void> {
    if (!made.has(mailbox)) {
      for (const part of ["tmp", "new", "cur"]) await makeSureFolder(join(mailbox, part));
      made.add(mailbox);
    }
    const temporary = join(mailbox, "tmp", `${name}.${claim.attempt}`);
    try {
      await writeSynced(fs, temporary, body);
      // Reading the body took its time: whoever was overtaken meanwhile delivers nothing.
      database.read((sql) => assertClaim(sql, claim));
      await fs.rename(temporary, join(mailbox, "new", name));
    } catch (error) {
      // Somebody may have removed a folder: the next attempt makes it again.
      made.delete(mailbox);
      // The first error is the one to tell; readers of a Maildir clear old files out of tmp/.
      await removeFile(fs, temporary).catch(() => undefined);
      throw error;
    }
    await syncFolder(join(mailbox, "new"));
  }

  // The file is there. A claim that was overtaken just now changes nothing about that: its successor finds it.
  function note(claim: Claim, effect: string, shown: string): Promise<string> {
    return database.write((tx) => {
      noteEffect(tx, assertClaim(tx, claim), claim.recipient, effect, shown);
      return shown;
    }, "repeatable");
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Folders inside a mailbox are Maildir++'s: `.Lists.Dev` beside the inbox's own three. */
function maildirOf({ name, folder }: MailboxTarget & { readonly kind: "maildir" }): string {
  if (!safeName.test(name) || name.includes("..")) throw new MailboxNameError(name);
  if (folder === undefined) return name;
  const parts = folder.split("/");
  if (parts.some((part) => part === "" || /[./\\\p{Cc}]/u.test(part))) throw new MailboxNameError(folder);
  return `${name}/.${parts.join(".")}`;
}

function uniqueName({ sesMessageId, recipient }: Claim, receivedAt: Date): string {
  const to = createHash("sha256").update(recipient).digest("hex").slice(0, 16);
  return `${Math.floor(receivedAt.getTime() / 1000)}.${sesMessageId}_${to}.mailweir`;
}

/**
 * Where the mailbox holds the file, relative to it. In `cur/` a reader has put its flags behind a colon; that folder is
 * searched only when an earlier attempt may have delivered, because it can be long.
 */
async function find(fs: FileSystem, mailbox: string, name: string, attempt: number): Promise<string | undefined> {
  try {
    await fs.stat(join(mailbox, "new", name));
    return `new/${name}`;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  if (attempt === 1) return undefined;
  try {
    const names = await fs.readdir(join(mailbox, "cur"));
    const found = names.find((candidate) => candidate === name || candidate.startsWith(`${name}:`));
    return found && `cur/${found}`;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Runs what shares a key one after the other. */
function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const before = last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
