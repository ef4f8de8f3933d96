import { readFile } from "node:fs/promises";
import type { ImapFlow } from "imapflow";
import type { ImapAccount } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import type { Secrets } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";

export class ImapError extends MailweirError {
  readonly code: "ERR_IMAP_UNREACHABLE" | "ERR_IMAP_LOGIN" | "ERR_IMAP_QUOTA" | "ERR_IMAP_TOO_BIG" | "ERR_IMAP_REFUSED";
  readonly retryable: boolean;
  constructor(code: ImapError["code"], message: string, options: ErrorOptions & { readonly retryable: boolean }) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable;
  }
}

export interface ImapMail {
  readonly sesMessageId: SesMessageId;
  readonly raw: Uint8Array;
  readonly receivedAt: Date;
  /** Throws when whoever delivers has been overtaken; asked directly before the mail is written. */
  readonly check: () => Promise<unknown>;
}

export interface ImapMailboxes {
  /**
   * Appends the mail unless the folder holds it: asked by the SES message id, which stands in the Received field on top.
   * So it is there once, also for several recipients whose mail goes to this folder.
   *
   * @throws {ImapError}
   */
  append(
    account: ImapAccount,
    folder: string,
    mail: ImapMail,
  ): Promise<{ readonly path: string; readonly repeated: boolean }>;
  close(): Promise<void>;
}

export interface ImapOptions {
  readonly secrets: Pick<Secrets, "read">;
  /** How long a connection without work is kept. Default 20 seconds. */
  readonly idleMs?: number;
  /** Default 30 seconds for the connection, 60 for an answer. */
  readonly timeoutMs?: number;
}

const dayMs = 86_400_000;

/** One connection an account, used for one mail after the other and closed when idle. */
export function createImapMailboxes({ secrets, idleMs = 20_000, timeoutMs = 30_000 }: ImapOptions): ImapMailboxes {
  const lanes = new Map<string, Lane>();

  async function connect(account: ImapAccount): Promise<ImapFlow> {
    const { host, port, tls, user, ca } = account;
    const pass = (await secrets.read(account.passwordFrom)).replace(/[\r\n]+$/, "");
    // Loaded by whoever delivers to IMAP, and nobody else: it costs the engine megabytes.
    const { ImapFlow } = await import("imapflow");
    const client = new ImapFlow({
      host,
      port,
      secure: tls === "implicit",
      ...(tls !== "implicit" && { doSTARTTLS: tls === "starttls" }),
      tls: ca === undefined ? {} : { ca: await readFile(ca) },
      auth: { user, pass },
      logger: false,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: 2 * timeoutMs,
      disableAutoIdle: true,
    });
    // Every command under way fails by itself; without a listener the event would end the process.
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }

  /** Runs alone on the account's connection. A kept one may have been closed by the server meanwhile: then a new one. */
  async function withClient<T>(account: ImapAccount, work: (client: ImapFlow) => Promise<T>): Promise<T> {
    const key = JSON.stringify([account.host, account.port, account.user, account.tls]);
    const lane = lanes.get(key) ?? { last: Promise.resolve() };
    lanes.set(key, lane);
    const run = async () => {
      clearTimeout(lane.timer);
      try {
        if (lane.client?.usable !== true) lane.client = await connect(account);
        return await work(lane.client);
      } catch (error) {
        lane.client?.close();
        delete lane.client;
        throw imapError(error, account);
      } finally {
        lane.timer = setTimeout(() => {
          lane.client?.logout().catch(() => undefined);
          delete lane.client;
        }, idleMs);
        lane.timer.unref();
      }
    };
    const mine = lane.last.then(run, run);
    lane.last = mine.catch(() => undefined);
    return mine;
  }

  return {
    append: (account, folder, { sesMessageId, raw, receivedAt, check }) =>
      withClient(account, async (client) => {
        await check();
        const path = folder.toUpperCase() === "INBOX" ? "INBOX" : folder.split("/");
        const shown = `imap://${account.user}@${account.host}/${folder}`;
        await openFolder(client, path);
        const earlier = await findUids(client, sesMessageId, receivedAt);
        if (earlier.length > 0) return { path: shown, repeated: true };
        // Opening the mailbox took its time: whoever was overtaken meanwhile delivers nothing.
        await check();
        const appended = await client.append(path, Buffer.from(raw), [], receivedAt);
        if (appended === false) throw new Error("the connection was lost before APPEND");
        // Somebody else on another connection may have appended it between question and answer: the earliest stays.
        const uid = appended.uid;
        if (uid === undefined) return { path: shown, repeated: false };
        const first = Math.min(uid, ...(await findUids(client, sesMessageId, receivedAt)));
        if (first < uid) await client.messageDelete(String(uid), { uid: true });
        return { path: `${shown};UID=${first}`, repeated: first < uid };
      }),
    async close() {
      for (const lane of lanes.values()) {
        clearTimeout(lane.timer);
        await lane.last;
        await lane.client?.logout().catch(() => undefined);
        delete lane.client;
      }
    },
  };
}

interface Lane {
  client?: ImapFlow;
  timer?: NodeJS.Timeout;
  last: Promise<unknown>;
}

async function openFolder(client: ImapFlow, path: string | string[]): Promise<void> {
  try {
    await client.mailboxOpen(path);
  } catch (error) {
    if (path === "INBOX" || !refused(error)) throw error;
    // It may be there by now, made by somebody else: what counts is whether it can be opened.
    await client.mailboxCreate(path).catch(() => undefined);
    await client.mailboxSubscribe(path).catch(() => undefined);
    await client.mailboxOpen(path);
  }
}

/**
 * UIDs of the mails that SES gave this id. A server's HEADER search may go by words, or find nothing in what it has not
 * indexed yet, so candidates are looked at: those that the search names, and, where it names none, the day's.
 */
async function findUids(client: ImapFlow, sesMessageId: SesMessageId, receivedAt: Date): Promise<readonly number[]> {
  // Servers compare days in a time zone of theirs, and some set the date of the APPEND.
  const window = { since: new Date(receivedAt.getTime() - 2 * dayMs) };
  const named = (await client.search({ ...window, header: { received: sesMessageId } }, { uid: true })) || [];
  const candidates =
    named.length > 0 ? named : ((await client.search(window, { uid: true })) || []).slice(-maxCandidates);
  if (candidates.length === 0) return [];
  const found: number[] = [];
  for await (const { uid, headers } of client.fetch(candidates, { headers: ["received"] }, { uid: true })) {
    // The topmost Received is SES's own; one further below was written by whoever sent the mail.
    const first = /^received:((?:.*)(?:\r?\n[ \t].*)*)/im.exec(headers?.toString("latin1") ?? "")?.[1] ?? "";
    if (new RegExp(`\\sid ${sesMessageId}(?![0-9a-z])`).test(first)) found.push(uid);
  }
  return found;
}

// A retry comes within minutes: the mail is among the last ones.
const maxCandidates = 200;

interface ServerError extends Error {
  readonly authenticationFailed?: boolean;
  readonly serverResponseCode?: string;
  readonly responseStatus?: string;
  readonly responseText?: string;
}

/** The server answered NO or BAD: the connection is well, the request was not. */
function refused(error: unknown): boolean {
  const status = (error as ServerError).responseStatus;
  return status === "NO" || status === "BAD";
}

function imapError(cause: unknown, { user, host, port }: ImapAccount): unknown {
  if (cause instanceof MailweirError) return cause;
  const error = cause as ServerError;
  const account = `${user} at ${host}:${port}`;
  const said = (error.responseText ?? error.message ?? String(cause)).slice(0, 300);
  const code = error.serverResponseCode;
  if (error.authenticationFailed === true) {
    // RFC 5530: some refusals of a login are the server's trouble, not the password's.
    const retryable = code === "UNAVAILABLE" || code === "LIMIT" || code === "INUSE";
    const remedy = retryable ? "it is tried again" : "check user and passwordFrom of the account, then redrive";
    return new ImapError("ERR_IMAP_LOGIN", `IMAP refused the login of ${account} (${said}): ${remedy}`, {
      cause,
      retryable,
    });
  }
  if (code === "OVERQUOTA") {
    return new ImapError("ERR_IMAP_QUOTA", `The mailbox of ${account} is full (${said}): make room, then redrive`, {
      cause,
      retryable: true,
    });
  }
  if (code === "TOOBIG" || code === "APPENDLIMIT" || code === "LIMIT") {
    return new ImapError("ERR_IMAP_TOO_BIG", `The IMAP server of ${account} takes no mail of this size (${said})`, {
      cause,
      retryable: false,
    });
  }
  if (refused(cause)) {
    return new ImapError("ERR_IMAP_REFUSED", `IMAP refused the mail for ${account} (${code ?? ""} ${said})`, {
      cause,
      retryable: true,
    });
  }
  return new ImapError("ERR_IMAP_UNREACHABLE", `No IMAP with ${account} (${said}): it is tried again`, {
    cause,
    retryable: true,
  });
}
