import { describe, expect, test } from "vitest";
import { extractReply } from "../../../../shared/mail/reply/extract-reply.ts";
import { htmlLines } from "../../../../shared/mail/reply/html-lines.ts";
import { isForwarded } from "../../../../shared/mail/reply/is-forwarded.ts";
import { fc } from "../../../property.ts";
import { attributions } from "./attributions.ts";
import { deviceLines, forwardMarkers, originalMarkers } from "./client-lines.ts";

const clientLine = fc.constantFrom(
  ...[...attributions, ...deviceLines, ...forwardMarkers, ...originalMarkers].map(([, line]) => line),
);
const line = fc.oneof(
  clientLine,
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.constantFrom(
    "",
    "> quoted",
    ">> deeper",
    "-- ",
    "_____",
    "From: Ann <ann@site.example>",
    "Sent: 3 May 2024",
    "Subject: x",
    "Fine.",
    "\t",
    "<",
  ),
);
const text = fc
  .array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 40 })
  .map((lines) => lines.map((pair) => pair.join("")).join(""));
const markup = fc
  .array(
    fc.oneof(
      line,
      fc.constantFrom(
        "<div>",
        "</div>",
        "<blockquote>",
        "</blockquote>",
        '<div class="gmail_quote">',
        "<br>",
        "<p>",
        "<hr>",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "<a href='",
        "&nbsp;",
        "&#0;",
        "<pre>",
        "</pre>",
        "<td>",
      ),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

describe("for any input", () => {
  test("the segments of a text, joined, are the text", () => {
    fc.assert(
      fc.property(
        text,
        (input) =>
          extractReply({ text: input })
            .segments.map((segment) => segment.text)
            .join("") === input || input.trim() === "",
      ),
    );
  });

  test("neighbouring segments differ in kind, and none is empty", () => {
    fc.assert(
      fc.property(text, (input) => {
        const { segments } = extractReply({ text: input });
        return segments.every((segment, index) => segment.text !== "" && segment.kind !== segments[index - 1]?.kind);
      }),
    );
  });

  test("HTML and text, together or alone, never throw", () => {
    fc.assert(
      fc.property(
        fc.option(text, { nil: undefined }),
        fc.option(markup, { nil: undefined }),
        fc.boolean(),
        (plain, html, isForward) => {
          const reply = extractReply({ text: plain, html, isForward });
          expect(reply.confidence).toBeGreaterThanOrEqual(0);
          expect(reply.confidence).toBeLessThanOrEqual(1);
          isForwarded({ text: plain, html });
        },
      ),
    );
  });

  test("a sentence of the author's is never lost, whatever a client puts under it", () => {
    fc.assert(
      fc.property(clientLine, (below) =>
        extractReply({ text: `The blue one, please.\n\n${below}\n` }).text.startsWith("The blue one, please."),
      ),
    );
  });

  test("what the author wrote around a marked quotation is never lost", () => {
    const words = fc.stringMatching(/^[a-z]{2,9}( [a-z]{2,9}){0,12}[.?!]$/);
    const quotation = fc
      .array(
        words.map((line) => `> ${line}\n`),
        { minLength: 1, maxLength: 6 },
      )
      .map((lines) => lines.join(""));
    const attribution = fc.constantFrom("", ...attributions.map(([, line]) => `${line}\n`));
    fc.assert(
      fc.property(
        fc.option(words, { nil: "" }),
        attribution,
        quotation,
        fc.option(words, { nil: "" }),
        (above, said, quoted, below) => {
          const { text: reply, segments } = extractReply({ text: `${above}\n\n${said}${quoted}\n${below}\n` });
          expect(reply).toContain(above);
          expect(reply).toContain(below);
          expect(segments.some((segment) => segment.kind === "quote")).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("the segments of HTML, joined, are its text, white space folded", () => {
    fc.assert(
      fc.property(markup, (html) => {
        const { segments, source } = extractReply({ html });
        const joined = segments.map((segment) => segment.text).join("");
        return source !== "html" || joined === htmlLines(html, 2_097_152, 50_000).text;
      }),
    );
  });

  test("the input stays as it was", () => {
    fc.assert(
      fc.property(text, markup, (plain, html) => {
        const input = Object.freeze({ text: plain, html, headers: Object.freeze([]) });
        extractReply(input);
        expect(input).toEqual({ text: plain, html, headers: [] });
      }),
    );
  });

  test("the rest behind the limits stays in the segments", () => {
    const input = "a\n> b\n".repeat(100);
    const { segments } = extractReply({ text: input }, { maxLines: 7 });
    expect(segments.map((segment) => segment.text).join("")).toBe(input);
  });
});

// No clocks: that these end within the runner's time-out is the test. Quadratic work would take minutes.
describe("hostile input", () => {
  test.for<[string, Parameters<typeof extractReply>[0]]>([
    ["one line of 50 MB", { text: "a".repeat(50_000_000) }],
    ["ten million empty lines", { text: "\n".repeat(10_000_000) }],
    ["attributions only", { text: "On 3 May 2024 at 10:00, Ann <a@site.example> wrote:\n".repeat(20_000) }],
    ["openings without an end", { text: "On 3 May 2024 at 10:00, Ann <a@site.example>\n".repeat(20_000) }],
    ["header names only", { text: `${"From: ".repeat(160)}\n`.repeat(1_000) }],
    ["one header over and over", { text: "From: a\n".repeat(50_000) }],
    ["answers between quotes", { text: "> q\na\n".repeat(25_000) }],
    ["signature dashes", { text: "-- \nx\n".repeat(25_000) }],
    ["warnings", { text: "CAUTION: external sender, do not click links.\n".repeat(22_000) }],
    ["pipes", { text: `Date: 4 Mar 2024 09:05\nFrom: a@site.example\nTo: b\n\n${"| x\n".repeat(45_000)}` }],
    ["heads of Notes", { text: "Ann\n04.03.2024 09:05\nTo bob\n".repeat(16_000) }],
    ["legal notices", { text: "This message is confidential, delete it if received in error.\n\n".repeat(16_000) }],
    ["labels without end", { text: `From: ${"Aa".repeat(250)}: \n`.repeat(2_000) }],
    ["labels in one line", { text: `From: ${"To: ".repeat(120)}\n`.repeat(2_000) }],
    ["separators with a tail", { text: `----- ${"x ".repeat(29)} ----- From: a\n`.repeat(10_000) }],
    [
      "devices' lines on top of each other",
      { text: `${"\n".repeat(20_000)}${"Sent from my iPhone\n> q\n".repeat(15_000)}` },
    ],
    ["drawn lines", { html: "<hr>x<br>".repeat(50_000) }],
    ["attributions inside lines", { text: `${"Aa. On 3 May 2024 at 10:00, ".repeat(30)}\n`.repeat(1_200) }],
    ["brackets and dates", { text: `${"4.3.2024 09:05 <a@".repeat(25)}:\n`.repeat(2_000) }],
    ["100,000 nested quotations", { html: "<blockquote>x".repeat(100_000) }],
    ["a million nested elements", { html: `${"<div>".repeat(1_000_000)}x` }],
    ["misnested elements", { html: "<b><i>".repeat(100_000) + "</b></i>".repeat(100_000) }],
    ["comments that never end", { html: "<!--".repeat(500_000) }],
    ["tags that never end", { html: '<a href="x '.repeat(200_000) }],
    ["styles that never end", { html: "<style></styl".repeat(150_000) }],
  ])("%s", ([, input]) => {
    const { segments } = extractReply(input);
    if (input.text?.trim())
      expect(segments.reduce((sum, segment) => sum + segment.text.length, 0)).toBe(input.text.length);
    else expect(segments.length).toBeLessThan(60_000);
  });
});
