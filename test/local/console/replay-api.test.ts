import { afterAll, beforeAll, expect, test } from "vitest";
import type { Journey } from "../../../local/console/journey.ts";
import type { ReplayAnswer } from "../../../local/console/replay-api.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

let running: ConsoleEngine;
const worked: string[] = [];
/** What the user's own matching says; a configuration that changes under mail that is stored. */
let isOrder = false;

beforeAll(async () => {
  running = await startConsoleEngine({
    streams: {
      orders: {
        recipients: ["support@example.com"],
        match: () => isOrder,
        worker: async (message) => {
          worked.push(message.sesMessageId);
          return { outcome: "ordered" };
        },
      },
      ticket: { recipients: ["support@example.com"] },
      personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
    },
  });
});
afterAll(() => running.close());

async function replay(body: object): Promise<{ status: number; answer: ReplayAnswer & { detail?: string } }> {
  const response = await running.fetch("/api/replay", {
    method: "POST",
    headers: { authorization: `Bearer ${running.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as ReplayAnswer };
}
const recipients = async (id: string) =>
  ((await (await running.fetch(`/api/messages/${id}`)).json()) as Journey).recipients;
const tickets = async () =>
  ((await (await running.fetch("/api/tickets?limit=200")).json()) as { tickets: { subject: string }[] }).tickets.map(
    ({ subject }) => subject,
  );

async function fail(id: string, cause: string): Promise<void> {
  await running.engine.store.database.write((tx) =>
    tx.run(
      `UPDATE recipients SET state = 'failed', outcome = NULL, cause = ?
       WHERE seq = (SELECT seq FROM ids WHERE ses_message_id = ?)`,
      ...[cause, id],
    ),
  );
}

test("a failed message is worked on again, and its effects stay once", async () => {
  const id = await running.send(mail("Failed once"), ["support@example.com"]);
  await running.ended();
  await fail(id, "the disk was full");
  const { answer } = await replay({ from: "work", messages: [id] });
  expect(answer.messages).toMatchObject([{ replayed: [{ recipient: "support@example.com", kind: "replayed" }] }]);
  await running.ended();
  expect(await recipients(id)).toMatchObject([{ state: "done", stream: "ticket", attempts: 2, cause: null }]);
  expect((await recipients(id))[0]?.decision?.reasons.at(-1)).toMatch(/^replayed from work at /);
  expect((await tickets()).filter((subject) => subject === "Failed once")).toHaveLength(1);
});

test("a dry run says what would change and changes nothing; applying it does what it said, each effect once", async () => {
  const id = await running.send(mail("Order 7"), ["support@example.com"]);
  await running.ended();
  const before = await recipients(id);
  isOrder = true;
  try {
    const dry = await replay({ from: "decide", messages: [id], dryRun: true });
    expect(dry.answer).toMatchObject({
      dryRun: true,
      messages: [
        {
          sesMessageId: id,
          subject: "Order 7",
          replayed: null,
          recipients: [
            {
              blocked: null,
              changes: [{ what: "stream", recorded: "ticket", replayed: "orders" }, { what: "reasons" }],
            },
          ],
        },
      ],
    });
    expect(await recipients(id)).toEqual(before);
    await replay({ from: "decide", messages: [id] });
    await running.ended();
    await replay({ from: "decide", messages: [id] });
    await running.ended();
  } finally {
    isOrder = false;
  }
  expect(await recipients(id)).toMatchObject([{ stream: "orders", state: "done", outcome: "ordered", attempts: 3 }]);
  expect(worked.filter((one) => one === id)).toHaveLength(2);
  expect((await tickets()).filter((subject) => subject === "Order 7")).toHaveLength(1);
});

test("parse judges anew by the recorded verdicts, raw finds them out anew", async () => {
  const { sesMessageId: id } = (await (
    await running.fetch("/api/compose", {
      method: "POST",
      headers: { authorization: `Bearer ${running.token}` },
      body: JSON.stringify({
        ...{ from: "ann@sender.example", to: ["support@example.com"], subject: "Held", text: gtube },
        authentication: { dmarc: "fail", dmarcPolicy: "reject", virus: "GRAY" },
      }),
    })
  ).json()) as { sesMessageId: string };
  await running.ended();
  expect(await recipients(id)).toMatchObject([{ state: "quarantined" }]);
  // As if another scanner had looked at the time.
  const { engine } = running.engine.store;
  const found = await engine.verification(id as never);
  if (!found) throw new Error("verified before");
  await engine.replaceVerification(id as never, {
    ...found,
    verdicts: { ...found.verdicts, virus: "PASS", spam: "PASS" },
  });
  const parse = await replay({ from: "parse", messages: [id], dryRun: true });
  expect(parse.answer.messages[0]?.recipients[0]?.changes.map(({ what }) => what)).toContain("safety");
  const raw = await replay({ from: "raw", messages: [id], dryRun: true });
  expect(raw.answer.messages[0]?.verdicts).toEqual([
    { what: "spam", recorded: "PASS", replayed: "FAIL" },
    { what: "virus", recorded: "PASS", replayed: "GRAY" },
  ]);
  expect((await engine.verification(id as never))?.verdicts.virus).toBe("PASS");
  await replay({ from: "raw", messages: [id] });
  await running.ended();
  expect((await engine.verification(id as never))?.verdicts.virus).toBe("GRAY");
  expect(await recipients(id)).toMatchObject([{ state: "quarantined", attempts: 2 }]);
  const { held } = (await (await running.fetch("/api/quarantine")).json()) as { held: { sesMessageId: string }[] };
  expect(held.filter((one) => one.sesMessageId === id)).toHaveLength(1);
});

test("a search is replayed page by page; what is under way is left alone", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push(await running.send(mail(`Batch ${n}`, "searchword"), ["ann@example.com"]));
  await running.ended();
  await running.engine.search.caughtUp();
  const seen: string[] = [];
  let before: number | null = null;
  do {
    const { answer } = await replay({ from: "work", q: "searchword", limit: 2, ...(before && { before }) });
    seen.push(...answer.messages.map(({ sesMessageId }) => sesMessageId));
    before = answer.next;
  } while (before !== null);
  expect(seen).toEqual([...ids].reverse());
  await running.ended();
  for (const id of ids) expect(await recipients(id)).toMatchObject([{ state: "done", attempts: 2 }]);

  const [first = ""] = ids;
  await running.engine.store.database.write((tx) =>
    tx.run("UPDATE recipients SET state = 'routed' WHERE seq = (SELECT seq FROM ids WHERE ses_message_id = ?)", first),
  );
  const { answer } = await replay({ from: "work", messages: [first] });
  expect(answer.messages).toMatchObject([{ recipients: [{ blocked: "it is routed: wait for its end" }] }]);
  expect(answer.messages[0]?.replayed).toMatchObject([{ kind: "under-way" }]);
  expect(await recipients(first)).toMatchObject([{ state: "routed", attempts: 2 }]);
});

test.for<[string, object, number, RegExp]>([
  ["neither messages nor a search", { from: "work" }, 400, /either messages or a search/],
  ["both", { from: "work", q: "x", messages: ["a"] }, 400, /either messages or a search/],
  ["a stage that there is not", { from: "route", q: "x" }, 400, /from/],
  [
    "a message that there is not",
    { from: "work", messages: ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] },
    404,
    /no message/,
  ],
  ["a search that is wrong", { from: "work", q: "is:lost" }, 400, /failed, quarantined/],
])("%s is refused", async ([, body, status, detail]) => {
  const { status: given, answer } = await replay(body);
  expect({ status: given, detail: answer.detail }).toMatchObject({ status, detail: expect.stringMatching(detail) });
});
