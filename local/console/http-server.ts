import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { mailLinkPath } from "../../shared/delivery/mail-link.ts";
import { MailweirError } from "../../shared/errors.ts";
import { listenFailure } from "../listen-failure.ts";
import { isSesRequest } from "../ses-api/check-signature.ts";
import type { SesApi } from "../ses-api/create-ses-api.ts";
import { serveSesApi } from "../ses-api/serve-ses-api.ts";
import { type ApiParts, createApi } from "./api.ts";
import { oneClickPath } from "./one-click.ts";
import { servePage } from "./page-files.ts";

export interface HttpOptions extends ApiParts {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Opens what changes something to the tools of this machine: `Authorization: Bearer …`. */
  readonly token: string;
  readonly sesApi: SesApi;
  /** Answers below `oneClickPath`, for whoever has a link: under any name, without token. */
  readonly oneClick: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** The same below `mailLinkPath`. */
  readonly mailLink: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export interface Http {
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

export class HttpListenError extends MailweirError {
  readonly code = "ERR_HTTP_LISTEN";
  readonly retryable = false;
  constructor({ host, port }: HttpOptions["listen"], cause: NodeJS.ErrnoException) {
    super(`Cannot serve the console on ${host}:${port}: ${listenFailure(cause, "--http")}`, { cause });
  }
}

/**
 * Console, API and the SES API on one port.
 *
 * @throws {HttpListenError}
 */
export async function startHttp(options: HttpOptions): Promise<Http> {
  const { listen, token, sesApi, oneClick, mailLink, log } = options;
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (c, next) => {
    await next();
    // A mail's own HTML is served under a policy of its own, which is stricter.
    for (const [name, value] of Object.entries(safetyHeaders)) if (!c.res.headers.has(name)) c.header(name, value);
  });
  app.route("/api", createApi(options));
  servePage(app);

  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => {
    if (request.method === "POST" && request.url === "/" && isSesRequest(request.headers)) {
      serveSesApi(sesApi, request, response).catch(() => response.destroy());
      return;
    }
    if (request.url?.startsWith(oneClickPath) === true) {
      oneClick(request, response).catch(() => response.destroy());
      return;
    }
    if (request.url?.startsWith(mailLinkPath) === true) {
      mailLink(request, response).catch(() => response.destroy());
      return;
    }
    const refusal = refuse(request, token);
    if (refusal !== undefined) {
      response
        // The rest of the request is not read.
        .writeHead(403, { ...safetyHeaders, "content-type": "application/problem+json", connection: "close" })
        .end(JSON.stringify({ status: 403, detail: refusal }));
      return;
    }
    void listener(request, response);
  });
  server.headersTimeout = 20_000;
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(new HttpListenError(listen, cause));
    server.once("error", failed);
    server.listen(listen.port, listen.host, () => {
      server.off("error", failed);
      server.on("error", (error) => log.error("http server failed", { cause: error.message }));
      resolve();
    });
  });
  const { address: host, port } = server.address() as AddressInfo;
  return {
    address: { host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Nothing from elsewhere, no inline script, in nobody's frame: what came by mail is text and stays text. */
const safetyHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** Why a request is not served; `undefined` when it is. */
function refuse(request: IncomingMessage, token: string): string | undefined {
  // A page of somebody else's that has pointed its own name at this machine (DNS rebinding) sends that name.
  const host = (request.headers.host ?? "").replace(/:\d+$/, "");
  if (!/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host) && host !== request.socket.localAddress) {
    return `This server does not answer to the name "${host.slice(0, 100)}": use the address it printed at start.`;
  }
  if (request.method === "GET" || request.method === "HEAD") return undefined;
  if (sameSecret(request.headers.authorization ?? "", `Bearer ${token}`)) return undefined;
  // A form of another page can send neither this header nor our Origin.
  const own = request.headers.origin === `http://${request.headers.host}` && request.headers["x-mailweir"] === "1";
  return own
    ? undefined
    : "Changes need the token from engine.json in the data folder (Authorization: Bearer …), or the console.";
}

function sameSecret(given: string, wanted: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(wanted);
  return left.length === right.length && timingSafeEqual(left, right);
}
