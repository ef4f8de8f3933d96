import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import * as z from "zod";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { parseHeaderSection } from "../../shared/mail/headers.ts";
import type { Clock } from "../../shared/ports.ts";
import { composeMessage } from "../../shared/streams/compose-message.ts";
import type { StreamMessage } from "../../shared/streams/stream-message.ts";
import { readHeader } from "../actions/stored-block.ts";
import type { Store } from "../store/open-store.ts";
import { storedContentOf } from "../store/stored-content.ts";
import { createStreamFeed, type FeedEntry } from "../store/stream-feed.ts";
import { watchCommits } from "./changes.ts";
import { jsonBody } from "./json-body.ts";
import { wholeNumber } from "./paging.ts";
import { problem } from "./problem.ts";

export interface FeedParts {
  readonly config: Pick<ResolvedConfig, "streams">;
  readonly store: Store;
  readonly clock: Clock;
}

const maxReaders = 100;
const lookEveryMs = 250;
const pingEveryMs = 15_000;
const batch = 50;

const consumerName = /^[A-Za-z0-9._-]{1,100}$/;
export const ackBody = z.strictObject({ id: z.number().int().positive() });
const noStream = "There is no such stream: GET /api/streams lists those that are.";
const badConsumer = "A consumer's name has 1 to 100 of A-Z a-z 0-9 . _ -";

/** The messages of a stream for any program on this machine, without a public URL: server-sent events, resumed by their id. */
export function serveFeed(api: Hono<{ Bindings: HttpBindings }>, { config, store, clock }: FeedParts): void {
  const feed = createStreamFeed(store.database, clock);
  const known = (stream: string) => config.streams.some(({ name }) => name === stream);
  let readers = 0;

  api.get("/streams/:stream/messages", (c) => {
    const stream = c.req.param("stream");
    if (!known(stream)) return problem(c, 404, noStream);
    const consumer = c.req.query("consumer");
    if (consumer !== undefined && !consumerName.test(consumer)) return problem(c, 400, badConsumer);
    const given = c.req.header("last-event-id") ?? c.req.query("after");
    if (given !== undefined && given !== "0" && wholeNumber(given) === undefined) {
      return problem(c, 400, "Last-Event-ID is the id of an event of this stream, and after is one too.");
    }
    if (readers >= maxReaders) return problem(c, 503, `${maxReaders} readers listen already: close some.`);
    const start =
      given !== undefined
        ? Number(given)
        : consumer === undefined
          ? feed.newest(stream)
          : (feed.consumer(stream, consumer)?.acked ?? 0);
    if (start > 0 && start < feed.kept() - 1) {
      return problem(
        c,
        410,
        "What came behind that event was let go: list the messages instead, and begin again with after=0.",
        "ERR_FEED_GONE",
      );
    }
    readers += 1;
    const changed = watchCommits(store.database);
    return streamSSE(c, async (sse) => {
      try {
        let after = start;
        let quietMs = pingEveryMs;
        let look = true;
        while (!sse.aborted) {
          const entries: readonly FeedEntry[] = look ? feed.entries(stream, { after, limit: batch }) : [];
          for (const entry of entries) {
            if (sse.aborted) return;
            const message = await messageOf(store, stream, entry);
            after = entry.id;
            if (!message) continue;
            await sse.writeSSE({ id: String(entry.id), event: "message", data: JSON.stringify(message) });
            quietMs = 0;
          }
          if (entries.length === batch) continue;
          if (quietMs >= pingEveryMs) {
            await sse.writeSSE({ event: "ping", data: "{}", retry: 1_000 });
            quietMs = 0;
          }
          await sse.sleep(lookEveryMs);
          quietMs += lookEveryMs;
          if (!sse.aborted) look = changed();
        }
      } finally {
        readers -= 1;
      }
    });
  });

  api.get("/streams/:stream/consumers", (c) => {
    const stream = c.req.param("stream");
    if (!known(stream)) return problem(c, 404, noStream);
    return c.json({ newest: feed.newest(stream), consumers: feed.consumers(stream) });
  });

  api.post("/streams/:stream/consumers/:consumer/ack", async (c) => {
    const { stream, consumer } = c.req.param();
    if (!known(stream)) return problem(c, 404, noStream);
    if (!consumerName.test(consumer)) return problem(c, 400, badConsumer);
    const body = await jsonBody(c, ackBody, 1_000);
    if ("refused" in body) return body.refused;
    const { id } = body.value;
    if (id > feed.newest(stream)) return problem(c, 409, "No event of this stream has had that id yet.");
    return c.json({ acked: await feed.acknowledge(stream, consumer, id) });
  });

  api.delete("/streams/:stream/consumers/:consumer", async (c) => {
    const { stream, consumer } = c.req.param();
    return (await feed.forgetConsumer(stream, consumer))
      ? c.json({ consumer })
      : problem(c, 404, "There is no such consumer: GET /api/streams/<stream>/consumers lists those that are.");
  });
}

/** The claim check as it lies on the queue, for one recipient; `undefined`: the mail is gone, or it went to another stream since. */
async function messageOf(
  { engine, ports }: Store,
  stream: string,
  { sesMessageId, recipient }: FeedEntry,
): Promise<StreamMessage | undefined> {
  const [message, verification, content, records] = await Promise.all([
    engine.message(sesMessageId),
    engine.verification(sesMessageId),
    storedContentOf(engine, sesMessageId),
    ports.ledger.recipients(sesMessageId),
  ]);
  const record = records.find((one) => one.recipient === recipient);
  if (!message || !verification || !content || record?.stream !== stream) return undefined;
  const { headers } = parseHeaderSection(await readHeader(engine.openRaw(sesMessageId)));
  const { nature, safety, trust, reasons } = record;
  return composeMessage({
    ...{ sesMessageId, stream, recipients: [recipient] },
    judgement: { nature, safety, trust, complete: true },
    envelope: { from: message.from, to: message.recipients },
    verdicts: verification.verdicts,
    ...{ headers, content, reasons, receivedAt: message.receivedAt.toISOString() },
  });
}
