import { createTransport } from "nodemailer";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRunner, type Runner } from "../../../local/actions/runner.ts";
import { ownCertificate } from "../../../local/smtp/certificate.ts";
import { createReception } from "../../../local/smtp/reception.ts";
import { type Smtp, startSmtp } from "../../../local/smtp/server.ts";
import { actions, type Engine, openEngine, rule } from "../actions/engine-fixture.ts";
import { bytesOf, testRandom } from "../store/store-fixture.ts";
import { greeted } from "./receiving-endpoint.ts";

let engine: Engine;
let runner: Runner;
let smtp: Smtp;
let listedBy: string | undefined;
let ipFilters: { name: string; policy: "Allow" | "Block"; cidr: string }[];

beforeEach(async () => {
  engine = await openEngine();
  listedBy = undefined;
  ipFilters = [];
  const { clock } = engine;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const random = testRandom("smtp");
  runner = createRunner({ ...engine.options, store: engine.store.engine, log });
  const ruleSet = { name: "mailweir", rules: [rule("store", [actions.s3])] };
  const limits = { messageBytes: 1_000_000, connections: 20, unfinished: 100, freeDiskBytes: 0, recipients: 100 };
  const reception = createReception({
    store: engine.store.engine,
    receiving: async () => ({ ruleSet, verifiedDomains: ["shop.example"], ipFilters }),
    limits,
    clock,
    random,
    spoolFolder: engine.store.folder.spool,
    freeDiskBytes: async () => 1e12,
    listedBy: async () => listedBy,
    onAccepted: (id) => runner.enqueue(id),
    log,
  });
  smtp = await startSmtp({
    listen: { host: "127.0.0.1", port: 0 },
    region: "us-east-1",
    limits,
    reception,
    certificate: ownCertificate(engine.store.folder.root, {
      names: ["localhost"],
      now: clock.now,
      random: random.bytes,
    }),
    clock,
    log,
  });
});
afterEach(async () => {
  await smtp.close({ drainMs: 1 });
  await runner.close();
  await engine.close();
});

interface Notice {
  readonly mail: { readonly messageId: string; readonly headers: readonly { name: string; value: string }[] };
  readonly receipt: { readonly recipients: readonly string[]; readonly action: { readonly objectKey: string } };
}

test("14: what the sender heard is the id in Received, in the notice and in the object's key", async () => {
  const transport = createTransport({
    host: smtp.address.host,
    port: smtp.address.port,
    tls: { rejectUnauthorized: false },
  });
  const sent = await transport.sendMail({
    from: "ann@sender.example",
    to: ["a@shop.example", "nobody@other.example"],
    subject: "Order 1207",
    text: "Hello\n.\n..\n",
  });
  await runner.drain();
  const id = sent.response.slice("250 OK ".length);
  expect(sent.rejected).toEqual(["nobody@other.example"]);
  const [notice] = (await engine.queue("notices")) as Notice[];
  expect(notice?.mail.messageId).toBe(id);
  expect(notice?.receipt).toMatchObject({ recipients: ["a@shop.example"], action: { objectKey: `inbound/${id}` } });
  expect(notice?.mail.headers.find(({ name }) => name === "Received")?.value).toContain(
    ` with SMTP id ${id} for a@shop.example; `,
  );
  const stored = (await engine.object(`inbound/${id}`)).toString();
  expect(stored.endsWith("\r\n\r\nHello\r\n.\r\n..\r\n")).toBe(true);
  expect(await engine.store.engine.refusalCount()).toBe(1);
});

test("a message over 64 KB goes by a file and comes out the same", async () => {
  const client = await greeted(smtp, "ann@sender.example");
  await client.say("RCPT TO:<a@shop.example>\r\n");
  await client.say("DATA\r\n");
  const body = `Subject: a\r\n\r\n${"0123456789abcdef\r\n".repeat(20_000)}`;
  const id = (await client.say(`${body}.\r\n`)).slice("250 OK ".length);
  await runner.drain();
  const [sesMessageId] = (await engine.store.engine.list({ limit: 1 })).map((listed) => listed.sesMessageId);
  expect(sesMessageId).toBe(id);
  const raw = sesMessageId && (await bytesOf(engine.store.engine.openRaw(sesMessageId)));
  expect(raw?.toString()).toBe(body);
  expect((await engine.object(`inbound/${id}`)).toString().endsWith(body)).toBe(true);
});

test("12: a client on a block list is refused, and passes with an Allow filter", async () => {
  listedBy = "zen.dnsbl.example";
  const refused = await greeted(smtp, "ann@sender.example");
  expect(await refused.say("RCPT TO:<a@shop.example>\r\n")).toBe("550 5.7.1 IP address blacklisted by recipient");
  expect(await engine.store.engine.refusals({ limit: 1 })).toMatchObject([
    { reason: expect.stringContaining("zen.dnsbl.example") },
  ]);
  ipFilters = [{ name: "us", policy: "Allow", cidr: "127.0.0.1" }];
  const passing = await greeted(smtp, "ann@sender.example");
  expect(await passing.say("RCPT TO:<a@shop.example>\r\n")).toBe("250 Ok");
});
