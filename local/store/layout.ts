import { join } from "node:path";

/**
 * What lies where in a data folder:
 *
 *     mailweir.sqlite3 (-wal, -shm)   everything but large octets; `.schema-N.saved`: copies from before a migration
 *     search.sqlite3 (-wal, -shm)     the search index; made anew when it is missing, so it need not be saved
 *     lock.sqlite3                    held by the running engine; empty
 *     engine.json                     who holds it: process, ports, token of the local API (mode 0600)
 *     spool/                          messages that are still arriving; emptied at every start
 *     contents/<start>/<name>         raw messages and objects over 64 KB; the database names each file
 *     maildir/<mailbox>/{tmp,new,cur} personal mail
 *     outbox/<message id>-<n>.eml     bounces and other mail, where no smarthost is configured
 *     keys/master.json                key store that stands for KMS (mode 0600)
 *     keys/tokens.key                 signs unsubscribe and reply addresses; one line of text (mode 0600)
 */
export interface DataFolder {
  readonly root: string;
  readonly database: string;
  readonly search: string;
  readonly lock: string;
  readonly engine: string;
  readonly spool: string;
  readonly contents: string;
  readonly maildir: string;
  readonly outbox: string;
  readonly keys: string;
}

export function dataFolder(root: string): DataFolder {
  return {
    root,
    database: join(root, "mailweir.sqlite3"),
    search: join(root, "search.sqlite3"),
    lock: join(root, "lock.sqlite3"),
    engine: join(root, "engine.json"),
    spool: join(root, "spool"),
    contents: join(root, "contents"),
    maildir: join(root, "maildir"),
    outbox: join(root, "outbox"),
    keys: join(root, "keys"),
  };
}
