import { Readable } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { MailweirError } from "../../shared/errors.ts";
import type { LocalOutbox } from "../store/outbox.ts";
import type { OutboxState } from "../store/outbox-entries.ts";
import { limitOf, nextOf, wholeNumber } from "./paging.ts";
import { problem } from "./problem.ts";

/** Nothing would send it: it stays where it is. */
export class NoSmarthostError extends MailweirError {
  readonly code = "ERR_NO_SMARTHOST";
  readonly retryable = false;
}

const states: readonly OutboxState[] = ["kept", "waiting", "sent", "failed"];
const noMail = "There is no such mail: GET /api/outbox lists those that are.";

/** Mail that leaves: what became of it, its bytes, and another try. */
export function serveOutbox(
  api: Hono<{ Bindings: HttpBindings }>,
  config: Pick<ResolvedConfig, "local">,
  outbox: Pick<LocalOutbox, "list" | "entry" | "open" | "retry">,
): void {
  api.get("/outbox", async (c) => {
    const limit = limitOf(c, 500);
    const before = wholeNumber(c.req.query("before"));
    const asked = c.req.query("state");
    const state = states.find((known) => known === asked);
    if (asked !== undefined && state === undefined) {
      return problem(c, 400, `state is one of ${states.join(", ")}.`);
    }
    const mails = await outbox.list({ limit, ...(before !== undefined && { before }), ...(state && { state }) });
    return c.json({ mails, next: nextOf(mails, limit, ({ number }) => number) });
  });

  api.get("/outbox/:number", async (c) => {
    const number = wholeNumber(c.req.param("number"));
    const entry = number === undefined ? undefined : await outbox.entry(number);
    return entry ? c.json(entry) : problem(c, 404, noMail);
  });

  api.get("/outbox/:number/raw", (c) => {
    const number = wholeNumber(c.req.param("number"));
    const octets = number === undefined ? undefined : outbox.open(number);
    if (!octets) return problem(c, 404, noMail);
    c.header("content-type", "application/octet-stream");
    c.header("content-disposition", `attachment; filename="outbox-${number}.eml"`);
    return c.body(Readable.toWeb(Readable.from(octets, { objectMode: false })) as ReadableStream);
  });

  api.post("/outbox/:number/retry", async (c) => {
    const number = wholeNumber(c.req.param("number"));
    if (number === undefined || !(await outbox.entry(number))) return problem(c, 404, noMail);
    if (!config.local.smarthost) {
      throw new NoSmarthostError("No smarthost is configured, so nothing can be sent: see local.smarthost");
    }
    return c.json({ kind: (await outbox.retry(number)) ? "waiting" : "nobody-left" });
  });
}
