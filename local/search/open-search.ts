import { Worker } from "node:worker_threads";
import { MailweirError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/ports.ts";
import type { Log } from "../log.ts";
import type { Database } from "../store/database.ts";
import type { ListedMessage } from "../store/engine-store.ts";
import type { DataFolder } from "../store/layout.ts";
import { listSequences } from "../store/overview.ts";
import { findMessages } from "./find-messages.ts";
import type { IndexNews, IndexRequest } from "./index-thread.ts";
import { openIndex, openIndexReadOnly } from "./open-index.ts";
import { type Condition, parseQuery } from "./parse-query.ts";

export interface SearchPage {
  readonly messages: readonly ListedMessage[];
  /** Give it as `before` to go on; null at the end. A page may be shorter than its limit and still have a next one. */
  readonly next: number | null;
  /** Messages whose words cannot be found yet: they are taken into the index behind their 250. */
  readonly notIndexed: number;
}

export interface Search {
  /** @throws {SearchSyntaxError} */
  find(
    query: string,
    options: { readonly limit: number; readonly before?: number; readonly stream?: string },
  ): Promise<SearchPage>;
  /** Takes messages out of the index, leaving no trace of their words. */
  forget(sequences: readonly number[]): Promise<void>;
  /** Takes out whatever the mail does not hold any more. */
  sweep(): Promise<void>;
  /** How far the index is: the sequence of the newest message whose words can be found; 0 before it is open. */
  position(): number;
  /** Resolves when every message that is stored now is in the index. */
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

export interface SearchParts {
  readonly folder: DataFolder;
  readonly database: Pick<Database, "read" | "onWake">;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "error">;
}

/** The index could not be opened; mail is received all the same. */
export class SearchUnavailableError extends MailweirError {
  readonly code = "ERR_SEARCH_UNAVAILABLE";
  readonly retryable = true;
  constructor() {
    super(
      "The search index cannot be used: the log says why; delete search.sqlite3 in the data folder and start again",
    );
  }
}

// New mail is found within a second; a burst is one look.
const lookAfterMs = 250;
// A thread that has nothing to do gives its memory back.
const idleMs = 20_000;
const retryMs = 30_000;
const longestWaitMs = 5_000;

/**
 * The search over everything that is stored. Words are taken into the index by a thread of their own, into a database of
 * their own: no mail waits for it, and where it was when the machine stopped it goes on.
 */
export function openSearch({ folder, database, clock, log }: SearchParts): Search {
  // Made, or made anew, before anybody reads it.
  let index: Database | undefined;
  const ready = prepareIndex(folder, database).then(() => {
    index = openIndexReadOnly(folder);
  });
  ready.catch((error: unknown) => log.error("search index cannot be used", { cause: String(error) }));
  let worker: Worker | undefined;
  let closed = false;
  let nextId = 1;
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  const caughtUp: (() => void)[] = [];
  let lookTimer: NodeJS.Timeout | undefined;
  let idleTimer: NodeJS.Timeout | undefined;

  const reader = (): Database => {
    if (!index) throw new SearchUnavailableError();
    return index;
  };
  const indexed = () => reader().read((sql) => Number(sql.get("SELECT seq FROM progress")?.["seq"] ?? 0));
  const stored = () =>
    database.read((sql) => Number(sql.get("SELECT seq FROM messages ORDER BY seq DESC LIMIT 1")?.["seq"] ?? 0));

  const isBusy = () => database.read((sql) => sql.get("SELECT 1 FROM recipients WHERE open = 1 LIMIT 1")) !== undefined;
  let waitedMs = 0;

  const start = (): Worker => {
    if (worker) return worker;
    const started = new Worker(new URL("./index-entry.mjs", import.meta.url), {
      workerData: { root: folder.root },
      resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 4 },
    });
    started.unref();
    started.on("message", (news: IndexNews) => heard(started, news));
    started.on("error", (error) => log.error("search index failed", { cause: error.message }));
    started.on("exit", (code) => ended(started, code));
    worker = started;
    return started;
  };

  const ask = (request: IndexRequest) => {
    clearTimeout(idleTimer);
    start().postMessage(request);
  };

  const heard = (from: Worker, news: IndexNews) => {
    if (news.kind === "done") {
      const pending = waiting.get(news.id);
      waiting.delete(news.id);
      if (news.error === undefined) pending?.resolve();
      else pending?.reject(new Error(news.error));
    } else if (news.kind === "idle") {
      for (const resolve of caughtUp.splice(0)) resolve();
      idleTimer = setTimeout(() => from.postMessage({ kind: "close" } satisfies IndexRequest), idleMs);
      idleTimer.unref();
    } else if (news.unreadable > 0) log.info("mail indexed by its envelope", { count: news.unreadable });
  };

  const ended = (which: Worker, code: number) => {
    if (worker === which) worker = undefined;
    for (const { reject } of waiting.values()) reject(new Error("the search index stopped: ask again"));
    waiting.clear();
    if (closed) for (const resolve of caughtUp.splice(0)) resolve();
    else if (code !== 0) {
      // New mail would start it, and let it fail, again and again.
      clearTimeout(lookTimer);
      lookTimer = undefined;
      later(retryMs);
    } else if (stored() > indexed()) later(0);
  };

  const later = (afterMs: number) => {
    if (closed || lookTimer) return;
    lookTimer = setTimeout(() => {
      lookTimer = undefined;
      if (closed || stored() <= indexed()) return;
      // A thread more is memory more: while a message is being worked on, that can wait a moment.
      if (!worker && waitedMs < longestWaitMs && isBusy()) {
        waitedMs += lookAfterMs;
        later(lookAfterMs);
        return;
      }
      waitedMs = 0;
      ask({ kind: "look" });
    }, afterMs);
    lookTimer.unref();
  };

  const unsubscribe = database.onWake(() => later(lookAfterMs));
  void ready.then(
    () => later(0),
    () => undefined,
  );

  const command = async (request: (id: number) => IndexRequest) => {
    await ready;
    const id = nextId++;
    const pending = Promise.withResolvers<void>();
    waiting.set(id, pending);
    ask(request(id));
    return pending.promise;
  };

  return {
    async find(query, { limit, before = Number.MAX_SAFE_INTEGER, stream }) {
      await ready;
      const conditions: Condition[] = [
        ...parseQuery(query, clock.now()),
        ...(stream === undefined ? [] : [{ kind: "stream" as const, negated: false, stream }]),
      ];
      const behind = Math.max(0, stored() - indexed());
      return database.read((mail) => {
        const { sequences, next } = reader().read((words) =>
          findMessages({ mail, index: words }, conditions, { limit, before }),
        );
        return { messages: listSequences(mail, sequences), next, notIndexed: behind };
      });
    },
    forget: (sequences) => command((id) => ({ kind: "remove", id, sequences })),
    sweep: () => command((id) => ({ kind: "sweep", id })),
    position: () => (index ? indexed() : 0),
    async caughtUp() {
      await ready;
      while (!closed && stored() > indexed()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        caughtUp.push(resolve);
        ask({ kind: "look" });
        await promise;
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      unsubscribe();
      clearTimeout(lookTimer);
      clearTimeout(idleTimer);
      await ready.catch(() => undefined);
      const running = worker;
      if (running) {
        const exited = new Promise<void>((resolve) => running.once("exit", () => resolve()));
        running.postMessage({ kind: "close" } satisfies IndexRequest);
        const timer = setTimeout(() => void running.terminate(), 5_000);
        await exited;
        clearTimeout(timer);
      }
      for (const resolve of caughtUp.splice(0)) resolve();
      await index?.close();
    },
  };
}

/** Makes the index, or makes it anew where it is not of this mail: an older copy of the mail was put back beside it. */
async function prepareIndex(folder: DataFolder, mail: Pick<Database, "read">): Promise<void> {
  const made = openIndex(folder);
  const last = made.read((sql) => sql.get("SELECT seq, ses_message_id FROM docs ORDER BY seq DESC LIMIT 1"));
  const progress = made.read((sql) => Number(sql.get("SELECT seq FROM progress")?.["seq"] ?? 0));
  const newest = mail.read((sql) => Number(sql.get("SELECT max(seq) AS seq FROM ids")?.["seq"] ?? 0));
  const known =
    last && mail.read((sql) => sql.get("SELECT ses_message_id FROM ids WHERE seq = ?", Number(last["seq"])));
  if (progress > newest || (last && known && last["ses_message_id"] !== known["ses_message_id"])) {
    await made.write((tx) => {
      tx.run("DELETE FROM words");
      tx.run("DELETE FROM docs");
      tx.run("UPDATE progress SET seq = 0");
    });
  }
  await made.close();
}
