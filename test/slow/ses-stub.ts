import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface SentMail {
  readonly envelopeSender: string;
  readonly recipients: readonly string[];
  readonly raw: string;
  readonly configurationSet: string | undefined;
}

export interface SesStub {
  readonly endpoint: string;
  readonly bounces: { readonly original: string; readonly form: URLSearchParams }[];
  readonly mails: SentMail[];
  /** How the next calls are answered instead of with a success, one each. `hang-up` takes the mail and gives no answer. */
  readonly troubles: ("throttle" | "reject" | "hang-up")[];
  stop(): Promise<void>;
}

/** The two calls of SES that send, in their wire formats: no emulator at hand has SendBounce. */
export async function startSesStub(): Promise<SesStub> {
  const bounces: SesStub["bounces"] = [];
  const mails: SentMail[] = [];
  const troubles: SesStub["troubles"] = [];
  let count = 0;
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const body = Buffer.concat(chunks).toString("utf8");
    const trouble = troubles.shift();
    const isBounce = request.url === "/";
    if (trouble === "throttle" || trouble === "reject") {
      const code = trouble === "throttle" ? "Throttling" : "MessageRejected";
      if (isBounce) {
        response.writeHead(400, { "content-type": "text/xml" });
        response.end(
          `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`,
        );
      } else {
        const type = trouble === "throttle" ? "TooManyRequestsException" : "MessageRejected";
        response.writeHead(trouble === "throttle" ? 429 : 400, {
          "content-type": "application/json",
          "x-amzn-errortype": type,
        });
        response.end("{}");
      }
      return;
    }
    const messageId = `0100018f${String(++count).padStart(8, "0")}-stub`;
    if (isBounce) {
      const form = new URLSearchParams(body);
      bounces.push({ original: form.get("OriginalMessageId") ?? "", form });
    } else mails.push(readMail(body));
    if (trouble === "hang-up") {
      request.socket.destroy();
      return;
    }
    if (isBounce) {
      response.writeHead(200, { "content-type": "text/xml" });
      response.end(
        `<SendBounceResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><SendBounceResult><MessageId>${messageId}</MessageId></SendBounceResult></SendBounceResponse>`,
      );
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ MessageId: messageId }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bounces,
    mails,
    troubles,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function readMail(body: string): SentMail {
  const { FromEmailAddress, ConfigurationSetName, Destination, Content } = JSON.parse(body) as {
    FromEmailAddress?: string;
    ConfigurationSetName?: string;
    Destination: { ToAddresses: string[] };
    Content: { Raw: { Data: string } };
  };
  return {
    envelopeSender: FromEmailAddress ?? "",
    recipients: Destination.ToAddresses,
    raw: Buffer.from(Content.Raw.Data, "base64").toString("utf8"),
    configurationSet: ConfigurationSetName,
  };
}
