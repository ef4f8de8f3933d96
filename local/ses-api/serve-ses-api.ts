import type { IncomingMessage, ServerResponse } from "node:http";
import type { SesApi, SesResponse } from "./create-ses-api.ts";
import { maxBodyBytes } from "./query-request.ts";

/** Answers one HTTP request for which `isSesRequest` said yes. Reads no more than a request of the API can have. */
export async function serveSesApi(api: SesApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBodyBytes) {
      send(response, {
        status: 413,
        headers: { "content-type": "text/plain", connection: "close" },
        body: "too large\n",
      });
      return;
    }
    chunks.push(chunk);
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : value]),
  );
  send(response, await api.answer({ method: request.method ?? "", headers, body: Buffer.concat(chunks).toString() }));
}

function send(response: ServerResponse, { status, headers, body }: SesResponse): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
