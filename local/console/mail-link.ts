import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { createMailLinks, mailLinkPath } from "../../shared/delivery/mail-link.ts";
import type { Ports, Random } from "../../shared/ports.ts";
import { requestId } from "../invoke/request-id.ts";
import type { EngineStore } from "../store/engine-store.ts";

export interface MailLinkParts {
  readonly ports: Pick<Ports, "clock" | "secrets" | "limits">;
  readonly engine: Pick<EngineStore, "message" | "openRaw">;
  readonly random: Random;
}

/** A mail as it was received, for whoever has a link that we signed and that has not expired. It is a file, never a page. */
export function serveMailLink({ ports, engine, random }: MailLinkParts) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const say = (status: number, text: string) =>
      response.writeHead(status, { ...safety, "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      say(405, "This address can be read only.");
      return;
    }
    const token = (request.url ?? "").split("?")[0]?.slice(mailLinkPath.length) ?? "";
    const link = createMailLinks(await ports.secrets.keyRing()).open(token, ports.clock.now());
    if (link.kind === "invalid") {
      // Whoever tries links is slowed down.
      const who = request.socket.remoteAddress ?? "unknown";
      const may = await ports.limits.take(`mail-link-invalid ${who}`, requestId(random), { max: 30, windowMs: 60_000 });
      say(may ? 404 : 429, may ? "There is nothing under this address." : "Please try again in a minute.");
      return;
    }
    const message = link.kind === "valid" ? await engine.message(link.sesMessageId) : undefined;
    if (link.kind === "expired" || message === undefined) {
      say(410, "This link has expired. Ask whoever runs the mail server for the mail.");
      return;
    }
    response.writeHead(200, {
      ...safety,
      "content-type": "message/rfc822",
      "content-length": message.sizeBytes,
      "content-disposition": `attachment; filename="${message.sesMessageId}.eml"`,
    });
    if (request.method === "HEAD") response.end();
    else await pipeline(engine.openRaw(message.sesMessageId), response);
  };
}

const safety = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; sandbox",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "noindex",
  "referrer-policy": "no-referrer",
} as const;
