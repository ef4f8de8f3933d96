import { afterAll, beforeAll, expect, test } from "vitest";
import type { MatchAnswer, RulesAnswer, StreamsAnswer } from "../../../local/console/streams-api.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
});
afterAll(() => running.close());

const json = async <T>(path: string) => (await (await running.fetch(path)).json()) as T;
const sum = (answer: StreamsAnswer, stream: string, what: "decided" | "done" | "failed" | "quarantined") =>
  answer.streams.find((entry) => entry.stream === stream)?.slices.reduce((total, slice) => total + slice[what], 0);

test("what happened in a stream is counted as it happens, once", async () => {
  for (let n = 0; n < 3; n++) await running.send(mail(`Mail ${n}`), ["support@example.com", "ann@example.com"]);
  await running.ended();
  const { ledger } = running.engine.ports;
  const [first] = (await json<{ messages: { sesMessageId: string }[] }>("/api/messages?limit=1")).messages;
  // Over already: nothing to count.
  await ledger.fail(first?.sesMessageId as never, "support@example.com", "late");
  const answer = await json<StreamsAnswer>("/api/streams?hours=1");
  expect([sum(answer, "ticket", "decided"), sum(answer, "ticket", "done"), sum(answer, "ticket", "failed")]).toEqual([
    3, 3, 0,
  ]);
  expect(sum(answer, "personal", "done")).toBe(3);
  expect(answer.streams.find(({ stream }) => stream === "ticket")).toMatchObject({
    worker: "ticket",
    open: 0,
    oldestReceivedAt: null,
    oldestAgeSeconds: null,
    queue: { visible: 0, inFlight: 0, delayed: 0 },
    dead: 0,
    totals: { done: 3 },
  });
  const [slice] = answer.streams.find(({ stream }) => stream === "ticket")?.slices ?? [];
  expect(slice?.meanLagMs).toBeGreaterThanOrEqual(0);
  expect(slice?.maxLagMs).toBeGreaterThanOrEqual(slice?.meanLagMs ?? 0);
  expect(Date.parse(slice?.from ?? "")).toBeGreaterThanOrEqual(Date.parse(answer.from));
});

test("what is open has an age, and what fails is counted with its stream", async () => {
  const id = await running.send(mail("Stuck"), ["support@example.com"]);
  await running.ended();
  await running.engine.store.database.write((tx) =>
    tx.run(
      `UPDATE recipients SET state = 'routed', open = 1, received_at = received_at - 90000
       WHERE seq = (SELECT seq FROM ids WHERE ses_message_id = ?)`,
      id,
    ),
  );
  const stuck = await json<StreamsAnswer>("/api/streams?hours=1");
  const ticket = stuck.streams.find(({ stream }) => stream === "ticket");
  expect(ticket).toMatchObject({ open: 1 });
  expect(ticket?.oldestAgeSeconds).toBeGreaterThanOrEqual(90);
  await running.engine.ports.ledger.fail(id as never, "support@example.com", "given up");
  expect(sum(await json<StreamsAnswer>("/api/streams?hours=1"), "ticket", "failed")).toBe(1);
  expect((await running.fetch("/api/streams?hours=700&step=1")).status).toBe(400);
});

test("rules come in their order with what they did", async () => {
  const { ruleSet, rules } = await json<RulesAnswer>("/api/rules");
  expect(ruleSet).toBe("mailweir");
  const [store] = rules;
  expect(store?.actions[0]).toMatchObject({ type: "S3", target: expect.stringMatching(/^s3:\/\//) });
  expect(store?.hits.PublishSuccess).toBeGreaterThanOrEqual(4);
});

test.for<[string, string, Partial<MatchAnswer["recipients"][number]>]>([
  ["an address of a stream", "to=support@example.com", { accepted: true, stream: "ticket" }],
  ["a nature that it does not take", "to=support@example.com&nature=bounce", { accepted: true, stream: "bounce" }],
  ["an address that is to be rejected", "to=old@example.com", { accepted: true, stream: null, outcome: "rejected" }],
  [
    "an address elsewhere",
    "to=ann@elsewhere.example",
    { accepted: false, reply: expect.stringMatching(/^550 /) as never },
  ],
])("what would match: %s", async ([, query, expected]) => {
  const { recipients, rules } = await json<MatchAnswer>(`/api/match?${query}`);
  expect(recipients).toMatchObject([expected]);
  expect(rules.length > 0).toBe(expected.accepted);
});

test.for<[string, RegExp]>([
  ["/api/match", /to=/],
  ["/api/match?to=a@example.com&ip=nowhere", /IP/],
  ["/api/match?to=a@example.com&nature=robot", /human, bounce/],
])("%s is refused", async ([path, detail]) => {
  const response = await running.fetch(path);
  expect(response.status).toBe(400);
  expect(((await response.json()) as { detail: string }).detail).toMatch(detail);
});
