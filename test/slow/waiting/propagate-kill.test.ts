import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openStoreReadOnly } from "../../../local/store/open-read-only.ts";
import { createSecrets } from "../../../local/store/secrets.ts";
import { createUnsubscriber } from "../../../shared/unsubscribe/sender.ts";
import { engineFolder, startEngineProcess } from "../engine-process.ts";

// The endpoint answers nobody until the engine was killed: every change is recorded, and none has been told.
let server: Server;
let accepting = false;
const told: string[] = [];
const { promise: anyBegun, resolve: begun } = Promise.withResolvers<void>();
beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    if (!accepting) {
      begun();
      return;
    }
    told.push(String(request.headers["webhook-id"]));
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test("kill -9 between the record and its propagation: after the restart everybody is told, under one id", async () => {
  process.env["HOOK_SECRET"] = "an example secret of the endpoint";
  const { port } = server.address() as AddressInfo;
  const { configFile, data, remove } = await engineFolder({
    domains: ["example.com"],
    streams: { unsubscribe: { recipients: ["unsubscribe@example.com"] }, personal: { recipients: ["example.com"] } },
    unsubscribe: {
      propagate: {
        webhooks: {
          crm: {
            url: `http://127.0.0.1:${port}/hook`,
            secretFrom: { env: "HOOK_SECRET" },
            allowPrivate: ["127.0.0.1"],
          },
        },
      },
    },
  });
  onTestFinished(remove);
  const first = await startEngineProcess({ configFile, data });
  onTestFinished(() => first.kill());
  const secret = await createSecrets({}, join(data, "keys"), {}).keyRing();
  const sender = createUnsubscriber({ secret, mailto: "unsubscribe@example.com", url: `${first.http}/u` });
  const people = Array.from({ length: 20 }, (_, index) => `person${index}@sender.example`);
  const answers = await Promise.all(
    people.map((address) => {
      const link = /<(http[^>]+)>/.exec(sender.headersFor({ address, list: "news" })["List-Unsubscribe"]!)![1]!;
      return fetch(link, { method: "POST", body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }) });
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  // Some attempts are under way then, the others wait.
  await anyBegun;
  await first.kill();
  expect(told).toEqual([]);
  accepting = true;

  const second = await startEngineProcess({ configFile, data });
  onTestFinished(() => second.kill());
  const store = await openStoreReadOnly(data);
  const ids: string[] = [];
  for (const address of people) {
    const history = await store.ports.suppressions.history(sender.personOf(address));
    expect(history.map(({ kind }) => kind)).toEqual(["suppressed"]);
    ids.push(`${history[0]!.id}.crm`);
  }
  await store.close();
  // An attempt that died is followed by the next when its lease of 90 seconds is over.
  for (const end = Date.now() + 300_000; Date.now() < end && new Set(told).size < people.length; ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect([...new Set(told)].sort()).toEqual(ids.sort());
}, 400_000);
