import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { composeMessage } from "../../../shared/streams/compose-message.ts";
import { decodeStreamMessage } from "../../../shared/streams/read-stream-message.ts";
import { streamMessageJsonSchema } from "../../../shared/streams/stream-message-schema.ts";
import { judgement, passing, testId } from "./stream-fixture.ts";

const message = composeMessage({
  sesMessageId: testId(1),
  stream: "ticket",
  recipients: ["support@example.com"],
  judgement: judgement(),
  envelope: { from: "", to: ["support@example.com"] },
  verdicts: passing,
  headers: [
    { name: "From", value: "Ann Lee <ann@sender.example>" },
    { name: "Message-ID", value: "<m1@sender.example>" },
    { name: "Date", value: "Tue, 4 Aug 2026 11:15:00 +0200 (CEST)" },
  ],
  content: { kind: "s3", bucket: "mailweir-mail", key: "inbound/x" },
  reasons: ["because"],
  receivedAt: "2026-08-04T09:15:02.417Z",
});
const ajv = new Ajv2020({ strict: false, validateFormats: false });
const published = JSON.parse(
  readFileSync(new URL("../../../docs/stream-message.schema.json", import.meta.url), "utf8"),
);

test("the published JSON Schema is the one that is enforced", () => {
  expect(published).toEqual(streamMessageJsonSchema());
});

test("a message comes back from its queue as it was sent, and the JSON Schema accepts it", () => {
  expect(decodeStreamMessage(JSON.stringify(message))).toEqual(message);
  expect(ajv.validate(published, JSON.parse(JSON.stringify(message)))).toBe(true);
});

test("a member that a later version added is no reason to refuse", () => {
  expect(decodeStreamMessage(JSON.stringify({ ...message, priority: 1 }))).toMatchObject({ stream: "ticket" });
});

test.for<[string, string, string]>([
  ["no JSON", "{secret", "not JSON, SyntaxError"],
  ["JSON of another kind", "[]", "the whole: invalid_type"],
  ["a newer version", JSON.stringify({ ...message, version: 2 }), "version 2, newer than 1"],
  ["no recipients", JSON.stringify({ ...message, recipients: [] }), "recipients: too_small"],
  ["an id that cannot be one", JSON.stringify({ ...message, sesMessageId: "../../etc" }), "sesMessageId"],
  [
    "a nature that nobody knows",
    JSON.stringify({ ...message, nature: { ...message.nature, kind: "alien" } }),
    "nature.kind",
  ],
  ["content of another kind", JSON.stringify({ ...message, content: { kind: "url", href: "x" } }), "content"],
])("%s is refused with its place, and without its text", ([, body, what]) => {
  const decode = () => decodeStreamMessage(body);
  expect(decode).toThrow(expect.objectContaining({ code: "ERR_STREAM_MESSAGE_UNREADABLE", retryable: false }));
  expect(decode).toThrow(what);
  expect(decode).not.toThrow("secret");
  if (what.startsWith("version") || what.startsWith("not JSON")) return;
  expect(ajv.validate(published, JSON.parse(body))).toBe(false);
});
