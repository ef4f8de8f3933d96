import { expect, test } from "vitest";
import { isForwarded } from "../../../../shared/mail/reply/is-forwarded.ts";

const block =
  "From: Ann <ann@site.example>\nSent: 4 March 2024 09:05\nTo: Bob <bob@site.example>\nSubject: Printer\n\nThe printer is on fire again, and nobody came.\n";
const gmail = `---------- Forwarded message ---------\n${block}`;

test.for<[string, { subject: string; text: string }, boolean]>([
  ["Gmail's marker and little else", { subject: "Fwd: Printer", text: `FYI\n\n${gmail}` }, true],
  ["the marker alone decides", { subject: "Printer", text: gmail }, true],
  [
    "Outlook's header block under a forward's subject",
    { subject: "WG: Printer", text: `Bitte schaut mal.\n\n${block}` },
    true,
  ],
  ["French Outlook", { subject: "TR: Printer", text: `Voir ci-dessous.\n\n${block}` }, true],
  ["Chinese", { subject: "转发：Printer", text: `请看。\n\n${block}` }, true],
  ["the same block under a reply's subject", { subject: "RE: Printer", text: `On my way.\n\n${block}` }, false],
  ["an answer to a forward", { subject: "RE: WG: Printer", text: `On my way.\n\n${block}` }, false],
  ["a forward's subject, but nothing forwarded", { subject: "Fwd: Printer", text: "Please see the ticket.\n" }, false],
  [
    "a long report with a short forward under it",
    { subject: "Report", text: `${"We looked at every device. ".repeat(40)}\n\n${gmail}` },
    false,
  ],
  ["no mail at all", { subject: "", text: "" }, false],
])("%s", ([, { subject, text }, expected]) => {
  expect(isForwarded({ text, headers: [{ name: "Subject", value: subject }] })).toBe(expected);
});
