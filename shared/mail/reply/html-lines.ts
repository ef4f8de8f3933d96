import { decodeEntities } from "./html-entities.ts";
import { quotingElement } from "./html-quotes.ts";
import { htmlTokens } from "./html-tokens.ts";
import { type LineHint, plainLine, type SourceLine } from "./source-lines.ts";

export interface RenderedHtml {
  /** The HTML as text: blocks as lines, quoting elements as ">" marks. */
  readonly text: string;
  readonly lines: readonly SourceLine[];
}

// Starts and ends a line of its own.
const blocks: ReadonlySet<string> = new Set(
  "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header html legend li main menu nav ol p pre section summary table tbody tfoot thead tr ul".split(
    " ",
  ),
);
const spaced: ReadonlySet<string> = new Set([
  "p",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "ul",
  "ol",
  "dl",
  "pre",
  "table",
  "blockquote",
]);
const voids: ReadonlySet<string> = new Set(
  "area base br col embed hr img input link meta param source track wbr".split(" "),
);
const hidden: ReadonlySet<string> = new Set([
  "head",
  "script",
  "style",
  "title",
  "template",
  "noembed",
  "noframes",
  "object",
]);
// A new one of these closes an open one (HTML lets their end tags out).
const closesItself: ReadonlySet<string> = new Set(["p", "li", "td", "th", "tr", "dd", "dt", "option"]);

const maxOpenElements = 2_000;
const maxQuoteMarks = 16;

interface OpenElement {
  readonly name: string;
  readonly quotes: boolean;
  readonly signature: boolean;
  readonly hides: boolean;
  readonly pre: boolean;
}

/**
 * Renders HTML to text lines that carry what the markup says: quoting elements become depth and ">" marks, the clients' own
 * containers become hints. No recursion: an element deeper than 2,000 has no effect but its text. Linear in the input.
 */
export function htmlLines(html: string, maxChars: number, maxLines: number): RenderedHtml {
  const open: OpenElement[] = [];
  const chunks: string[] = [];
  const lines: SourceLine[] = [];
  let length = 0;
  let current = "";
  let pendingSpace = false;
  let pendingBlank = false;
  let pendingHint: LineHint = "none";
  let quotes = 0;
  let signatures = 0;
  let hides = 0;
  let pre = 0;
  let ignored = 0;

  const put = (content: string, hint: LineHint) => {
    if (lines.length >= maxLines) return;
    const marks = quotes > 0 ? "> ".repeat(Math.min(quotes, maxQuoteMarks)) : "";
    const text = `${marks}${content}`.trimEnd();
    const line = plainLine(`${text}\n`, 0, text.length + 1);
    // Text that starts with ">" in HTML is quoted by hand; what quotes by markup is already counted in the marks.
    lines.push({ ...line, start: length, end: length + text.length + 1, hint });
    chunks.push(text, "\n");
    length += text.length + 1;
  };
  const endLine = () => {
    pendingSpace = false;
    const content = current.trimEnd();
    current = "";
    if (content === "") return;
    if (pendingBlank && lines.length > 0) put("", "none");
    pendingBlank = false;
    put(content, signatures > 0 ? "signature" : pendingHint);
    pendingHint = "none";
  };
  const breakLine = () => {
    if (current.trim() === "") {
      current = "";
      pendingSpace = false;
      pendingBlank = true;
    } else endLine();
  };
  const leave = (element: OpenElement) => {
    if (element.quotes) quotes--;
    if (element.signature) signatures--;
    if (element.hides) hides--;
    if (element.pre) pre--;
  };

  for (const token of htmlTokens(html, maxChars)) {
    if (lines.length >= maxLines) break;
    if (token.kind === "text") {
      if (hides > 0) continue;
      const text = decodeEntities(token.text);
      if (pre > 0) {
        const rows = text.split(/\r\n?|\n/);
        rows.forEach((row, index) => {
          current += row;
          if (index < rows.length - 1) breakLine();
        });
        continue;
      }
      for (const word of text.split(/[ \t\r\n\f]+/).entries()) {
        if (word[0] > 0) pendingSpace = true;
        if (word[1] === "") continue;
        if (pendingSpace && current !== "") current += " ";
        pendingSpace = false;
        current += word[1];
      }
      continue;
    }
    if (token.kind === "close") {
      if (token.name === "br") breakLine();
      if (ignored > 0 && !isOpen(open, token.name)) {
        ignored--;
        continue;
      }
      const index = lastOpen(open, token.name);
      if (index === -1) {
        if (token.name === "p") breakLine();
        continue;
      }
      if (hides === 0 && blocks.has(token.name)) endLine();
      if (hides === 0 && spaced.has(token.name)) pendingBlank = true;
      for (const element of open.splice(index)) leave(element);
      continue;
    }
    const { name } = token;
    if (name === "br") {
      if (hides === 0) breakLine();
      continue;
    }
    if (name === "hr") {
      if (hides > 0) continue;
      endLine();
      put("", "rule");
      continue;
    }
    if (voids.has(name)) continue;
    if (closesItself.has(name)) {
      const top = open.at(-1);
      if (top?.name === name) {
        if (hides === 0 && blocks.has(name)) endLine();
        open.pop();
        leave(top);
      }
    }
    if (hides === 0 && blocks.has(name)) {
      endLine();
      if (spaced.has(name)) pendingBlank = true;
    }
    if (hides === 0 && (name === "td" || name === "th") && current !== "") pendingSpace = true;
    if (hides === 0 && name === "li") current = "- ";
    if (token.selfClosing && !blocks.has(name)) continue;
    if (open.length >= maxOpenElements) {
      ignored++;
      continue;
    }
    const said = quotingElement(name, token.attributes);
    if (said !== undefined && said !== "quote" && said !== "signature" && said !== "hidden") {
      endLine();
      if (said === "rule") put("", "rule");
      else pendingHint = said;
    } else if (said === "quote" || said === "signature") endLine();
    const element: OpenElement = {
      name,
      quotes: said === "quote",
      signature: said === "signature",
      hides: hidden.has(name) || said === "hidden",
      pre: name === "pre" || name === "xmp",
    };
    if (element.quotes) quotes++;
    if (element.signature) signatures++;
    if (element.hides) hides++;
    if (element.pre) pre++;
    open.push(element);
  }
  endLine();
  return { text: chunks.join(""), lines };
}

// Misnested end tags look back a little, not through everything that is open.
const maxLookBack = 100;

function lastOpen(open: readonly OpenElement[], name: string): number {
  for (let index = open.length - 1; index >= 0 && index >= open.length - maxLookBack; index--) {
    if (open[index]?.name === name) return index;
  }
  return -1;
}

function isOpen(open: readonly OpenElement[], name: string): boolean {
  return lastOpen(open, name) !== -1;
}
