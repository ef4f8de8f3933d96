import { expect, test } from "vitest";
import { parseMail } from "../../../shared/mail/parse-mail.ts";
import { composeMail, type MailDraft } from "../../../shared/outgoing/compose-mail.ts";

const draft: MailDraft = {
  from: { name: "Example Support", address: "support+token@example.com" },
  to: ["ann@sender.example"],
  cc: ["bob@other.example"],
  subject: "Re: [#12] Größe",
  text: "Morgen.\n.\nFrom here on: äöü\n",
  messageId: "<ticket.12.abc@example.com>",
  date: new Date("2026-08-04T10:00:00Z"),
  references: ["<root@sender.example>", "<parent@sender.example>"],
  headers: { "Auto-Submitted": "auto-replied" },
};

test("what is composed reads back as it was meant", async () => {
  const raw = await composeMail(draft);
  const mail = await parseMail(raw);
  expect(mail).toMatchObject({
    author: { name: "Example Support", address: "support+token@example.com" },
    subject: "Re: [#12] Größe",
    messageId: "<ticket.12.abc@example.com>",
    inReplyTo: ["<parent@sender.example>"],
    references: ["<root@sender.example>", "<parent@sender.example>"],
  });
  expect(mail.to.map(({ address }) => address)).toEqual(["ann@sender.example"]);
  expect(mail.cc.map(({ address }) => address)).toEqual(["bob@other.example"]);
  expect(mail.text.replaceAll("\r\n", "\n")).toBe(draft.text);
  const text = Buffer.from(raw).toString("latin1");
  expect(text).toMatch(/^Auto-Submitted: auto-replied\r$/m);
  expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
});

test("the same draft gives the same octets", async () => {
  expect(await composeMail(draft)).toEqual(await composeMail(draft));
});

test("a stranger's subject or name begins no field of its own", async () => {
  const evil = "hello\r\nBcc: eve@evil.example\r\n\r\nbody";
  const raw = await composeMail({ ...draft, subject: evil, from: { name: evil, address: draft.from.address } });
  const mail = await parseMail(raw);
  expect(mail.headers.map(({ name }) => name.toLowerCase())).not.toContain("bcc");
  expect(mail.subject).toBe("hello Bcc: eve@evil.example body");
});

test("a long thread is named by its first and its last mails", async () => {
  const references = Array.from({ length: 300 }, (_, index) => `<r${index}@sender.example>`);
  const mail = await parseMail(await composeMail({ ...draft, references }));
  expect(mail.references).toHaveLength(20);
  expect(mail.references[0]).toBe("<r0@sender.example>");
  expect(mail.references.at(-1)).toBe("<r299@sender.example>");
});
