import { expect, test } from "vitest";
import { mailOf } from "../../../../../local/console/page/repair/dead-mail.ts";

const id = "a1b2c3d4e5f6g7h8i9j0";
const notice = { notificationType: "Received", mail: { messageId: id, commonHeaders: { subject: "Hello" } } };

test.for<[string, unknown, ReturnType<typeof mailOf>]>([
  [
    "a stream's message",
    { sesMessageId: id, recipients: ["ann@example.com"], headers: { subject: "Hello" } },
    { sesMessageId: id, subject: "Hello", recipients: ["ann@example.com"] },
  ],
  [
    "a stream's message without a subject",
    { sesMessageId: id, recipients: [], headers: {} },
    { sesMessageId: id, subject: null, recipients: [] },
  ],
  [
    "a notice in its topic's envelope",
    { Type: "Notification", Message: JSON.stringify(notice) },
    { sesMessageId: id, subject: "Hello", recipients: [] },
  ],
  ["a notice delivered raw", notice, { sesMessageId: id, subject: "Hello", recipients: [] }],
  ["an envelope with something else in it", { Message: "hello" }, undefined],
  ["somebody else's JSON", { hello: [1] }, undefined],
  ["no object", 7, undefined],
])("%s", ([, body, expected]) => expect(mailOf(JSON.stringify(body))).toEqual(expected));

test("no JSON at all", () => expect(mailOf("{")).toBeUndefined());
