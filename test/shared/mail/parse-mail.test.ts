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

/** As POSIX describes it, 45 octets a line. */
function uuencode(name: string, octets: Buffer): string {
  const char = (value: number) => (value === 0 ? "`" : String.fromCharCode(value + 32));
  const lines = [`begin 644 ${name}`];
  for (let at = 0; at < octets.length; at += 45) {
    const piece = octets.subarray(at, at + 45);
    let line = char(piece.length);
    for (let group = 0; group < piece.length; group += 3) {
      const bits = ((piece[group] ?? 0) << 16) | ((piece[group + 1] ?? 0) << 8) | (piece[group + 2] ?? 0);
      line += [18, 12, 6, 0].map((shift) => char((bits >>> shift) & 63)).join("");
    }
    lines.push(line);
  }
  return [...lines, "`", "end"].join("\n");
}

describe("files without MIME", () => {
  const octets = Buffer.from(Array.from({ length: 1_000 }, (_, index) => (index * 7) % 256));
  test.for([1, 44, 45, 46, 1_000])("a uuencoded file of %i octets is an attachment and no text", async (size) => {
    const file = octets.subarray(0, size);
    const got: Buffer[] = [];
    const mail = await parseMail(crlf(`Subject: x\n\nSee:\n\n${uuencode("../a b.bin", file)}\n\nBye\n`), {
      onAttachment: (_, pieces) => void got.push(Buffer.concat(pieces ?? [])),
    });
    expect(mail.text.replace(/\s+/g, " ").trim()).toBe("See: Bye");
    expect(mail.attachments).toMatchObject([{ fileName: expect.not.stringMatching(/[/\\]/), sizeBytes: size }]);
    expect(got).toEqual([Buffer.from(file)]);
  });
  test.for([
    "begin 644 it all\nand so on\nend",
    "begin 644 x\nno end of it",
    "We begin 644 x\nend",
  ])("%s is text", async (words) => {
    const mail = await parseMail(crlf(`Subject: x\n\n${words}`));
    expect(mail.attachments).toEqual([]);
    expect(mail.text).toBe(words);
  });
});

describe("messages inside messages", () => {
  const wrap = (inner: string, level: number) =>
    `Subject: level ${level}\nContent-Type: multipart/mixed; boundary=b${level}\n\n--b${level}\nContent-Type: message/rfc822\n\n${inner}\n--b${level}--\n`;
  test("an embedded message is an attachment, and what it holds is told", async () => {
    const inner =
      "From: Bob <bob@b.example>\nSubject: inner\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nthe words\n--i\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--i--";
    const mail = await parseMail(crlf(wrap(inner, 1)));
    expect(mail.attachments).toMatchObject([
      { contentType: "message/rfc822", kind: "message", sizeBytes: inner.length + 12 },
    ]);
    expect(mail.parts.find(({ embeddedMail }) => embeddedMail)?.embeddedMail).toMatchObject({
      author: { address: "bob@b.example" },
      subject: "inner",
      text: "the words",
      attachments: [{ fileName: "a.png", sizeBytes: 5 }],
    });
    expect(mail.text).toBe("");
  });
  test("is read five deep and no deeper", async () => {
    let raw = "Subject: innermost\n\nhi";
    for (let level = 200; level > 0; level--) raw = wrap(raw, level);
    const mail = await parseMail(crlf(raw));
    const subjects: (string | undefined)[] = [];
    let found = mail.parts.find(({ embeddedMail }) => embeddedMail)?.embeddedMail;
    for (; found; found = found.embedded[0]) subjects.push(found.subject);
    expect(subjects).toEqual(["level 2", "level 3", "level 4", "level 5", "level 6"]);
    expect(mail.attachments[0]?.sizeBytes).toBeGreaterThan(1_000);
  });
});

describe("what is sealed is named and left alone", () => {
  test.for<[string, string, string]>([
    ["application/pkcs7-mime; name=smime.p7m", "multipart/mixed", "encrypted"],
    ["application/octet-stream; name=smime.p7m", "multipart/mixed", "encrypted"],
    ["application/octet-stream; name=encrypted.asc", "multipart/encrypted", "encrypted"],
    ["application/pgp-signature", "multipart/signed", "signature"],
    ["application/x-pkcs7-signature", "multipart/signed", "signature"],
    ["application/octet-stream; name=smime.p7s", "multipart/mixed", "signature"],
    ["application/ms-tnef", "multipart/mixed", "tnef"],
    ["application/octet-stream; name=winmail.dat", "multipart/mixed", "tnef"],
    ["application/octet-stream; name=a.dat", "multipart/mixed", "file"],
  ])("%s in %s: %s", async ([type, container, kind]) => {
    const mail = await parseMail(
      crlf(`Content-Type: ${container}; boundary=b\n\n--b\nContent-Type: ${type}\n\nAAAA\n--b--\n`),
    );
    expect(mail.attachments).toMatchObject([{ kind, sizeBytes: 4 }]);
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
