import {
  address,
  attributionInside,
  attributionStrength,
  isDated,
  mayCloseAttribution,
  saysYouWrote,
  tellsWhoWrote,
  timeOfDay,
} from "./attribution.ts";
import { headerBlockAt, labelsEnd, mayOpenHeaderBlock, notesHeadAt } from "./header-block.ts";
import { isReplyAboveLine, isRule, separatorOf } from "./separators.ts";
import { matchable, type SourceLine } from "./source-lines.ts";

export type PartRole = "reply" | "quote" | "attribution" | "signature" | "forward";

/** One line, or the part of a line on either side of an attribution that starts inside it. */
export interface MarkedPart {
  readonly start: number;
  readonly end: number;
  readonly content: string;
  readonly blank: boolean;
  /** A line drawn by the markup; such a part is blank. */
  readonly drawn: boolean;
  role: PartRole;
  /** Of a quote: something above it says whose words they are. */
  readonly attributed: boolean;
}

const maxAttributionLines = 6;
const maxUnknownAttributionLines = 3;

const pipe = /^\|(?:$|\s.*[^|]$|\s\S?$)/u;

/** Gives every line its role. One pass; every line is looked at a bounded number of times. */
export function markParts(text: string, lines: readonly SourceLine[], isForward: boolean): MarkedPart[] {
  const parts: MarkedPart[] = [];
  let authorWrote = false;
  let attributed = false;
  let at = 0;

  const push = (
    line: SourceLine,
    role: PartRole,
    owned = false,
    content = line.content,
    start = line.start,
    end = line.end,
  ) => {
    const blank = content === "" && line.depth === 0;
    parts.push({ start, end, content, blank, drawn: line.hint === "rule", role, attributed: owned });
    if (role === "reply" && content !== "") authorWrote = true;
  };
  const pushTo = (end: number, role: PartRole, owned = false) => {
    for (; at < end; at++) {
      const line = lines[at];
      if (line) push(line, role, owned);
    }
  };
  const isQuotedNext = (from: number) => (lines[nextWithContent(lines, from)]?.depth ?? 0) > 0;
  // What stands under a header block or a separator is another's, to the end; unless it carries ">" marks: then only they.
  const takeRest = (end: number, role: PartRole) => {
    pushTo(end, role === "forward" ? "forward" : "attribution", true);
    const piped = lines[nextWithContent(lines, at)]?.content ?? "";
    if (pipe.test(piped)) {
      // Who quotes with "| " answers below it; a table's rows end with the sign too.
      while (at < lines.length && (lines[at]?.content === "" || pipe.test(lines[at]?.content ?? "")))
        pushTo(at + 1, role, true);
    } else if (isQuotedNext(at)) {
      while (
        at < lines.length &&
        (lines[at]?.depth || lines[at]?.content === "" || isBrokenQuote(lines, at, role === "forward"))
      )
        pushTo(at + 1, role, true);
    } else {
      pushTo(lines.length, role, true);
    }
  };

  while (at < lines.length) {
    const line = lines[at];
    if (!line) break;
    const { content } = line;

    if (line.depth > 0) {
      if (authorWrote && isGroupWise(line)) {
        takeRest(at + 1, "quote");
        continue;
      }
      const separator = separatorOf(content, "quote");
      const end = quotedEnd(lines, at, separator === "forward");
      if (separator === "forward") pushTo(end, "forward", true);
      else {
        const owned = attributed || opensOwned(text, lines, at, end);
        pushTo(end, "quote", owned);
      }
      attributed = false;
      continue;
    }
    if (content === "" && line.hint !== "quote-start" && line.hint !== "forward-start") {
      push(line, "reply");
      at++;
      continue;
    }
    if (line.hint === "signature") {
      push(line, "signature");
      at++;
      continue;
    }
    attributed = false;

    const next = nextWithContent(lines, at + 1);
    const blockBelow = mayOpenHeaderBlock(lines[next]?.content ?? "") ? headerBlockAt(lines, next, true) : undefined;
    const separator = separatorOf(content, blockBelow ? "block" : isQuotedNext(at + 1) ? "quote" : "text");
    if (separator || line.hint === "forward-start") {
      const forwarded = separator === "forward" || line.hint === "forward-start" || isForward;
      takeRest(blockBelow?.end ?? labelsEnd(lines, at + 1), forwarded ? "forward" : "quote");
      continue;
    }
    if (isReplyAboveLine(content)) {
      if (!authorWrote) {
        // The marker came first: what is under it is all there is to read.
        push(line, "attribution");
        at++;
        continue;
      }
      takeRest(at + 1, "quote");
      continue;
    }
    if (blockBelow && (line.hint === "rule" || isRule(content) || tellsWhoWrote(content))) {
      takeRest(blockBelow.end, isForward ? "forward" : "quote");
      continue;
    }
    const head = authorWrote ? notesHeadAt(lines, at) : undefined;
    if (head !== undefined) {
      takeRest(head, isForward ? "forward" : "quote");
      continue;
    }
    if (mayOpenHeaderBlock(content)) {
      const block = headerBlockAt(lines, at, line.hint === "quote-start" || lines[at - 1]?.hint === "rule");
      if (block) {
        takeRest(block.end, isForward ? "forward" : "quote");
        continue;
      }
    }
    const attribution = attributionAt(text, lines, at);
    if (attribution) {
      if (attribution.inside !== undefined) {
        push(
          line,
          "reply",
          false,
          matchable(text.slice(line.start, attribution.inside)),
          line.start,
          attribution.inside,
        );
        push(line, "attribution", true, matchable(text.slice(attribution.inside, line.end)), attribution.inside);
        at++;
      }
      const quoteFollows = isQuotedNext(attribution.end);
      if (pipe.test(lines[nextWithContent(lines, attribution.end)]?.content ?? "")) {
        takeRest(attribution.end, "quote");
        continue;
      }
      if (isForward && !quoteFollows && !authorWrote) {
        // Outlook for Windows 10 forwards like this; an answer to a forward has its text above.
        takeRest(attribution.end, "forward");
      } else if (quoteFollows || !authorWrote) {
        pushTo(attribution.end, "attribution", true);
        attributed = quoteFollows;
      } else {
        takeRest(attribution.end, "quote");
      }
      continue;
    }
    if (line.hint === "quote-start" || line.hint === "attribution") {
      const quoted = quotedWithin(lines, at, maxUnknownAttributionLines);
      if (quoted !== undefined) {
        pushTo(quoted, "attribution", true);
        attributed = true;
        continue;
      }
      if (line.hint === "quote-start" && authorWrote) {
        takeRest(at, "quote");
        continue;
      }
    }
    push(line, "reply");
    at++;
  }
  return parts;
}

// GroupWise: ">>> Ann Example <ann@site.example> 04/03/2024 09:05 >>>", and no marks under it.
function isGroupWise({ depth, content }: SourceLine): boolean {
  return depth === 3 && content.length <= 200 && />>>$/u.test(content) && isDated(content);
}

interface FoundAttribution {
  readonly end: number;
  /** Offset in the text where the attribution starts, when the line's head is the author's. */
  readonly inside?: number;
}

function attributionAt(text: string, lines: readonly SourceLine[], at: number): FoundAttribution | undefined {
  const first = lines[at];
  if (!first || first.content.length > 500) return undefined;
  const mayClose = closesAttribution(first);
  // A name alone, when the address under it says so: "Ann Example" and "<ann@site.example> wrote:".
  const opensWithName =
    first.content.length <= 60 && /^</u.test(lines[at + 1]?.content ?? "") && !/[.!?:,]$/u.test(first.content);
  const mayOpen = /\d|@/u.test(first.content) || opensWithName;
  if (!mayClose && !mayOpen) return undefined;
  let joined = "";
  let suffix = "";
  let blanks = 0;
  for (let index = at; index < lines.length && index < at + maxAttributionLines; index++) {
    const line = lines[index];
    if (!line) break;
    // "<\nann@example.com\n> wrote:": the ">" closes an address and is no quote mark.
    const closing = line.depth === first.depth + 1 && hasOpenBracket(joined);
    if (line.depth !== first.depth && !closing) break;
    const content = closing ? matchable(text.slice(line.start, Math.min(line.end, line.start + 500))) : line.content;
    if (content === "") {
      if (++blanks > 1 || index === at) break;
      continue;
    }
    joined = joined === "" ? content : `${joined} ${content}`;
    if (index > at) suffix = suffix === "" ? content : `${suffix} ${content}`;
    if (joined.length > 500) break;
    if (!(closing ? mayCloseAttribution(content) : closesAttribution(line))) continue;
    const strength = attributionStrength(joined);
    if (strength === undefined) continue;
    const end = index + 1;
    const below = lines[nextWithContent(lines, end, first.depth)];
    const quoteFollows = (below?.depth ?? 0) > first.depth || pipe.test(below?.content ?? "");
    if (strength === "needs-quote" && !(quoteFollows && index === at)) continue;
    if (index > at) {
      if (!opensWithName && attributionStrength(suffix) === "strong" && (isDated(suffix) || !isDated(first.content)))
        return undefined;
      if (!mayOpen) return undefined;
    }
    const says = address.test(joined) || timeOfDay.test(joined) || /^-{2,}/u.test(joined) || saysYouWrote(joined);
    if (!quoteFollows && !says) continue;
    if (index === at) {
      const raw = text.slice(first.start, Math.min(first.end, first.start + 500));
      const inside = attributionInside(raw);
      if (inside !== undefined && inside > 0) return { end, inside: first.start + inside };
    }
    return { end };
  }
  return undefined;
}

// Only a memo: a line is looked at from each of the lines above it.
const closers = new WeakMap<SourceLine, boolean>();

function closesAttribution(line: SourceLine): boolean {
  const before = closers.get(line);
  if (before !== undefined) return before;
  const closes = mayCloseAttribution(line.content);
  closers.set(line, closes);
  return closes;
}

function hasOpenBracket(text: string): boolean {
  return text.split("<").length > text.split(">").length;
}

function nextWithContent(lines: readonly SourceLine[], from: number, depth = 0): number {
  let index = from;
  // Bounded: a marker that is followed by thousands of empty lines is none.
  while (index < from + 50 && lines[index]?.content === "" && (lines[index]?.depth ?? 0) <= depth) index++;
  return index;
}

function quotedWithin(lines: readonly SourceLine[], from: number, count: number): number | undefined {
  let seen = 0;
  for (let index = from; index < lines.length && index < from + 50 && seen <= count; index++) {
    const line = lines[index];
    if (!line) break;
    if (line.depth > 0) return index;
    if (line.content !== "") seen++;
  }
  return undefined;
}

function quotedEnd(lines: readonly SourceLine[], from: number, forwarded: boolean): number {
  let end = from;
  while (end < lines.length && ((lines[end]?.depth ?? 0) > 0 || isBrokenQuote(lines, end, forwarded))) end++;
  return end;
}

/**
 * An unmarked line that belongs to the quotation around it: a long line that was wrapped behind the ">", or a link put on
 * its own line. Nobody answers inside what they forward: there, a line between two marked ones is quoted in any case.
 */
function isBrokenQuote(lines: readonly SourceLine[], at: number, forwarded: boolean): boolean {
  const before = lines[at - 1];
  const line = lines[at];
  const after = lines[at + 1];
  if (!before || !line || !after || before.depth === 0 || line.depth > 0 || after.depth === 0 || line.content === "")
    return false;
  if (/^[(<[]?https?:\/\//iu.test(line.content)) return true;
  if (/https?:\/\/\S*$/iu.test(before.content) && !line.content.includes(" ")) return true;
  if (forwarded) return true;
  return before.content.length >= 60 && !/[?!:]$/u.test(before.content) && /^[\p{Ll}\p{N})\]]/u.test(line.content);
}

/** Whether a quoted stretch says itself whose words it holds: its first lines are an attribution or a header block. */
function opensOwned(text: string, lines: readonly SourceLine[], from: number, end: number): boolean {
  const first = nextQuotedContent(lines, from, end);
  const line = lines[first];
  if (!line) return false;
  if (mayOpenHeaderBlock(line.content) && headerBlockAt(lines, first, false)) return true;
  if (attributionAt(text, lines, first)) return true;
  return separatorOf(line.content, "quote") !== undefined;
}

function nextQuotedContent(lines: readonly SourceLine[], from: number, end: number): number {
  let index = from;
  while (index < end && index < from + 50 && lines[index]?.content === "") index++;
  return index;
}
