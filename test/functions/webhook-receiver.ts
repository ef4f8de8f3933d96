import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach } from "vitest";

export const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookReceiver {
  calls: Call[];
  /** Status codes to answer with, one a call; then 204. */
  answers: number[];
  /** What a configuration says of it; its secret is `secret` under the name HOOK. */
  readonly webhook: {
    readonly url: string;
    readonly secretFrom: { readonly env: string };
    readonly allowPrivate: string[];
  };
}

/** An endpoint on this machine, a new one for each test of the file. */
export function useWebhookReceiver(): WebhookReceiver {
  let port = 0;
  let close: () => void = () => undefined;
  const receiver = {
    calls: [] as Call[],
    answers: [] as number[],
    get webhook() {
      return { url: `http://127.0.0.1:${port}/hook`, secretFrom: { env: "HOOK" }, allowPrivate: ["127.0.0.1"] };
    },
  };
  beforeEach(async () => {
    receiver.calls = [];
    receiver.answers = [];
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      receiver.calls.push({ headers: request.headers, body });
      response.writeHead(receiver.answers.shift() ?? 204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
    close = () => {
      server.closeAllConnections();
      server.close();
    };
  });
  afterEach(() => close());
  return receiver;
}
