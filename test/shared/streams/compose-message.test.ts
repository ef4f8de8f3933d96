import { expect, test } from "vitest";
import type { Header } from "../../../shared/mail/headers.ts";
import {
  type ComposeInput,
  composeMessage,
  maxStreamMessageBytes,
  messageIdsOf,
  summariseHeaders,
} from "../../../shared/streams/compose-message.ts";
import { judgement, passing, testId } from "./stream-fixture.ts";

const base: ComposeInput = {
  sesMessageId: testId(1),
  stream: "ticket",
  recipients: ["support@example.com"],
  judgement: judgement(),
  envelope: { from: "ann@sender.example", to: ["support@example.com"] },
  verdicts: passing,
  headers: [],
  content: { kind: "inline", base64: Buffer.alloc(65_536, 1).toString("base64") },
  reasons: ["because"],
  receivedAt: "2026-08-04T09:15:02.417Z",
};
const many = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => make(index));
const header = (name: string, value: string): Header => ({ name, value });

test("an ordinary message is not cut", () => {
  expect(composeMessage(base)).not.toHaveProperty("cut");
});

test("everything at its worst stays below 200 KB, keeps root and latest reference, and says what was cut", () => {
  const references = many(5000, (index) => `<${"é\u0001".repeat(300)}${index}@sender.example>`);
  const message = composeMessage({
    ...base,
    headers: [
      header("From", `"${"\u0007".repeat(5000)}" <ann@sender.example>`),
      header("Subject", "\u0001".repeat(20_000)),
      header("References", references.slice(0, 20).join(" ").concat(" ", references.slice(-20).join(" "))),
      header("In-Reply-To", references.slice(-12).join(" ")),
    ],
    envelope: { from: "ann@sender.example", to: many(2000, (index) => `${"x".repeat(120)}${index}@example.com`) },
    judgement: {
      ...base.judgement,
      nature: { ...base.judgement.nature, evidence: many(50, () => "\u0001".repeat(200)) },
    },
    reasons: many(500, (index) => `${"r".repeat(900)} ${index}`),
  });
  expect(Buffer.byteLength(JSON.stringify(message))).toBeLessThanOrEqual(maxStreamMessageBytes);
  expect(message.cut).toEqual(["evidence", "reasons", "recipients", "references"]);
  expect(message.recipients).toEqual(["support@example.com"]);
  expect(message.headers.references?.[0]).toBe(references[0]);
  expect(message.headers.references?.at(-1)).toBe(references.at(-1));
  expect(message.reasons.at(-1)).toContain("…");
});

test.for<[string, string | undefined, string[]]>([
  ["absent", undefined, []],
  ["one", " <a@b.example> ", ["<a@b.example>"]],
  ["several, one twice", "<a@b.example> <c@d.example>\t<a@b.example>", ["<a@b.example>", "<c@d.example>"]],
  ["with a comment", "<a@b.example> (Ann's message of Tuesday)", ["<a@b.example>"]],
  ["without brackets", "a@b.example", ["<a@b.example>"]],
  ["a sentence, as old programs write it", "Your message of Tuesday", []],
  ["endless", `<${"a".repeat(5000)}@b.example>`, []],
])("Message-IDs: %s", ([, value, ids]) => expect(messageIdsOf(value)).toEqual(ids));

test("the fields that workers need", () => {
  expect(
    summariseHeaders([
      header("from", "=?utf-8?q?J=C3=BCrg?= <jurg@sender.example>, bob@other.example"),
      header("SUBJECT", "=?utf-8?q?caf=C3=A9?=\t 1"),
      header("Message-Id", "<m1@sender.example>"),
      header("List-Id", "Weekly news <news.sender.example>"),
      header("Auto-Submitted", " auto-replied "),
      header("Date", "Tue, 4 Aug 2026 11:15:00 +0200 (CEST)"),
    ]),
  ).toEqual({
    author: { name: "Jürg", address: "jurg@sender.example" },
    subject: "café 1",
    messageId: "<m1@sender.example>",
    date: "2026-08-04T09:15:00.000Z",
    listId: "news.sender.example",
    autoSubmitted: "auto-replied",
  });
  expect(summariseHeaders([header("Date", "yesterday"), header("List-Id", " ")])).toEqual({});
});
