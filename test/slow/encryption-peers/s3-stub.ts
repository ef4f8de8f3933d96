import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface StubObject {
  metadata: Record<string, string>;
  body: Uint8Array;
}

/** As much of S3 as the encryption clients use: put, get, ranges; path-style names, in memory, on loopback. */
export async function startS3Stub() {
  const objects = new Map<string, StubObject>();
  const server = createServer(async (request, response) => {
    const key = decodeURIComponent(new URL(request.url ?? "", "http://s3").pathname);
    if (request.method === "PUT") {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const sent = Buffer.concat(chunks);
      const body = "x-amz-decoded-content-length" in request.headers ? decodeAwsChunks(sent) : sent;
      objects.set(key, { metadata: userMetadata(request.headers), body });
      response.setHeader("etag", '"0"').end();
      return;
    }
    const object = objects.get(key);
    if (object === undefined) {
      response.statusCode = 404;
      response.setHeader("content-type", "application/xml");
      response.end("<Error><Code>NoSuchKey</Code><Message>no</Message></Error>");
      return;
    }
    for (const [name, value] of Object.entries(object.metadata)) response.setHeader(`x-amz-meta-${name}`, value);
    const last = /^bytes=-(\d+)$/.exec(request.headers.range ?? "")?.[1];
    const body = last === undefined ? object.body : object.body.subarray(-Number(last));
    if (last !== undefined) {
      const { length } = object.body;
      response.statusCode = 206;
      response.setHeader("content-range", `bytes ${length - body.length}-${length - 1}/${length}`);
    }
    response.setHeader("content-length", body.length).setHeader("etag", '"0"').end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** By path: `/bucket/key`. */
    objects,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** `aws-chunked`: size in hexadecimal, perhaps `;chunk-signature=…`, CRLF, the chunk, CRLF; the one of size 0 ends it. */
function decodeAwsChunks(sent: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const begin = sent.indexOf("\r\n", at) + 2;
    const size = Number.parseInt(sent.toString("latin1", at, begin), 16);
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(sent.subarray(begin, begin + size));
    at = begin + size + 2;
  }
}

function userMetadata(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const prefix = "x-amz-meta-";
  const entries = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), String(value)]));
}
