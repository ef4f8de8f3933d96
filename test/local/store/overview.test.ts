import { describe, expect, test } from "vitest";
import { claimAgain, decisionFor } from "../../contract/opened.ts";
import { openTemporary } from "./open-temporary.ts";
import { acceptedMessage, sesId } from "./store-fixture.ts";

const header = `From: =?utf-8?q?Ann_L=C3=A9e?= <ann@sender.example>\r\nSubject: Order\r\n 1207\r\n\r\n`;
const inline = (text: string) => ({ kind: "inline", bytes: Buffer.from(text) }) as const;

describe("the list", () => {
  test("comes newest first, with what the sender and the workers said", async () => {
    const { store } = await openTemporary();
    const to = ["Bob@in.example", "ann@in.example"];
    await store.engine.accept(acceptedMessage(sesId(1), 9, to), inline(header));
    await store.engine.accept(acceptedMessage(sesId(2), 9), inline("no header at all"));
    await store.ports.ledger.decide([decisionFor(sesId(1), "ann@in.example", { stream: "personal" })]);
    const claim = await claimAgain(store.ports.ledger, { sesMessageId: sesId(1), recipient: "ann@in.example" });
    await store.ports.ledger.finish(claim, { state: "done", outcome: "duplicate", duplicateOf: sesId(9) });
    const nothing = { stream: null, outcome: null, cause: null, duplicateOf: null };
    expect(await store.engine.list({ limit: 10 })).toEqual([
      {
        sequence: 2,
        sesMessageId: sesId(2),
        receivedAt: "2026-08-04T09:15:02.417Z",
        envelope: { from: "ann@sender.example", to: ["Ann@in.example"] },
        subject: null,
        author: null,
        recipients: [{ recipient: "ann@in.example", state: "received", ...nothing }],
      },
      {
        sequence: 1,
        sesMessageId: sesId(1),
        receivedAt: "2026-08-04T09:15:02.417Z",
        envelope: { from: "ann@sender.example", to },
        subject: "Order 1207",
        author: "Ann Lée <ann@sender.example>",
        recipients: [
          { recipient: "bob@in.example", state: "received", ...nothing },
          {
            recipient: "ann@in.example",
            state: "done",
            stream: "personal",
            outcome: "duplicate",
            cause: null,
            duplicateOf: sesId(9),
          },
        ],
      },
    ]);
  });

  test("goes on behind the last sequence number", async () => {
    const { store } = await openTemporary();
    for (const id of [1, 2, 3, 4, 5]) await store.engine.accept(acceptedMessage(sesId(id), 9), inline(header));
    const pages: string[][] = [];
    let before: number | undefined;
    for (;;) {
      const page = await store.engine.list({ limit: 2, ...(before !== undefined && { before }) });
      if (page.length === 0) break;
      pages.push(page.map((message) => message.sesMessageId));
      before = page.at(-1)?.sequence;
    }
    expect(pages).toEqual([[sesId(5), sesId(4)], [sesId(3), sesId(2)], [sesId(1)]]);
  });

  test("cuts a subject of any length", async () => {
    const { store } = await openTemporary();
    await store.engine.accept(acceptedMessage(sesId(1), 9), inline(`Subject: ${"s".repeat(60_000)}\r\n\r\n`));
    expect((await store.engine.list({ limit: 1 }))[0]?.subject).toBe("s".repeat(200));
  });
});

test("the status counts messages, octets, streams by state, queues and refusals", async () => {
  const { store } = await openTemporary();
  for (const id of [1, 2, 3]) await store.engine.accept(acceptedMessage(sesId(id), 100), inline(header));
  await store.ports.ledger.decide([decisionFor(sesId(1), "ann@in.example")]);
  await store.ports.ledger.decide([decisionFor(sesId(2), "ann@in.example", { stream: null, outcome: "dropped" })]);
  await store.engine.endMessage(sesId(1), { reason: "end", untold: [] });
  await store.ports.queues.send("ticket", [{ id: "m", body: "x" }]);
  const status = await store.engine.status();
  expect(status).toMatchObject({
    messages: 3,
    unended: 2,
    bytes: 300,
    refusals: 0,
    byStream: { none: { received: 1, done: 1 }, ticket: { decided: 1 } },
  });
  expect(status.queues).toContainEqual({ name: "ticket", visible: 1, inFlight: 0, delayed: 0 });
  expect(status.queues).toContainEqual({ name: "ticket-dlq", visible: 0, inFlight: 0, delayed: 0 });
});

test.for<[string, string]>([
  ["the list", "SELECT m.seq FROM messages m JOIN ids ON ids.seq = m.seq WHERE m.seq < ? ORDER BY m.seq DESC LIMIT ?"],
  ["what is unended", "SELECT seq FROM messages WHERE ended_at IS NULL ORDER BY messages.seq LIMIT ?"],
  [
    "what is unfinished",
    "SELECT seq FROM recipients WHERE open = 1 AND received_at < ? ORDER BY received_at, seq LIMIT ?",
  ],
  ["counting the ended", "SELECT stream, state, count(*) FROM recipients WHERE open = 0 GROUP BY stream, state"],
  [
    "what is visible",
    "SELECT * FROM queue_messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
  ],
  ["due invocations", "SELECT * FROM invocations WHERE due_at <= ? ORDER BY due_at, id LIMIT ?"],
])("%s reads an index in its order: no scan, no sort", async ([, text]) => {
  const { store } = await openTemporary();
  const values = Array.from({ length: text.split("?").length - 1 }, () => 1);
  const plan = store.database.read((sql) => sql.all(`EXPLAIN QUERY PLAN ${text}`, ...values));
  for (const step of plan.map((row) => String(row["detail"]))) {
    expect(step).not.toMatch(/TEMP B-TREE/);
    expect(step).toMatch(/SEARCH|SCAN .* USING (COVERING )?INDEX/);
  }
});
