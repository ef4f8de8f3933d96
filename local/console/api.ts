import { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { MailweirError } from "../../shared/errors.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import { formatReply } from "../../shared/receipt/replies.ts";
import { parseSesMessageId } from "../../shared/ses-message-id.ts";
import { openContent } from "../../shared/streams/open-content.ts";
import { releaseFromQuarantine } from "../../shared/streams/release.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import type { Reception } from "../smtp/reception.ts";
import { submit } from "../smtp/submit.ts";
import { toCrlf } from "../smtp/to-crlf.ts";
import type { ListedMessage } from "../store/engine-store.ts";
import type { Store } from "../store/open-store.ts";
import { buildJourney } from "./journey.ts";

export interface ApiParts {
  readonly config: ResolvedConfig;
  readonly store: Store;
  readonly reception: Reception;
}

/** The HTTP API behind console and command line; documented in docs/http-api.md. Who may ask is the server's question. */
export function createApi({ config, store, reception }: ApiParts): Hono {
  const { engine, ports } = store;
  const api = new Hono();

  api.get("/messages", async (c) => {
    const limit = whole(c.req.query("limit"), 50, 500);
    const before = c.req.query("before");
    const page = await engine.list({
      limit,
      ...(before !== undefined && { before: whole(before, 0, Number.MAX_SAFE_INTEGER) }),
    });
    return c.json({
      messages: page.map(toListed),
      next: page.length === limit ? (page.at(-1)?.sequence ?? null) : null,
    });
  });

  api.get("/messages/:id", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    const message = id && (await engine.message(id));
    if (!id || !message) return problem(c, 404, "There is no such message.");
    const [ruleSet, verification, log, records, meta] = await Promise.all([
      engine.ruleSetSnapshot(message.ruleSetSnapshot),
      engine.verification(id),
      engine.actionLog(id),
      ports.ledger.recipients(id),
      ports.ledger.meta(id),
    ]);
    return c.json(buildJourney({ message, ruleSet, verification, log, records, meta }));
  });

  api.get("/messages/:id/raw", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    if (!id || !(await engine.message(id))) return problem(c, 404, "There is no such message.");
    const stored = storedObjectOf(config, id);
    const asReceived =
      c.req.query("without-ses-block") !== undefined || (await ports.objects.head(stored)) === undefined;
    const octets = asReceived
      ? engine.openRaw(id)
      : await (await openContent(ports, id, { kind: "s3", ...stored })).body();
    // Never shown by the browser: it is a stranger's text.
    c.header("content-type", "application/octet-stream");
    c.header("content-disposition", `attachment; filename="${id}.eml"`);
    return c.body(Readable.toWeb(Readable.from(octets)) as ReadableStream);
  });

  api.post("/messages", async (c) => {
    const to = c.req.queries("to") ?? [];
    if (to.length === 0 || !c.req.raw.body)
      return problem(c, 400, "Name at least one recipient with ?to=… and send the message as the body.");
    const result = await submit(reception, {
      client: { ip: c.req.query("ip") ?? "127.0.0.1", helo: c.req.query("helo") ?? "localhost" },
      from: c.req.query("from") ?? "",
      to,
      raw: toCrlf(Readable.fromWeb(c.req.raw.body as never) as AsyncIterable<Uint8Array>),
    });
    return c.json(
      {
        sesMessageId: result.sesMessageId ?? null,
        reply: formatReply(result.reply),
        recipients: result.recipients.map(({ recipient, reply }) => ({ recipient, reply: formatReply(reply) })),
      },
      result.sesMessageId === undefined ? 422 : 202,
    );
  });

  api.get("/refusals", async (c) => {
    const before = c.req.query("before");
    const refusals = await engine.refusals({
      limit: whole(c.req.query("limit"), 50, 500),
      ...(before !== undefined && { before: whole(before, 0, Number.MAX_SAFE_INTEGER) }),
    });
    return c.json({ refusals, total: await engine.refusalCount() });
  });

  api.get("/status", async (c) => c.json(await engine.status()));
  api.get("/tickets", async (c) =>
    c.json({ tickets: await ports.tickets.list({ limit: whole(c.req.query("limit"), 50, 200) }) }),
  );
  api.get("/suppressions", async (c) =>
    c.json({ suppressions: await ports.suppressions.list({ limit: whole(c.req.query("limit"), 50, 500) }) }),
  );
  api.get("/quarantine", async (c) => {
    const held = await ports.quarantine.list({ limit: whole(c.req.query("limit"), 50, 500) });
    return c.json({
      held: held.map(({ sesMessageId, recipient, intendedStream, reasons, heldAt }) => ({
        sesMessageId,
        recipient,
        intendedStream,
        reasons,
        heldAt,
      })),
    });
  });

  api.post("/quarantine/:id/:recipient/release", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    if (!id) return problem(c, 404, "There is no such message.");
    const result = await releaseFromQuarantine(ports, config, id, normaliseAddress(c.req.param("recipient")));
    return result.kind === "unknown"
      ? problem(c, 404, "Nothing of that message was ever held for this recipient.")
      : c.json(result);
  });

  // One event whenever something was committed; the reader asks for what it shows. Bounded: at most four a second.
  api.get("/events", (c) =>
    streamSSE(c, async (stream) => {
      let changed = true;
      const off = engine.onChange(() => {
        changed = true;
      });
      stream.onAbort(off);
      for (let idle = 0; !stream.aborted; idle++) {
        if (changed || idle >= 60) await stream.writeSSE({ event: changed ? "changed" : "ping", data: "{}" });
        if (changed) idle = 0;
        changed = false;
        await stream.sleep(250);
      }
    }),
  );

  api.notFound((c) => problem(c, 404, "There is no such address; see docs/http-api.md."));
  api.onError((error, c) => {
    if (error instanceof MailweirError) return problem(c, error.retryable ? 503 : 409, error.message, error.code);
    return problem(c, 500, "The engine failed; its log says why.");
  });
  return api;
}

/** The documented shape of a listed message, with what a page needs beside it. */
function toListed({ sequence, sesMessageId, receivedAt, envelope, recipients, subject, author }: ListedMessage) {
  return { sequence, sesMessageId, receivedAt, envelope, recipients, subject, author };
}

/** RFC 9457. */
function problem(c: Context, status: 400 | 404 | 409 | 422 | 500 | 503, detail: string, code?: string) {
  c.header("content-type", "application/problem+json");
  return c.body(JSON.stringify({ status, detail, ...(code !== undefined && { code }) }), status);
}

function whole(text: string | undefined, fallback: number, max: number): number {
  const value = Number(text);
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? Math.min(value, max) : fallback;
}
