import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createWebhooks } from "../../shared/propagation/guarded-post.ts";
import { type RedmineSink, redmine } from "../../shared/sinks/redmine.ts";
import type { AskedSink } from "../../shared/sinks/sink.ts";
import { sinksContract } from "../contract/sinks.ts";
import { dyingPorts, openPipeline, type Pipeline, receivedAt, type TestMail } from "../functions/pipeline.ts";
import { testConfig, testId } from "../shared/streams/stream-fixture.ts";
import { type Redmine, redmineProgram, startRedmine } from "./redmine.ts";

if (redmineProgram === undefined) {
  test.skip("Redmine: skipped, the packages redmine, redmine-sqlite and puma are not installed", () => undefined);
} else {
  let server: Redmine;
  // One Redmine for all of them: no two pipelines may have the same SES message id.
  let mails = 1000;
  const settings = (more: Partial<RedmineSink> = {}): RedmineSink => ({
    kind: "redmine",
    url: `${server.url}/`,
    keyFrom: { env: "REDMINE_KEY" },
    project: "support",
    allowPrivate: ["127.0.0.1"],
    ...more,
  });
  const sinkOf = async (of: RedmineSink, key = server.key) =>
    (await redmine.create(of, {
      name: "desk",
      clock: { now: () => new Date() },
      secrets: { read: async () => key },
      http: createWebhooks(),
      file: async () => new Uint8Array(),
    })) as AskedSink;
  const textsOf = async (ref: string) => {
    const { issue } = (await server.get(`/issues/${ref}.json?include=journals`)) as {
      issue: { subject: string; description: string; journals: { notes: string }[] };
    };
    return [issue.subject, issue.description, ...issue.journals.map(({ notes }) => notes)].join("\n");
  };

  beforeAll(async () => {
    server = await startRedmine(redmineProgram as string);
  }, 300_000);
  afterAll(() => server?.stop());

  sinksContract("Redmine, texts in Textile", async () => ({
    sink: await sinkOf(settings()),
    texts: textsOf,
    close: async () => undefined,
  }));
  sinksContract("Redmine, texts in Markdown", async () => ({
    sink: await sinkOf(settings({ format: "markdown" })),
    texts: textsOf,
    close: async () => undefined,
  }));

  describe("Redmine at the end of the pipeline", () => {
    const start = async () => {
      const pipeline = await openPipeline(testConfig({ tickets: { sinks: { desk: settings() } } }), {
        env: { REDMINE_KEY: server.key },
      });
      onTestFinished(() => pipeline.close());
      return pipeline;
    };
    const issuesOf = async (subject: string) => {
      const { issues } = (await server.get("/issues.json?status_id=*&limit=100&sort=id")) as {
        issues: { id: number; subject: string }[];
      };
      const found = issues.filter((issue) => issue.subject === subject);
      const whole = await Promise.all(
        found.map(({ id }) => server.get(`/issues/${id}.json?include=journals,attachments`)),
      );
      return whole.map((answer) => (answer as { issue: Issue }).issue);
    };
    const receive = async (pipeline: Pipeline, mail: Partial<TestMail>) => {
      mails++;
      const headers = { "Message-ID": `<n${mails}@sender.example>`, ...mail.headers };
      const events = await pipeline.arrive({ id: testId(mails), to: ["support@example.com"], ...mail, headers });
      await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
      return events;
    };
    const notesOf = ({ journals }: Issue) => journals.map(({ notes }) => notes).filter((notes) => notes !== "");

    test("a ticket with a file, an answer, a note and its closing are one issue, the file octet for octet", async () => {
      const pipeline = await start();
      const octets = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 7) % 256));
      const raw = [
        "From: Ann Lee <ann@sender.example>",
        "To: support@example.com",
        "Subject: With a file",
        "Message-ID: <file@sender.example>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "See the file.",
        "--b",
        "Content-Type: application/octet-stream",
        "Content-Disposition: attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.bin",
        "Content-Transfer-Encoding: base64",
        "",
        octets.toString("base64"),
        "--b--",
        "",
      ].join("\r\n");
      const { id } = await receive(pipeline, { raw: Buffer.from(raw) });
      await pipeline.drain();
      await pipeline.ports.tickets.change(1, {
        id: "note/n1",
        entry: { kind: "note", id: "n1", text: "Looks broken", by: "carol", at: "2026-08-04T10:00:00.000Z" },
        state: "closed",
      });
      await pipeline.settle();
      const [issue, ...more] = await issuesOf("With a file");
      expect(more).toEqual([]);
      expect(issue!.description).toContain("See the file.");
      expect(notesOf(issue!)).toEqual([expect.stringContaining("Looks broken")]);
      expect(issue!.status.name).toBe("Closed");
      expect(issue!.attachments.map(({ filename }) => filename)).toEqual(["größe.bin"]);
      expect(await server.download(issue!.attachments[0]!.content_url)).toEqual(octets);
      expect(await pipeline.ports.tickets.get(1)).toMatchObject({
        links: [{ sink: "desk", ref: String(issue!.id), url: `${server.url}/issues/${issue!.id}` }],
      });
      expect(await pipeline.ports.propagations.of(id)).toMatchObject([{ state: "done", cause: `issue ${issue!.id}` }]);
      // The customer's answer opens it again.
      await receive(pipeline, { headers: { Subject: "Re: With a file", "In-Reply-To": "<file@sender.example>" } });
      await pipeline.settle();
      expect((await issuesOf("With a file"))[0]!.status.name).toBe("New");
    });

    test("20 duplicates at once: one ticket, one issue", async () => {
      const pipeline = await start();
      const events = await pipeline.arrive({
        id: testId(++mails),
        to: ["support@example.com"],
        headers: { Subject: "Twenty" },
      });
      for (let copy = 0; copy < 20; copy++) await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
      await Promise.all(Array.from({ length: 4 }, () => pipeline.drain()));
      await pipeline.settle();
      const { propagateQueue } = pipeline.config.names;
      const job = { version: 1, ticket: { id: 1, change: `mail/${events.id}`, settles: false }, target: "sink:desk" };
      for (let copy = 0; copy < 20; copy++) await pipeline.queue(propagateQueue, job);
      await Promise.all(Array.from({ length: 4 }, () => pipeline.drain()));
      await pipeline.settle();
      expect((await pipeline.ports.tickets.list({ limit: 10 })).tickets).toHaveLength(1);
      expect(await issuesOf("Twenty")).toHaveLength(1);
    });

    test("six mails of one thread at once: one issue, each entry once, in the ticket's order", async () => {
      const pipeline = await start();
      await receive(pipeline, { headers: { Subject: "Race", "Message-ID": "<race@sender.example>" }, body: "0" });
      for (let index = 1; index < 6; index++) {
        await receive(pipeline, {
          headers: { Subject: "Re: Race", "In-Reply-To": "<race@sender.example>" },
          body: `${index}`,
          at: new Date(receivedAt.getTime() + index * 1000),
        });
      }
      await Promise.all(Array.from({ length: 4 }, () => pipeline.drain()));
      await pipeline.settle();
      const [issue, ...more] = await issuesOf("Race");
      expect(more).toEqual([]);
      expect(notesOf(issue!)).toHaveLength(5);
      const entries = (await pipeline.ports.tickets.get(1))!.entries;
      const marks = notesOf(issue!).map((notes) => notes.trim().split(" ").at(-1));
      expect(marks).toEqual(entries.slice(1).map((entry) => "sesMessageId" in entry && entry.sesMessageId));
    });

    test("a process that dies at any call: nothing is lost, and nothing is there twice", async () => {
      const pipeline = await start();
      let calls = 0;
      for (let nth = 1; ; nth++) {
        const subject = `Death ${nth}`;
        const root = `<death-${nth}@sender.example>`;
        await receive(pipeline, { headers: { Subject: subject, "Message-ID": root } });
        await receive(pipeline, {
          headers: { Subject: `Re: ${subject}`, "In-Reply-To": root },
          at: new Date(receivedAt.getTime() + 1000),
        });
        const { ports, died } = dyingPorts(pipeline.ports, nth, nth % 2 === 0 ? "before" : "after");
        await pipeline.drain(ports);
        await pipeline.settle();
        const [issue, ...more] = await issuesOf(subject);
        expect(more, `call ${nth}`).toEqual([]);
        expect(notesOf(issue!), `call ${nth}`).toHaveLength(1);
        if (!died()) {
          expect(calls).toBeGreaterThan(20);
          return;
        }
        calls = nth;
      }
    });
  });
}

interface Issue {
  readonly id: number;
  readonly description: string;
  readonly status: { readonly name: string };
  readonly journals: readonly { readonly notes: string }[];
  readonly attachments: readonly { readonly filename: string; readonly content_url: string }[];
}
