import type { IncomingMessage, ServerResponse } from "node:http";
import type { FunctionTopology } from "../../shared/config/topology.ts";
import type { Random } from "../../shared/ports.ts";
import { maxBodyBytes } from "../../shared/unsubscribe/one-click.ts";
import type { FunctionHost } from "../invoke/function-host.ts";
import { requestId } from "../invoke/request-id.ts";
import type { Log } from "../log.ts";

/** Where the one-click page is on the engine's HTTP port; a reverse proxy may show it to the world under any name. */
export const oneClickPath = "/u/";

export interface OneClickParts {
  readonly host: FunctionHost;
  readonly target: FunctionTopology;
  readonly random: Random;
  readonly log: Pick<Log, "warn">;
}

/** Does what a Lambda function URL does (payload format 2.0): the request as an event, the result as the answer. */
export function serveOneClick({ host, target, random, log }: OneClickParts) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    if (body === undefined) {
      response.writeHead(413, { connection: "close" }).end();
      return;
    }
    const id = requestId(random);
    const [rawPath = "/", rawQueryString = ""] = (request.url ?? "/").split("?");
    const event = {
      version: "2.0",
      routeKey: "$default",
      rawPath,
      rawQueryString,
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(",") : (value ?? ""),
        ]),
      ),
      requestContext: {
        requestId: id,
        http: {
          method: request.method ?? "GET",
          path: rawPath,
          sourceIp: request.socket.remoteAddress ?? "unknown",
          userAgent: request.headers["user-agent"] ?? "",
        },
      },
      ...(body.length > 0 && { body: body.toString("base64") }),
      isBase64Encoded: body.length > 0,
    };
    const { timeoutMs, memoryMb } = target;
    const outcome = await host.invoke(target.name, event, { requestId: id, timeoutMs, memoryMb });
    if (outcome.kind !== "returned") {
      log.warn("one-click failed", { requestId: id, cause: outcome.cause });
      response.writeHead(502, { "content-type": "text/plain" }).end("Please try again in a moment.\n");
      return;
    }
    const {
      statusCode,
      headers,
      body: answer,
    } = outcome.value as {
      readonly statusCode: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    };
    response.writeHead(statusCode, headers).end(answer);
  };
}

/** `undefined` when it is longer than anybody needs. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
