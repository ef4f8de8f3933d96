import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { ApiKeyConfig } from "../../shared/config/types.ts";
import { mailLinkPath } from "../../shared/delivery/mail-link.ts";
import { MailweirError } from "../../shared/errors.ts";
import { listenFailure } from "../listen-failure.ts";
import { isSesRequest } from "../ses-api/check-signature.ts";
import type { SesApi } from "../ses-api/create-ses-api.ts";
import { serveSesApi } from "../ses-api/serve-ses-api.ts";
import type { CertificateSource } from "../smtp/certificate.ts";
import { type Access, loopbackAccess, publicAccess } from "./access.ts";
import { type ApiParts, createApi } from "./api.ts";
import { oneClickPath } from "./one-click.ts";
import { servePage } from "./page-files.ts";
import { problem } from "./problem.ts";

interface Listen {
  readonly host: string;
  readonly port: number;
}

export interface HttpOptions extends ApiParts {
  /** On this machine, in plain text. Port 0: any free one. */
  readonly listen: Listen;
  /** For others, over TLS, to those who have a key. */
  readonly secure?: { readonly listen: Listen; readonly certificate: CertificateSource };
  readonly apiKeys: readonly ApiKeyConfig[];
  /** Opens what changes something to the tools of this machine: `Authorization: Bearer …`. */
  readonly token: string;
  readonly sesApi: SesApi;
  /** Answers below `oneClickPath`, for whoever has a link: under any name, without token. */
  readonly oneClick: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** The same below `mailLinkPath`. */
  readonly mailLink: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export interface Http {
  readonly address: Listen;
  readonly secureAddress?: Listen;
  close(): Promise<void>;
}

export class HttpListenError extends MailweirError {
  readonly code = "ERR_HTTP_LISTEN";
  readonly retryable = false;
  constructor({ host, port }: Listen, option: string, cause: NodeJS.ErrnoException) {
    super(`Cannot serve the console on ${host}:${port}: ${listenFailure(cause, option)}`, { cause });
  }
}

/**
 * Console, API and the SES API on one port of this machine, and the same on a second one for those who have a key.
 *
 * @throws {HttpListenError}
 */
export async function startHttp(options: HttpOptions): Promise<Http> {
  const { listen, secure, apiKeys, token, log } = options;
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (c, next) => {
    await next();
    // A mail's own HTML is served under a policy of its own, which is stricter.
    for (const [name, value] of Object.entries(safetyHeaders)) if (!c.res.headers.has(name)) c.header(name, value);
  });
  app.route("/api", createApi(options));
  servePage(app);
  app.notFound((c) => problem(c, 404, "There is no such address; see docs/http-api.md."));
  const pages = getRequestListener(app.fetch);

  const server = createServer(createListener(options, pages, loopbackAccess(token, apiKeys)));
  const address = await open(server, listen, "--http", log);
  const undo = [() => closeServer(server)];
  const close = async () => void (await Promise.all(undo.map((end) => end())));
  if (!secure) return { address, close };
  try {
    const tls = await startTls(secure.certificate, createListener(options, pages, publicAccess(apiKeys)), log);
    undo.push(async () => tls.stopReloading());
    const secureAddress = await open(tls.server, secure.listen, "local.https", log);
    undo.push(() => closeServer(tls.server));
    return { address, secureAddress, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What is for everybody goes past the question who asks: signed requests of the SES API, and those who have a signed link. */
function createListener(
  { sesApi, oneClick, mailLink, config }: HttpOptions,
  pages: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  access: Access,
): RequestListener {
  return (request, response) => {
    const broken = () => response.destroy();
    const secure = "encrypted" in request.socket;
    // Without keys any signature is taken, which is for this machine's own tools.
    const signed = request.method === "POST" && request.url === "/" && isSesRequest(request.headers);
    if (signed && (!secure || config.local.sesApi.keys.length > 0)) {
      serveSesApi(sesApi, request, response).catch(broken);
      return;
    }
    if (request.url?.startsWith(oneClickPath) === true) {
      oneClick(request, response).catch(broken);
      return;
    }
    if (request.url?.startsWith(mailLinkPath) === true) {
      mailLink(request, response).catch(broken);
      return;
    }
    const refusal = access(request);
    if (refusal === undefined) {
      void pages(request, response);
      return;
    }
    response
      // The rest of the request is not read.
      .writeHead(refusal.status, {
        ...safetyHeaders,
        "content-type": "application/problem+json",
        connection: "close",
        ...(refusal.status === 401 && { "www-authenticate": 'Basic realm="Mailweir", charset="UTF-8"' }),
      })
      .end(JSON.stringify(refusal));
  };
}

const reloadEveryMs = 60_000;

async function startTls(certificate: CertificateSource, listener: RequestListener, log: HttpOptions["log"]) {
  const server = createTlsServer({ ...(await certificate.load()), minVersion: "TLSv1.2" }, listener);
  const timer = setInterval(async () => {
    try {
      const renewed = await certificate.reload();
      if (renewed) server.setSecureContext({ ...renewed, minVersion: "TLSv1.2" });
    } catch (error) {
      log.error("tls certificate not reloaded, the old one stays", { cause: (error as Error).message });
    }
  }, reloadEveryMs);
  timer.unref();
  return { server, stopReloading: () => clearInterval(timer) };
}

async function open(server: Server, listen: Listen, option: string, log: HttpOptions["log"]): Promise<Listen> {
  server.headersTimeout = 20_000;
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(new HttpListenError(listen, option, cause));
    server.once("error", failed);
    server.listen(listen.port, listen.host, () => {
      server.off("error", failed);
      server.on("error", (error) => log.error("http server failed", { cause: error.message }));
      resolve();
    });
  });
  const { address: host, port } = server.address() as AddressInfo;
  return { host, port };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
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
