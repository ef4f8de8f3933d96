import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SESClient } from "@aws-sdk/client-ses";
import { onTestFinished } from "vitest";
import { isSesRequest } from "../../../local/ses-api/check-signature.ts";
import { createSesApi, type SesApi } from "../../../local/ses-api/create-ses-api.ts";
import type { SesApiParts } from "../../../local/ses-api/parts.ts";
import { serveSesApi } from "../../../local/ses-api/serve-ses-api.ts";
import type { AcceptedMessage } from "../../../local/store/engine-store.ts";
import type { Store } from "../../../local/store/open-store.ts";
import type { ComposeBounce } from "../../../local/store/outbox.ts";
import { createRuleSets } from "../../../local/store/rule-sets.ts";
import type { RuleSet } from "../../../shared/receipt/model.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";
import { openTemporary } from "../store/open-temporary.ts";
import { noticeTopic, type TestClock, testRandom } from "../store/store-fixture.ts";

export const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:tag";
export const keyArn = "arn:aws:kms:us-east-1:000000000000:key/mailweir";
export const configured: RuleSet = {
  name: "mailweir",
  rules: [
    {
      name: "everything",
      enabled: true,
      tlsPolicy: "Optional",
      scanEnabled: true,
      recipients: [],
      actions: [{ type: "S3", bucketName: "shop-inbound", topicArn: noticeTopic }],
    },
  ],
};

export interface SesServer {
  readonly client: SESClient;
  readonly api: SesApi;
  readonly store: Store;
  readonly clock: TestClock;
  readonly endpoint: string;
  /** Closes the store and starts again on the same folder. */
  restart(): Promise<SesServer>;
}

const oneDsn: ComposeBounce = async ({ recipients }) => ({
  messageId: `dsn-for-${recipients.length}`,
  to: "author@example.org",
  raw: new TextEncoder().encode("a DSN\r\n"),
});

/** The API behind a plain HTTP server on a store of its own, and the unmodified SDK's client for it. */
export async function startSesServer({
  composeBounce = oneDsn,
  ...more
}: Partial<SesApiParts> & { readonly composeBounce?: ComposeBounce } = {}): Promise<SesServer> {
  const temporary = await openTemporary({ composeBounce });
  const start = async (store: Store): Promise<SesServer> => {
    const api = createSesApi({
      config: {
        domains: ["example.com"],
        ipFilters: [{ name: "configured-1", policy: "Block", cidr: "192.0.2.0/24" }],
        ruleSet: configured,
        region: "us-east-1",
      },
      ruleSets: createRuleSets(store.database),
      targets: {
        hasBucket: (name) => name === "shop-inbound",
        hasTopic: (arn) => arn === noticeTopic,
        hasFunction: (arn) => arn === functionArn,
        hasKey: (arn) => arn === keyArn,
      },
      ports: store.ports,
      messages: store.engine,
      clock: temporary.clock,
      random: testRandom("ses-api"),
      ...more,
    });
    const server = createServer((request, response) => {
      if (isSesRequest(request.headers)) void serveSesApi(api, request, response);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new SESClient({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
      maxAttempts: 1,
    });
    onTestFinished(() => client.destroy());
    return {
      client,
      api,
      store,
      clock: temporary.clock,
      endpoint,
      restart: async () => start(await temporary.reopen({ composeBounce })),
    };
  };
  return start(temporary.store);
}

/** A message for user@example.com as the engine accepted it. */
export function acceptedMessage(sesMessageId: SesMessageId, receivedAt: Date): AcceptedMessage {
  return {
    sesMessageId,
    receivedAt,
    client: { ip: "192.0.2.1", helo: "mx.example.org" },
    from: "author@example.org",
    recipients: ["user@example.com"],
    ruleSetSnapshot: "none",
    sizeBytes: 14,
  };
}
