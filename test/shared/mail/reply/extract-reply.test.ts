import { describe, expect, test } from "vitest";
import { extractReply } from "../../../../shared/mail/reply/extract-reply.ts";
import { attributions } from "./attributions.ts";
import { clientHtml } from "./client-html.ts";
import { deviceLines, forwardMarkers, headerNames, originalMarkers } from "./client-lines.ts";

const kinds = (input: Parameters<typeof extractReply>[0]) => extractReply(input).segments.map(({ kind }) => kind);

describe("an attribution line", () => {
  test.for(attributions)("%s, over a marked quotation", ([, line]) => {
    const reply = extractReply({ text: `Fine with me.\n\n${line}\n\n> Shall we meet?\n> Ann\n` });
    expect(reply.text).toBe("Fine with me.");
    expect(reply.segments.map(({ kind }) => kind)).toEqual(["reply", "quote"]);
  });

  test.for(attributions)("%s, over a quotation without marks", ([, line]) => {
    expect(extractReply({ text: `Fine with me.\n\n${line}\n\nShall we meet?\n\nAnn\n` }).text).toBe("Fine with me.");
  });

  test.for(attributions.filter(([, line]) => line.includes(" <ann@")))("%s, wrapped before the address", ([, line]) => {
    const wrapped = line.replace(" <ann@", "\n<ann@");
    expect(extractReply({ text: `Fine with me.\n\n${wrapped}\n\n> Shall we meet?\n> Ann\n` }).text).toBe(
      "Fine with me.",
    );
  });

  test.for(attributions)("%s, under which the author answers", ([, line]) => {
    expect(extractReply({ text: `${line}\n> Shall we meet?\n\nFine with me.\n` }).text).toBe("Fine with me.");
  });

  test.for(attributions)("%s, in HTML without any class name", ([, line]) => {
    const html = `<div>Fine with me.</div><br><div>${line.replaceAll("<", "&lt;").replaceAll(">", "&gt;")}</div><div>Shall we meet?</div>`;
    expect(extractReply({ html }).text).toBe("Fine with me.");
  });
});

describe("a header block", () => {
  const block = ([, from, sent, to, subject]: (typeof headerNames)[number]) =>
    `${from}: Ann Example <ann@site.example>\n${sent}: 4.3.2024 09:05\n${to}: Bob Example <bob@site.example>\n${subject}: Meeting\n`;

  test.for(headerNames)("%s, alone", (names) => {
    const text = `Fine with me.\n\n${block(names)}\nShall we meet?\n`;
    expect(extractReply({ text }).text).toBe("Fine with me.");
    expect(kinds({ text })).toEqual(["reply", "quote"]);
  });

  test.for(headerNames)("%s, under a rule", (names) => {
    const text = `Fine with me.\n________________________________\n${block(names)}\nShall we meet?\n`;
    expect(extractReply({ text }).text).toBe("Fine with me.");
  });

  test.for(headerNames)("%s, when the caller knows that it is a forward", (names) => {
    expect(kinds({ text: `For your information.\n\n${block(names)}\nShall we meet?\n`, isForward: true })).toEqual([
      "reply",
      "forward",
    ]);
  });

  test("in a language we do not know, under a separator", () => {
    const text = `Fine.\n\n-----Xyzzy plugh-----\nQua: Ann <ann@site.example>\nQuando: 2024-03-04 09:05\nQuid: Meeting\n\nShall we meet?\n`;
    expect(extractReply({ text }).text).toBe("Fine.");
  });
});

describe("a separator", () => {
  test.for(originalMarkers)("%s: original message", ([, line]) => {
    expect(extractReply({ text: `Fine with me.\n\n${line}\nShall we meet?\n` }).text).toBe("Fine with me.");
  });

  test.for(forwardMarkers)("%s: forwarded message", ([, line]) => {
    const text = `For your information.\n\n${line}\nFrom: Ann <ann@site.example>\nDate: Mon, 4 Mar 2024 at 09:05\nSubject: Meeting\nTo: <bob@site.example>\n\nShall we meet?\n`;
    expect(extractReply({ text }).text).toBe("For your information.");
    expect(kinds({ text })).toEqual(["reply", "forward"]);
  });
});

describe("a device's line", () => {
  test.for(deviceLines)("%s", ([, line]) => {
    const text = `Fine with me.\n\n${line}\n\nOn 4 Mar 2024, at 09:05, Ann <ann@site.example> wrote:\n\n> Shall we meet?\n`;
    expect(extractReply({ text }).text).toBe("Fine with me.");
    expect(kinds({ text })).toEqual(["reply", "signature", "quote"]);
  });
});

describe("a client's HTML", () => {
  test.for(clientHtml)("%s", ([, html]) => {
    const reply = extractReply({ html });
    expect(reply.text).toBe("Fine with me.");
    expect(
      reply.segments.filter(({ kind }) => kind !== "reply").some(({ text }) => text.includes("Shall we meet?")),
    ).toBe(true);
  });

  test.for(clientHtml)("%s, in a table of a layout", ([, html]) => {
    expect(extractReply({ html: `<table><tr><td>${html}</td></tr></table>` }).text).toBe("Fine with me.");
  });
});

describe("the author's own text, however much it looks like a client's", () => {
  test.for<[string, string]>([
    ["a journey", "Please book:\nFrom: Berlin\nTo: Hamburg\nDate: 4 March 2024\nPassengers: 2\n\nThanks"],
    ["a form", "Name: Ann\nDate: 4 March 2024\nSubject: refund\nOrder: 12\n\nPlease refund it."],
    ["a clause behind a device's words", "Hello,\n\nSent from my desk, which is easier than the phone.\n\nAnn"],
    [
      "a dated sentence with a verb and a colon",
      "Fine.\n\nAnn wrote on 3 May 2024 at 9:00 that she agrees:\nall is well",
    ],
    ["an appointment", "Meeting on 4.3.2024 at 09:05 with Ann (ann@site.example) and Bob:\n- plan\n- budget"],
    ["a log", "2024-03-04 09:05:00 ERROR ann@site.example: refused\n2024-03-04 09:06:00 again\nWhat is wrong?"],
    ["a verb in the middle", "On 3 May 2024 the shop wrote to me that the order is ready. Is it?\n\nAnn"],
    ["words of a forward", "Forwarded message:\nplease see the attachment"],
    ["words of an original", "Original message\nwas lost, send it again."],
    ["an instruction about a line", "Please type the password above the line and send it back."],
    ["a sentence about such a line", "My reply is above the line"],
    ["two parts with a line between", "Hello,\n\n* one\n* two\n\n---\n\nSecond part of my letter.\n\nAnn"],
    ["comparisons", "A> B and B> C so A> C"],
    ["contact data that is asked for", "My number is +49 30 5550100, mail ann@site.example.\n\nPlease call there."],
    ["a sentence that opens like a notice", "This email is the third that I send. Please answer."],
    ["only a closing and a name", "Regards,\nAnn"],
  ])("%s", ([, text]) => {
    expect(extractReply({ text }).text).toBe(text);
  });
});

describe("plain text", () => {
  const cut = (below: string) => extractReply({ text: `Fine with me.\n\n${below}\n` });

  test.for<[string, string]>([
    [
      "a header block in one line",
      "From: Ann <ann@site.example>To: bob@site.exampleSent: Monday, 4 March 2024 09:05 CETSubject: Meeting\nShall we meet?",
    ],
    [
      "Yahoo's forward in one line",
      '----- Forwarded message ----- From: Ann <ann@site.example>To: "bob" <bob@site.example>Sent: Monday\nShall we meet?',
    ],
    [
      "German, one line",
      "-------- Urspr\u00fcngliche Nachricht --------Von: Ann Datum: 04.03.24 09:05 An: Betreff: Treffen\nShall we meet?",
    ],
    [
      "an attribution without a colon over a header block",
      "Am 04.03.24 um 09:05 schrieb Ann Example\nVon: Ann\nDatum: 4. M\u00e4rz 2024\nAn: Bob\nShall we meet?",
    ],
    [
      "Notes' head",
      "Ann Example <ann@site.example>\n04.03.2024 09:05\n\nAn\nbob@site.example\nKopie\n\nThema\nTreffen\n\nShall we meet?",
    ],
    ["GroupWise", ">>> Ann Example <ann@site.example> 04/03/2024 09:05 >>>\nShall we meet?"],
    ["initials before the marks", "AE> Shall we meet?\nAE>\nAE> Ann"],
    ["a list's footer", "> Shall we meet?\n\n_______________\nexample mailing list"],
    [
      "a legal notice",
      "This message and its attachments are confidential and intended solely for the addressee. If you\nreceived it in error, please delete it.",
    ],
    [
      "two legal notices",
      "Diese E-Mail ist vertraulich. Wenn Sie nicht der richtige Adressat sind,\nl\u00f6schen Sie sie.\n\nPlease consider the environment before printing this e-mail.",
    ],
    [
      "a notice under its heading",
      "Disclaimer\n\nThe information in this message is confidential and for the recipient only; delete it if it reached you in error.",
    ],
    ["pipes under an attribution", "2024/3/4 Ann Example <ann@site.example>\n\n| Shall we meet?\n| Ann"],
    ["the second person and a date", "On Mar 4, 2024 you wrote:\n\nShall we meet?"],
    ["two fields of RFC 5322", "Date: Mon, 4 Mar 2024 09:05:00 +0100\nTo: bob@site.example\n\nShall we meet?"],
    ["a verb that lost its letters", '2024.03.04. 9:05 keltezssel, "Ann Example" rta:\n> Shall we meet?'],
    [
      "a long name behind the verb",
      "Am 04.03.2024 09:05, schrieb Ann Example via Example Support Team:\n\n> Shall we meet?",
    ],
    [
      "Outlook Express with half a block",
      '----- Original Message -----\nFrom: "Ann" <ann@site.example>\n\n> Shall we meet?',
    ],
    ["an app's line with a link", "Sent from ExampleMail<https://mail.example/get>"],
    ["dashes before the attribution", "--- On Mon, 3/4/24, Ann <ann@site.example> wrote:\nShall we meet?"],
  ])("%s", ([, below]) => {
    expect(cut(below).text).toBe("Fine with me.");
  });

  test("dashes that touch the author's words", () => {
    const text = "Fine with me.--- On Mon, 4 Mar 2024 at 9:05, ann@site.example wrote:\n> Shall we meet?\n";
    expect(extractReply({ text }).text).toBe("Fine with me.");
  });

  test.for<[string, string]>([
    [
      "wrapped",
      "CAUTION: This email originated from outside of the organization. Do not click links or open\nattachments unless you recognize the sender.",
    ],
    ["German", "ACHTUNG: Diese E-Mail stammt von einem externen Absender. Klicken Sie keine Links an."],
    ["a tag", "[EXTERNAL EMAIL]"],
  ])("a gateway's warning on top: %s", ([, warning]) => {
    const text = `${warning}\n\nFine with me.\n`;
    expect(extractReply({ text }).text).toBe("Fine with me.");
    expect(kinds({ text })).toEqual(["signature", "reply"]);
  });

  test("a warning that the author wrote stays", () => {
    const text = "Attention: the outside lamp is broken.\n\nPlease repair it.";
    expect(extractReply({ text }).text).toBe(text);
  });

  test("answers under pipes and under half a header block are not lost", () => {
    const block = "Date: Wed, 6 Mar 2024 09:22:34 -0500\nFrom: Ann <ann@site.example>\nMessage-ID: <1@site.example>";
    expect(extractReply({ text: `${block}\n\n  | Shall we meet?\n\nFine with me.\n` }).text).toBe("Fine with me.");
    const separator = '----- Original Message -----\nFrom: "Ann" <ann@site.example>';
    expect(extractReply({ text: `${separator}\n\n> Shall we meet?\n\nFine with me.\n` }).text).toBe("Fine with me.");
  });

  test("a device's line on top, text below it", () => {
    const text = "Gesendet mit iPhone\n\nHello, I would like to order five of the blue ones, please.\n";
    expect(extractReply({ text }).text).toBe("Hello, I would like to order five of the blue ones, please.");
    expect(kinds({ text })).toEqual(["signature", "reply"]);
  });

  test("a quotation answered in the middle of the author's text stays", () => {
    const text =
      "Here is what I think of your plans, one by one.\n\nOn 4 Mar 2024 at 09:05, Ann wrote:\n> Shall we meet on Monday?\n\nMonday is fine, but only before noon, please.\n";
    expect(extractReply({ text }).text).toBe(
      "Here is what I think of your plans, one by one.\n\n> Shall we meet on Monday?\n\nMonday is fine, but only before noon, please.",
    );
  });

  test("a greeting over the quotation does not make it one of several", () => {
    const text =
      "Hi Ann,\n\nOn 4 Mar 2024 at 09:05, Ann wrote:\n> Shall we meet on Monday?\n\nMonday is fine, but only before noon, please.\n";
    expect(extractReply({ text }).text).toBe("Hi Ann,\n\nMonday is fine, but only before noon, please.");
  });

  test("an unmarked line in a forward belongs to it", () => {
    const text = `Look.\n\nForwarded message:\n\n> From: Ann <ann@site.example>\n> Subject: Meeting\n>\n> ${"word ".repeat(15)}end\nNext line.\n> Ann\n`;
    expect(extractReply({ text }).text).toBe("Look.");
    expect(kinds({ text })).toEqual(["reply", "forward"]);
  });

  test("under an attribution alone, a forward is all of it when the caller knows that it is one", () => {
    const text = "On 4 Mar 2024 at 09:05, Ann <ann@site.example> wrote:\n\n    Shall we meet?\n";
    expect(extractReply({ text }).text).toContain("Shall we meet?");
    expect(extractReply({ text, isForward: true }).text).toBe("");
    expect(kinds({ text, isForward: true })).toEqual(["forward"]);
  });
});

test("in HTML, a block quotation of the author's own above the client's stays", () => {
  const html =
    "<div>As the poet says:</div><blockquote>All is well.</blockquote><div>On 4 Mar 2024, Ann &lt;ann@site.example&gt; wrote:</div><blockquote>Shall we meet?</blockquote>";
  expect(extractReply({ html }).text).toBe("As the poet says:\n\nAll is well.");
});
