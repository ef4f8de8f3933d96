import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openStoreReadOnly } from "../../../local/store/open-read-only.ts";
import { type EngineProcess, engineFolder, startEngineProcess } from "../engine-process.ts";
import { type Redmine, redmineProgram, startRedmine } from "../redmine.ts";

const missing = redmineProgram === undefined ? " (skipped: redmine, redmine-sqlite and puma are not installed)" : "";

// Between the engine and Redmine: what Redmine did is done, and its answer never comes.
describe.skipIf(redmineProgram === undefined)(`kill -9 on the way to a ticket system${missing}`, () => {
  let redmine: Redmine;
  let between: Server;
  let holding = false;
  /** What Redmine did and nobody heard of. */
  const held = new Set<string>();
  const { promise: bothHeld, resolve: onBothHeld } = Promise.withResolvers<void>();
  beforeAll(async () => {
    redmine = await startRedmine(redmineProgram ?? "");
    between = createServer(async (request, response) => {
      const body = await octetsOf(request);
      const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers;
      const answer = await fetch(`${redmine.url}${request.url}`, {
        method: request.method ?? "GET",
        headers: headers as Record<string, string>,
        ...(body.length > 0 && { body: new Uint8Array(body) }),
      });
      const octets = Buffer.from(await answer.arrayBuffer());
      if (holding && request.method !== "GET") {
        held.add(request.method ?? "");
        if (held.size === 2) onBothHeld();
        return;
      }
      response.writeHead(answer.status, { "content-type": "application/json" }).end(octets);
    });
    await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
    process.env["REDMINE_KEY"] = redmine.key;
  }, 300_000);
  afterAll(async () => {
    between?.closeAllConnections();
    between?.close();
    await redmine?.stop();
  });

  test("between Redmine's work and our knowing of it, of an issue and of a note: each is there once", async () => {
    const { port } = between.address() as AddressInfo;
    const { configFile, data, remove } = await engineFolder({
      domains: ["example.com"],
      streams: { ticket: { recipients: ["support@example.com"] } },
      tickets: {
        sinks: {
          desk: {
            kind: "redmine",
            url: `http://127.0.0.1:${port}`,
            keyFrom: { env: "REDMINE_KEY" },
            project: "support",
            allowPrivate: ["127.0.0.1"],
          },
        },
      },
    });
    onTestFinished(remove);
    const first = await startEngineProcess({ configFile, data });
    onTestFinished(() => first.kill());
    await send(first, "first");
    await settled(first.data, 1);

    // A new issue, and a note to the one that is there.
    holding = true;
    await send(first, "second");
    await send(first, "answer");
    await bothHeld;
    await first.kill();
    holding = false;

    // The attempts that died are followed by the next when their leases of 90 seconds are over.
    const second = await startEngineProcess({ configFile, data });
    onTestFinished(() => second.kill());
    await settled(second.data, 3);
    const { issues } = (await redmine.get("/issues.json?status_id=*&sort=id")) as { issues: { id: number }[] };
    expect(issues).toHaveLength(2);
    const whole = await Promise.all(issues.map(({ id }) => redmine.get(`/issues/${id}.json?include=journals`)));
    const texts = (whole as { issue: { description: string; journals: { notes: string }[] } }[]).map(({ issue }) => [
      issue.description,
      ...issue.journals.map(({ notes }) => notes),
    ]);
    expect(texts).toEqual([
      [expect.stringContaining("This is the first."), expect.stringContaining("This is the answer.")],
      [expect.stringContaining("This is the second.")],
    ]);
  }, 600_000);
});

async function send({ host, port }: EngineProcess, word: "first" | "second" | "answer"): Promise<void> {
  const transport = createTransport({ host, port, secure: false, ignoreTLS: true });
  const isAnswer = word === "answer";
  await transport.sendMail({
    envelope: { from: "ann@sender.example", to: ["support@example.com"] },
    from: "Ann Lee <ann@sender.example>",
    to: "support@example.com",
    subject: isAnswer ? "Re: The first" : `The ${word}`,
    messageId: `<${word}@sender.example>`,
    ...(isAnswer && { inReplyTo: "<first@sender.example>" }),
    text: `This is the ${word}.`,
  });
  transport.close();
}

/** Resolves when so many mails of all tickets have arrived at the sink. */
async function settled(data: string, count: number): Promise<void> {
  for (;;) {
    const store = await openStoreReadOnly(data);
    const { tickets } = await store.ports.tickets.list({ limit: 10 });
    const whole = await Promise.all(tickets.map(({ id }) => store.ports.tickets.get(id)));
    const entries = whole.flatMap((ticket) => ticket?.entries ?? []);
    const ids = entries.flatMap((entry) => (entry.kind === "mail" ? [entry.sesMessageId] : []));
    const states = await Promise.all(ids.map((id) => store.ports.propagations.of(id)));
    await store.close();
    if (states.flat().filter(({ state }) => state === "done").length === count) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function octetsOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
