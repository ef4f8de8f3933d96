import { describe, expect, test } from "vitest";
import { parseMail } from "../../../shared/mail/parse-mail.ts";
import type { Attachment } from "../../../shared/mail/parsed-mail.ts";

const crlf = (text: string) => Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");

async function* inPieces(octets: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

const mixed = crlf(`From: =?utf-8?q?Ann_L=C3=A9e?= <ann@sender.example>
To: support@example.com, "Bob" <bob@example.com>
Subject: =?iso-8859-1?q?caf=E9?=
Date: Tue, 4 Aug 2026 11:15:00 +0200
Message-ID: <m1@sender.example>
In-Reply-To: <m0@example.com>
References: <a@example.com> <m0@example.com>
List-Id: News <news.sender.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"

preamble
--b1
Content-Type: multipart/alternative; boundary=b2

--b2
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello caf=C3=A9=
 and more
--b2
Content-Type: text/html; charset=utf-8

<p>Hello <b>html</b></p>
--b2--
--b1
Content-Type: application/pdf; name="../../etc/pass wd.pdf"
Content-Disposition: attachment; filename="../../etc/pass wd.pdf"
Content-Transfer-Encoding: base64

aGVsbG8gd29ybGQ=
--b1
Content-Type: message/rfc822

Subject: inner

inner text
--b1--
epilogue
`);

describe("a message with everything", () => {
  test.for([1, 7, 64, 100_000])("is read the same in pieces of %i octets", async (size) => {
    const files: { attachment: Attachment; text: string }[] = [];
    const mail = await parseMail(inPieces(mixed, size), {
      onAttachment: (attachment, pieces) =>
        void files.push({ attachment, text: Buffer.concat(pieces ?? []).toString() }),
    });
    expect(mail).toMatchObject({
      author: { name: "Ann Lée", address: "ann@sender.example" },
      to: [{ address: "support@example.com" }, { name: "Bob", address: "bob@example.com" }],
      subject: "café",
      date: "2026-08-04T09:15:00.000Z",
      messageId: "<m1@sender.example>",
      inReplyTo: ["<m0@example.com>"],
      references: ["<a@example.com>", "<m0@example.com>"],
      listId: "news.sender.example",
      text: "Hello café and more",
      html: "<p>Hello <b>html</b></p>",
      defects: [],
      exceeded: [],
    });
    expect(mail.attachments).toMatchObject([
      {
        contentType: "application/pdf",
        sizeBytes: 11,
        kind: "file",
        inline: false,
        sha256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
      },
      { contentType: "message/rfc822", kind: "message" },
    ]);
    expect(mail.attachments[0]?.fileName).not.toMatch(/[/\\]|\.\./);
    expect(files[0]?.text).toBe("hello world");
    expect(mail.parts.find(({ contentType }) => contentType === "message/rfc822")?.embedded).toEqual([
      { name: "Subject", value: "inner" },
    ]);
  });
});

describe("what senders do", () => {
  const simple = (head: string, body: string) => parseMail(crlf(`From: a@sender.example\n${head}\n\n${body}`));
  test.for<[string, string, string, string]>([
    ["no Content-Type at all", "Subject: x", "plain words", "plain words"],
    ["HTML alone gives text", "Content-Type: text/html", "<div>one</div><div>two</div>", "one\ntwo\n"],
    ["UTF-8 that is called ASCII", "Content-Type: text/plain; charset=us-ascii", "gr\xc3\xbc\xc3\x9fe", "grüße"],
    [
      "Windows-1252 without a label",
      "Content-Type: text/plain",
      "sch\xf6ne Gr\xfc\xdfe aus K\xf6ln",
      "schöne Grüße aus Köln",
    ],
    ["format=flowed", "Content-Type: text/plain; format=flowed", "one \ntwo\n> quo \n> ted", "one two\n> quo ted"],
    ["an unknown encoding is taken as it is", "Content-Transfer-Encoding: x-uue", "words", "words"],
  ])("%s", async ([, head, body, text]) => {
    expect((await simple(head, body)).text.trimEnd()).toBe(text.trimEnd());
  });

  test("a boundary that is never closed yields what is there and says so", async () => {
    const mail = await simple('Content-Type: multipart/mixed; boundary="x"', "--x\n\nkept");
    expect(mail.text).toBe("kept");
    expect(mail.defects.map(({ code }) => code)).toContain("boundary-not-closed");
  });
});

describe("hostile mail ends, and says what was too much", () => {
  test("10,000 nested multiparts", async () => {
    let bomb = "";
    for (let i = 0; i < 10_000; i++) bomb += `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`;
    const mail = await parseMail(crlf(bomb));
    expect(mail.exceeded.join()).toMatch(/nested/);
  });
  test("10,000 parts", async () => {
    const mail = await parseMail(
      crlf(`Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(10_000)}--b--\n`),
    );
    expect(mail.exceeded.join()).toMatch(/parts/);
    expect(mail.parts.length).toBeLessThanOrEqual(2_001);
  });
  test("a text over the limit is cut", async () => {
    const mail = await parseMail(crlf(`Subject: x\n\n${"y".repeat(100_000)}`), { limits: { maxTextBytes: 1_000 } });
    expect(mail.text).toHaveLength(1_000);
    expect(mail.exceeded.join()).toMatch(/text/);
  });
  test("a header section without end", async () => {
    const mail = await parseMail(crlf("X: y\n".repeat(400_000)));
    expect(mail.exceeded.join()).toMatch(/header/);
  });
});
