import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readComplaint } from "../../../shared/mail/arf.ts";
import { parseMail } from "../../../shared/mail/parse-mail.ts";

const fixture = readFileSync(new URL("../../mail/complaint-arf.eml", import.meta.url), "latin1");
const read = async (text: string) => readComplaint(await parseMail(Buffer.from(text, "latin1")));

describe("who complains about what", () => {
  test("the report's own fields come first", async () =>
    expect(await read(fixture)).toMatchObject({
      feedbackType: "abuse",
      originalRecipient: "reader@isp.example",
      sourceIp: "192.0.2.1",
      originalMessageId: "<issue-7@shop.example>",
    }));

  const without = fixture.replace(/Original-Rcpt-To: .*\r?\n/, "");
  test.for<[string, string, string | undefined]>([
    [
      "the receiver's note",
      "X-Apparently-To: reader@isp.example; Mon, 18 Jan 2016 23:57:24 +0000",
      "reader@isp.example",
    ],
    ["the one addressee", "To: Reader <reader@isp.example>", "reader@isp.example"],
    ["one addressee of several is nobody's complaint", "To: a@isp.example, b@isp.example", undefined],
    ["a blacked-out addressee", "To: redacted@isp.example", undefined],
    ["no addressee", "To: undisclosed-recipients:;", undefined],
  ])("from the reported mail: %s", async ([, field, recipient]) => {
    const eol = fixture.includes("\r\n") ? "\r\n" : "\n";
    const complaint = await read(without.replace("From: news@shop.example", `${field}${eol}From: news@shop.example`));
    expect(complaint?.originalRecipient).toBe(recipient);
  });

  test("a broken line among the reported mail's headers hides none of the others", async () => {
    const eol = fixture.includes("\r\n") ? "\r\n" : "\n";
    const complaint = await read(
      fixture.replace("From: news@shop.example", `no header field${eol}From: news@shop.example`),
    );
    expect(complaint?.originalMessageId).toBe("<issue-7@shop.example>");
  });
});
