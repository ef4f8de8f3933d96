import { describe, expect, test } from "vitest";
import { extractReply } from "../../../../shared/mail/reply/extract-reply.ts";
import { attributions } from "./attributions.ts";
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
