import type { EngineStore, ListedMessage } from "../store/engine-store.ts";

export interface MessagePage {
  readonly messages: readonly ListedMessage[];
  /** Give it as `before` to go on; null at the end. */
  readonly next: number | null;
}

// A stream with little mail among much other mail: so far one request looks, then the reader asks again.
const maxLookedAt = 2_000;

/**
 * Newest first. With a stream, only messages with a recipient in it; then a page may hold fewer than `limit`, even none,
 * while `next` says that there is more to look at.
 *
 * @param stream - `none`: recipients without one
 */
export async function listMessages(
  store: Pick<EngineStore, "list">,
  query: { readonly limit: number; readonly before?: number; readonly stream?: string },
): Promise<MessagePage> {
  const { limit, stream } = query;
  const wanted = (message: ListedMessage) =>
    stream === undefined || message.recipients.some((entry) => (entry.stream ?? "none") === stream);
  const messages: ListedMessage[] = [];
  let { before } = query;
  for (let lookedAt = 0; lookedAt < maxLookedAt; ) {
    const size = stream === undefined ? limit : 250;
    const batch = await store.list({ limit: size, ...(before !== undefined && { before }) });
    for (const message of batch) {
      before = message.sequence;
      if (wanted(message)) messages.push(message);
      if (messages.length === limit) return { messages, next: before > 1 ? before : null };
    }
    if (batch.length < size) return { messages, next: null };
    lookedAt += batch.length;
  }
  return { messages, next: before ?? null };
}
