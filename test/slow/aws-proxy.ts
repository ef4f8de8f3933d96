import { createServer, request as forward, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One call of an AWS API on its way to the emulator. */
export interface Call {
  /** `TransactWriteItems`, `SendMessageBatch`, `PUT`, …: the operation where the protocol names it. */
  readonly operation: string;
  readonly service: string;
  readonly body: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export type Fault =
  /** Answered so, without the emulator. */
  | { readonly status: number; readonly type: string; readonly message?: string }
  /** Done by the emulator, but its answer never arrives. */
  | "lost-answer"
  /** The connection breaks before anything is done. */
  | "unreachable"
  /** Done when the promise is kept, however late that is: its caller may have given up. */
  | { readonly until: Promise<void> }
  /** Something that the emulator has not, played here. */
  | { readonly answer: string; readonly status: number; readonly headers?: Readonly<Record<string, string>> };

export interface AwsProxy {
  readonly endpoint: string;
  /** Asked before each call. */
  fault: (call: Call) => Fault | undefined;
  /** What goes on in the place of a body: here nobody waits for a delay of minutes. */
  rewrite: (call: Call) => string;
  /** Looks at each answer that passes. */
  onAnswer: (call: Call, answer: string) => void;
  stop(): Promise<void>;
}

/**
 * Stands in front of an emulator and spoils its days. DynamoDB's calls pass one after the other: each of them is atomic on AWS,
 * while moto takes back a refused transaction together with what others wrote meanwhile.
 */
export async function startAwsProxy(target: string, host = "127.0.0.1"): Promise<AwsProxy> {
  const { hostname, port } = new URL(target);
  let turn: Promise<unknown> = Promise.resolve();
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const body = Buffer.concat(chunks);
    const call = callOf(request.method ?? "", request.url ?? "", request.headers, body);
    const fault = proxy.fault(call);
    if (fault === "unreachable") {
      request.socket.destroy();
      return;
    }
    if (fault && fault !== "lost-answer" && "until" in fault) await fault.until;
    else if (fault && fault !== "lost-answer" && "answer" in fault) {
      response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
      response.end(fault.answer);
      return;
    } else if (fault && fault !== "lost-answer") {
      const isXml = call.service === "s3" || call.service === "sns";
      response.writeHead(
        fault.status,
        isXml ? { "content-type": "text/xml" } : { "content-type": "application/x-amz-json-1.0" },
      );
      const message = fault.message ?? "spoilt";
      response.end(
        call.service === "s3"
          ? `<Error><Code>${fault.type}</Code><Message>${message}</Message></Error>`
          : isXml
            ? `<ErrorResponse><Error><Type>Sender</Type><Code>${fault.type}</Code><Message>${message}</Message></Error></ErrorResponse>`
            : JSON.stringify({ __type: `com.amazonaws.${call.service}#${fault.type}`, message }),
      );
      return;
    }
    const rewritten = call.service === "s3" ? body : Buffer.from(proxy.rewrite(call));
    const sent = { ...request.headers, ...(rewritten !== body && { "content-length": String(rewritten.length) }) };
    const pass = () =>
      new Promise<{ status: number; headers: IncomingHttpHeaders; answer: Buffer }>((resolve, reject) => {
        const onward = forward(
          { hostname, port, method: request.method, path: request.url, headers: sent },
          async (answer) => {
            const parts: Uint8Array[] = [];
            for await (const part of answer) parts.push(part as Uint8Array);
            resolve({ status: answer.statusCode ?? 500, headers: answer.headers, answer: Buffer.concat(parts) });
          },
        );
        onward.once("error", reject);
        onward.end(rewritten);
      });
    const mine = call.service === "dynamodb" ? turn.then(pass) : pass();
    if (call.service === "dynamodb") turn = mine.catch(() => undefined);
    try {
      const { status, headers, answer } = await mine;
      proxy.onAnswer(call, call.service === "s3" ? "" : answer.toString("utf8"));
      if (fault === "lost-answer") {
        request.socket.destroy();
        return;
      }
      const { "transfer-encoding": _, connection: __, ...kept } = headers;
      const isHead = request.method === "HEAD";
      response.writeHead(status, isHead ? kept : { ...kept, "content-length": String(answer.length) });
      response.end(isHead ? undefined : answer);
    } catch {
      request.socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const proxy: AwsProxy = {
    endpoint: `http://${host}:${(server.address() as AddressInfo).port}`,
    fault: () => undefined,
    rewrite: ({ body }) => body,
    onAnswer: () => undefined,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return proxy;
}

function callOf(method: string, path: string, headers: IncomingHttpHeaders, body: Buffer): Call {
  const service = /Credential=[^/]+\/\d{8}\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? "")?.[1] ?? "";
  const target = String(headers["x-amz-target"] ?? "")
    .split(".")
    .at(-1);
  const text = service === "s3" ? "" : body.toString("utf8");
  const action = /(?:^|&)Action=(\w+)/.exec(text)?.[1];
  return { operation: target || action || method, service, body: text, path, headers };
}
