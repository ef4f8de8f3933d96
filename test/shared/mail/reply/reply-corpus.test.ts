import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { familyText, folded, plainMarkdown, replyCases } from "../../../../bench/score-replies.ts";
import { extractReply } from "../../../../shared/mail/reply/extract-reply.ts";

const corpus = join(import.meta.dirname, "../../../../../shared/corpus");

// The shares that we publish (docs/reply-extraction.md): of cases whose reply equals the expected text, white space folded.
test.skipIf(!existsSync(corpus)).for<[string, number]>([
  ["email-reply-parser", 0.95],
  ["email_reply_trimmer", 0.97],
  ["talon-cases", 0.95],
  ["talon-html", 1],
  ["talon-standard", 0.83],
  ["discourse", 1],
])("reply corpus (skipped where ../shared is missing): %s", async ([family, share]) => {
  const cases = (await replyCases(corpus)).filter((one) => one.family === family);
  expect(cases.length).toBeGreaterThan(0);
  const text = (value: string) => folded(family === "discourse" ? plainMarkdown(value) : value);
  const replies = cases.map((one) => ({ expected: text(one.expected), reply: extractReply(one.input) }));
  const right = replies.filter(({ expected, reply }) =>
    [reply.text, familyText(family, reply)].some((value) => text(value) === expected),
  );
  expect(right.length / cases.length).toBeGreaterThanOrEqual(share);
  expect(replies.filter(({ expected, reply }) => expected !== "" && reply.text.trim() === "")).toEqual([]);
});
