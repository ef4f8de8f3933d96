import { Readable } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { MailweirError } from "../../shared/errors.ts";
import { normaliseAddress, parseMailAddress } from "../../shared/mail/address.ts";
import type { HeldMessage, Ports } from "../../shared/ports.ts";
import { parseSesMessageId } from "../../shared/ses-message-id.ts";
import { discardHeld } from "../../shared/streams/discard.ts";
import { openContent } from "../../shared/streams/open-content.ts";
import { releaseFromQuarantine } from "../../shared/streams/release.ts";
import type { Verify } from "../actions/verify.ts";
import type { Log } from "../log.ts";
import type { Forgetting } from "../retention/forgetting.ts";
import type { Search } from "../search/open-search.ts";
import { SearchSyntaxError } from "../search/parse-query.ts";
import type { Reception } from "../smtp/reception.ts";
import type { Store } from "../store/open-store.ts";
import { heldCursor } from "../store/quarantine.ts";
import { storedContentOf } from "../store/stored-content.ts";
import { readStreamStatistics } from "../store/stream-minutes.ts";
import { watchCommits } from "./changes.ts";
import { serveCompose } from "./compose-api.ts";
import { serveFeed } from "./feed-api.ts";
import { type FindingsParts, serveFindings } from "./findings-api.ts";
import { jsonBody } from "./json-body.ts";
import { serveMail } from "./mail-api.ts";
import { serveOutbox } from "./outbox-api.ts";
import { limitOf, nextOf, orderOf, wholeNumber } from "./paging.ts";
import { problem } from "./problem.ts";
import { readJourney } from "./read-journey.ts";
import { serveReceiving } from "./receive-api.ts";
import { redriveBody } from "./redrive-body.ts";
import { serveReplay } from "./replay-api.ts";
import { serveRetention } from "./retention-api.ts";
import { serveStreams } from "./streams-api.ts";
import { serveSuppressions } from "./suppression-api.ts";
import { serveTickets } from "./ticket-api.ts";

export interface ApiParts {
  readonly config: ResolvedConfig;
  readonly store: Store;
  /** With the engine's clock and randomness. */
  readonly ports: Ports;
  readonly reception: Reception;
  readonly search: Search;
  readonly forgetting: Forgetting;
  readonly verify: Verify;
  readonly log: Pick<Log, "error">;
  readonly sesApi: FindingsParts["sesApi"];
}

// A browser opens one; what is beyond is somebody's mistake.
const maxListeners = 100;
const lookEveryMs = 250;
const pingEveryMs = 15_000;

/** The HTTP API behind console and command line; documented in docs/http-api.md. Who may ask is the server's question. */
export function createApi({
  config,
  store,
  ports: allPorts,
  reception,
  search,
  forgetting,
  verify,
  sesApi,
  log,
}: ApiParts): Hono<{ Bindings: HttpBindings }> {
  const { engine, ports } = store;
  const api = new Hono<{ Bindings: HttpBindings }>();
  api.use(async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });

  api.get("/messages", async (c) => {
    const query = page(c, 500);
    if ("refused" in query) return query.refused;
    const stream = c.req.query("stream");
    try {
      return c.json(await search.find(c.req.query("q") ?? "", { ...query, ...(stream !== undefined && { stream }) }));
    } catch (error) {
      if (!(error instanceof SearchSyntaxError)) throw error;
      const { position, length } = error;
      return problem(c, 400, error.message, error.code, { position, length });
    }
  });

  api.get("/messages/:id", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    const journey = id && (await readJourney(store, id));
    return journey ? c.json(journey) : problem(c, 404, noMessage);
  });

  api.get("/messages/:id/raw", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    if (!id || !(await engine.message(id))) return problem(c, 404, noMessage);
    const stored = c.req.query("without-ses-block") === undefined ? await storedContentOf(engine, id) : undefined;
    const octets = stored ? await (await openContent(ports, id, stored)).body() : engine.openRaw(id);
    // Never shown by the browser: it is a stranger's text.
    c.header("content-type", "application/octet-stream");
    c.header("content-disposition", `attachment; filename="${id}.eml"`);
    return c.body(Readable.toWeb(Readable.from(octets, { objectMode: false })) as ReadableStream);
  });

  serveMail(api, engine);

  serveReceiving(api, { engine, reception, random: allPorts.random });

  api.get("/refusals", async (c) => {
    const query = page(c, 500);
    if ("refused" in query) return query.refused;
    const refusals = await engine.refusals(query);
    return c.json({
      refusals,
      total: await engine.refusalCount(),
      next: nextOf(refusals, query.limit, ({ id }) => id),
    });
  });

  const { clock, random } = allPorts;
  serveCompose(api, { config, reception, engine, outbox: ports.outbox, secrets: ports.secrets, clock, random });

  serveReplay(api, { config, store, search, verify, clock });

  serveFindings(api, { config, clock: allPorts.clock, sesApi });
  serveFeed(api, { config, store, clock });
  serveStreams(api, { config, engine, statistics: readStreamStatistics(store.database, clock), sesApi });
  api.get("/status", async (c) => c.json(await engine.status()));

  serveTickets(api, allPorts, config);

  serveSuppressions(api, allPorts, store.database);
  serveRetention(api, { store, forgetting, clock: allPorts.clock });

  api.get("/quarantine", async (c) => {
    const limit = limitOf(c, 500);
    const after = c.req.query("after");
    const asked = orderOf(c);
    if ("refused" in asked) return asked.refused;
    const held = await ports.quarantine.list({ ...asked, limit, ...(after !== undefined && { after }) });
    return c.json({ held: held.map(toHeld), next: nextOf(held, limit, heldCursor) });
  });

  api.post("/quarantine/:id/:recipient/release", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    if (!id) return problem(c, 404, noMessage);
    const stream = c.req.query("stream");
    const recipient = normaliseAddress(c.req.param("recipient"));
    const result = await releaseFromQuarantine(ports, config, id, recipient, stream === undefined ? {} : { stream });
    return result.kind === "unknown"
      ? problem(c, 404, "Nothing of that message was ever held for this recipient.")
      : c.json(result);
  });

  api.post("/quarantine/:id/:recipient/discard", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    if (!id) return problem(c, 404, noMessage);
    const kind = await discardHeld(ports, id, normaliseAddress(c.req.param("recipient")), "discarded");
    return kind === "unknown"
      ? problem(c, 404, "Nothing of that message was ever held for this recipient.")
      : c.json({ kind });
  });

  api.get("/allowed-senders", async (c) => {
    const limit = limitOf(c, 500);
    const after = c.req.query("after");
    const senders = await ports.senders.list({ limit, ...(after !== undefined && { after }) });
    return c.json({ senders, next: nextOf(senders, limit, ({ address }) => address) });
  });
  api.put("/allowed-senders/:address", async (c) => {
    const address = normaliseAddress(c.req.param("address"));
    if (!parseMailAddress(address)) return problem(c, 400, "That is no address: write for example ann@sender.example.");
    const by = (c.req.query("by") ?? "console").slice(0, 200);
    await ports.senders.allow({ address, by, at: allPorts.clock.now().toISOString() });
    return c.json({ address });
  });
  api.delete("/allowed-senders/:address", async (c) => {
    const address = normaliseAddress(c.req.param("address"));
    await ports.senders.disallow(address);
    return c.json({ address });
  });

  serveOutbox(api, config, ports.outbox);

  api.get("/queues/:name", async (c) => {
    const limit = limitOf(c, 200);
    const after = wholeNumber(c.req.query("after"));
    const name = c.req.param("name");
    const known = (await engine.status()).queues.some((queue) => queue.name === name);
    if (!known) return problem(c, 404, "There is no such queue: GET /api/status lists those that are.");
    const messages = await ports.queues.peek(name, { limit, ...(after !== undefined && { after }) });
    return c.json({ messages, next: nextOf(messages, limit, ({ number }) => number) });
  });

  api.post("/queues/:name/redrive", async (c) => {
    const body = await jsonBody(c, redriveBody, 1_000_000);
    if ("refused" in body) return body.refused;
    const { messageIds } = body.value;
    return c.json({ moved: await ports.queues.redrive(c.req.param("name"), messageIds) });
  });

  let listeners = 0;
  api.get("/events", (c) => {
    if (listeners >= maxListeners) return problem(c, 503, `${maxListeners} readers listen already: close some.`);
    listeners += 1;
    const changed = watchCommits(store.database);
    let position = search.position();
    return streamSSE(c, async (stream) => {
      try {
        let quietMs = pingEveryMs;
        while (!stream.aborted) {
          const hasChanged = changed();
          const reached = search.position();
          if (hasChanged || reached !== position) quietMs = 0;
          if (hasChanged) await stream.writeSSE({ event: "changed", data: "{}" });
          if (reached !== position) {
            position = reached;
            await stream.writeSSE({ event: "indexed", data: "{}" });
          }
          if (quietMs >= pingEveryMs) {
            await stream.writeSSE({ event: "ping", data: "{}" });
            quietMs = 0;
          }
          await stream.sleep(lookEveryMs);
          quietMs += lookEveryMs;
        }
      } finally {
        listeners -= 1;
      }
    });
  });

  // Nobody needs it to receive mail: described when it is asked for.
  let description: Promise<object> | undefined;
  api.get("/openapi.json", async (c) => {
    description ??= import("./openapi.ts").then(({ openApi }) => openApi());
    return c.json(await description);
  });

  api.onError((error, c) => {
    if (error instanceof MailweirError) return problem(c, error.retryable ? 503 : 409, error.message, error.code);
    log.error("http request failed", { path: c.req.routePath, cause: error.message });
    return problem(c, 500, "The engine failed; its log says why.");
  });
  return api;
}

const noMessage = "There is no such message: GET /api/messages lists those that are.";

/** Without the message that goes on to the queue: a page needs to know what it is, not to have it. */
function toHeld({ sesMessageId, recipient, intendedStream, reasons, heldAt, message }: HeldMessage) {
  const { envelope, headers } = message;
  return {
    ...{ sesMessageId, recipient, intendedStream, reasons, heldAt },
    envelopeFrom: envelope.from,
    author: headers.author?.address ?? null,
    subject: headers.subject ?? null,
  };
}

/** `limit` and `before` of the query, or the answer that they are wrong. */
function page(c: Context, max: number): { limit: number; before?: number } | { readonly refused: Response } {
  const before = c.req.query("before");
  if (before === undefined) return { limit: limitOf(c, max) };
  const number = wholeNumber(before);
  if (number === undefined) return { refused: problem(c, 400, "before is no number: use `next` of the page before.") };
  return { limit: limitOf(c, max), before: number };
}
