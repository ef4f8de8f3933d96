import { expect, test } from "vitest";
import { choices } from "../../../shared/receipt/choices.ts";
import { replies, type SmtpReply } from "../../../shared/receipt/replies.ts";

test.for<[{ readonly value: string }, SmtpReply]>([
  [choices.noRuleSetReply, replies.noSuchRecipient],
  [choices.blockedClientReply, replies.clientBlocked],
  [choices.tlsRequiredReply, replies.tlsRequired],
  [choices.oversizeReply, replies.tooLarge],
  [choices.tooManyReceivedReply, replies.tooManyHops],
  [choices.nonAsciiLocalPartReply, replies.nonAsciiLocalPart],
])("the listed choice is what is sent: $0.value", ([choice, { code, status }]) => {
  expect(`${code} ${status}`).toBe(choice.value);
});

test("every choice says where the specification discusses it and what is not known", () => {
  for (const [name, { section, question }] of Object.entries(choices)) {
    expect(section, name).toMatch(/^§\d+(?:\.\d+)?$/);
    expect(question, name).toMatch(/\.$/);
  }
});
