import { isIP } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import type { Random } from "../../shared/ports.ts";
import { acceptedReply, formatReply } from "../../shared/receipt/replies.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import { freshMessageId } from "../play/compose-as.ts";
import { type Injected, injectedResults } from "../play/injected.ts";
import { withMessageId } from "../play/with-message-id.ts";
import type { GivenReceipt, Reception } from "../smtp/reception.ts";
import { submit } from "../smtp/submit.ts";
import { toCrlf } from "../smtp/to-crlf.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { submitted } from "./compose-api.ts";
import { problem } from "./problem.ts";

export interface ReceivingParts {
  readonly engine: Pick<EngineStore, "message">;
  readonly reception: Reception;
  readonly random: Random;
}

/** A whole message as the body of a request: an upload, or mail that was received elsewhere before. */
export function serveReceiving(api: Hono<{ Bindings: HttpBindings }>, parts: ReceivingParts): void {
  const { engine, reception, random } = parts;

  api.post("/messages", async (c) => {
    const to = c.req.queries("to") ?? [];
    // Node's own stream: one less queue between the socket and the spool.
    const body = c.env.incoming;
    const empty =
      body.headers["content-length"] === "0" || (!body.headers["content-length"] && !body.headers["transfer-encoding"]);
    if (to.length === 0 || empty) {
      return problem(c, 400, "Name at least one recipient with ?to=… and send the message as the body.");
    }
    const asked = read(c);
    if (typeof asked === "string") return problem(c, 400, asked);
    const { client, from, given, isFresh } = asked;
    if (given && (await engine.message(given.sesMessageId))) {
      body.resume();
      return repeated(c, given.sesMessageId, to);
    }
    const raw = toCrlf(body);
    const result = await submit(reception, {
      client,
      from,
      to,
      raw: isFresh ? withMessageId(raw, freshMessageId(from, random.bytes(12))) : raw,
      ...(given && { given }),
    });
    return submitted(c, result);
  });
}

interface Asked {
  readonly client: { readonly ip: string; readonly helo: string; readonly injected: Injected };
  readonly from: string;
  readonly given?: GivenReceipt;
  readonly isFresh: boolean;
}

/** The query, or what is wrong with it. */
function read(c: Context): Asked | string {
  const ip = c.req.query("ip") ?? "127.0.0.1";
  if (isIP(ip) === 0) return "ip is no IP address: it is whom the engine takes the sender for.";
  const helo = c.req.query("helo") ?? "localhost";
  // It ends up in the Received header: nothing that could end a line.
  if (!/^[\x21-\x7e]{1,255}$/.test(helo)) return "helo is no host name: printable ASCII, no spaces.";
  const results = injectedResults.safeParse(
    Object.fromEntries(
      Object.keys(injectedResults.shape).flatMap((name) => {
        const value = c.req.query(name);
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  );
  if (!results.success) {
    const [issue] = results.error.issues;
    return `${issue?.path.join(".")}: ${issue?.message}`;
  }
  const messageId = c.req.query("message-id");
  if (messageId !== undefined && messageId !== "fresh") {
    return "message-id is fresh: the message gets one that was never there; without it, it keeps its own.";
  }
  const given = readGiven(c);
  if (typeof given === "string") return given;
  const by = given ? "replay" : "upload";
  return {
    client: { ip, helo, injected: { by, ...(Object.keys(results.data).length > 0 && { results: results.data }) } },
    from: c.req.query("from") ?? "",
    ...(given && { given }),
    isFresh: messageId === "fresh",
  };
}

function readGiven(c: Context): GivenReceipt | string | undefined {
  const [id, at] = [c.req.query("ses-message-id"), c.req.query("received-at")];
  if (id === undefined && at === undefined) return undefined;
  const sesMessageId = parseSesMessageId(id);
  if (!sesMessageId) return "ses-message-id and received-at belong together: the id is 20 to 64 of 0-9 and a-z.";
  const receivedAt = new Date(at ?? "");
  if (Number.isNaN(receivedAt.getTime())) return "received-at is no ISO 8601 time.";
  return { sesMessageId, receivedAt };
}

/** It is here already: nothing happens again. */
function repeated(c: Context, sesMessageId: SesMessageId, to: readonly string[]): Response {
  const reply = formatReply(acceptedReply(sesMessageId));
  return c.json(
    { sesMessageId, repeated: true, reply, recipients: to.map((recipient) => ({ recipient, reply })) },
    200,
  );
}
