import { parentPort, workerData } from "node:worker_threads";
import { readContents } from "../store/contents.ts";
import { openDatabase } from "../store/database.ts";
import { nodeFileSystem } from "../store/files.ts";
import { dataFolder } from "../store/layout.ts";
import { goneFrom, indexMessages, removeFromIndex } from "./index-messages.ts";
import { openIndex } from "./open-index.ts";

/** What the thread is told: look for new messages, take these out, look for those that are gone, end. */
export type IndexRequest =
  | { readonly kind: "look" }
  | { readonly kind: "remove"; readonly id: number; readonly sequences: readonly number[] }
  | { readonly kind: "sweep"; readonly id: number }
  | { readonly kind: "close" };

export type IndexNews =
  | { readonly kind: "progress"; readonly last: number; readonly unreadable: number }
  /** Nothing is left to do. */
  | { readonly kind: "idle" }
  | { readonly kind: "done"; readonly id: number; readonly error?: string };

// What was done when the machine stops is nearly all of it, and a removal waits for little: some 30 ms. Each commit is a segment of
// the index, to be merged with others later.
const batch = 128;
const sweepBatch = 1_000;
const compactTries = 40;
const compactPauseMs = 250;

const port = parentPort;
if (!port) throw new Error("index-thread.ts runs in a worker thread only");
const { root } = workerData as { readonly root: string };
const folder = dataFolder(root);
const mail = openDatabase({ file: folder.database, folder: root, readOnly: true });
const index = openIndex(folder);
const parts = { mail, contents: readContents(mail, nodeFileSystem, folder.contents), index };

const tell = (news: IndexNews) => port.postMessage(news);
const requests: IndexRequest[] = [];
let running = false;
let look = false;

port.on("message", (request: IndexRequest) => {
  if (request.kind === "look") look = true;
  else requests.push(request);
  if (!running) void run();
});

async function run(): Promise<void> {
  running = true;
  while (look || requests.length > 0) {
    const request = requests.shift();
    if (request?.kind === "close") {
      await index.close();
      await mail.close();
      port?.close();
      return;
    }
    if (request) {
      const error = await answer(request).then(
        () => undefined,
        (cause: unknown) => String(cause),
      );
      if (request.kind !== "look") tell({ kind: "done", id: request.id, ...(error !== undefined && { error }) });
      continue;
    }
    const began = performance.now();
    const { taken, unreadable, last } = await indexMessages(parts, batch);
    if (taken < batch) look = false;
    if (taken > 0) tell({ kind: "progress", last, unreadable });
    // Half of a core at most: receiving mail comes first.
    if (look) await new Promise((resolve) => setTimeout(resolve, Math.min(200, performance.now() - began)));
  }
  running = false;
  tell({ kind: "idle" });
}

async function answer(request: Exclude<IndexRequest, { kind: "close" }>): Promise<void> {
  if (request.kind === "look") return;
  if (request.kind === "remove") await removeFromIndex(index, request.sequences);
  else {
    await sweep();
    // Where a page was split, words that are gone since lie in its free space. A reader may keep the log for a moment.
    for (let tries = 0; tries < compactTries && !index.compact(); tries++) {
      await new Promise((resolve) => setTimeout(resolve, compactPauseMs));
    }
    return;
  }
  // The log still holds the pages as they were.
  index.checkpoint();
}

async function sweep(): Promise<void> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { gone, next } = goneFrom(parts, after, sweepBatch);
    if (gone.length > 0) await removeFromIndex(index, gone);
    after = next;
  }
}
