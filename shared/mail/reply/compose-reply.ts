import type { ReplySegment, SegmentKind } from "./extract-reply.ts";
import { type MarkedPart, markParts } from "./mark-parts.ts";
import { isRule } from "./separators.ts";
import { isDeviceSignature, signatureStart, warningLines } from "./signature.ts";
import type { SourceLine } from "./source-lines.ts";

export interface ComposedReply {
  readonly text: string;
  readonly segments: readonly ReplySegment[];
  readonly confidence: number;
}

/** From marked lines to segments and the author's text. `text` is what the lines' offsets count in. */
export function composeReply(
  text: string,
  lines: readonly SourceLine[],
  { isForward, isRendered }: { isForward: boolean; isRendered: boolean },
): ComposedReply {
  const parts = markParts(text, lines, isForward);
  markSignatures(parts);
  return {
    text: authorText(text, parts, isRendered),
    segments: toSegments(text, parts),
    confidence: confidenceOf(parts),
  };
}

/** A stretch of parts of one kind, as indexes: from `start` up to, not including, `end`. Blank parts join what they follow. */
interface Stretch {
  readonly role: MarkedPart["role"];
  readonly start: number;
  readonly end: number;
  readonly attributed: boolean;
}

function stretches(parts: readonly MarkedPart[]): Stretch[] {
  const found: Stretch[] = [];
  let at = 0;
  while (at < parts.length) {
    const role = firstRole(parts, at);
    let end = at + 1;
    while (end < parts.length && (parts[end]?.blank || parts[end]?.role === role)) end++;
    found.push({ role, start: at, end, attributed: parts.slice(at, end).some((part) => part.attributed) });
    at = end;
  }
  return found;
}

function firstRole(parts: readonly MarkedPart[], at: number): MarkedPart["role"] {
  for (let index = at; index < parts.length; index++) {
    const part = parts[index];
    if (part && !part.blank) return part.role;
  }
  return "reply";
}

function markSignatures(parts: MarkedPart[]): void {
  for (const { role, start, end } of stretches(parts)) {
    if (role !== "reply") continue;
    const top = start === 0 ? linesOnTop(parts, end) : start;
    for (let index = start; index < top; index++) {
      const part = parts[index];
      if (part) part.role = "signature";
    }
    const contents = linesOf(parts, top, end);
    const from = start > 0 && isRuledFooter(contents) ? 0 : signatureStart(contents);
    if (from === undefined) continue;
    for (let index = top + from; index < end; index++) {
      const part = parts[index];
      if (part) part.role = "signature";
    }
  }
  // Someone whose whole message looks like a signature wrote it all the same.
  if (!parts.some((part) => part.role === "reply" && !part.blank) && !parts.some(isOthers)) {
    for (const part of parts) if (part.role === "signature") part.role = "reply";
  }
}

const maxDrawnTail = 4;

/** What the parts say, lines drawn by the markup as dashes when little follows: Foxmail signs with one and an address. */
function linesOf(parts: readonly MarkedPart[], start: number, end: number): string[] {
  const contents = parts.slice(start, end).map((part) => part.content);
  let below = 0;
  for (let index = end - 1; index >= start && below <= maxDrawnTail; index--) {
    if (parts[index]?.drawn) contents[index - start] = "-----";
    if (parts[index]?.blank === false) below++;
  }
  return contents;
}

const maxFooterLines = 8;

/** Whether what follows a quotation opens with a drawn line and is short: a signature or a list's footer. */
function isRuledFooter(contents: readonly string[]): boolean {
  const texts = contents.filter((content) => content !== "");
  return texts.length <= maxFooterLines && isRule(texts[0] ?? "") && /^[_-]{5}/u.test(texts[0] ?? "");
}

/**
 * Gateways put warnings over a mail; some phones put their line first, and people write below it. Where the author's text
 * starts; 0 when the message starts with it.
 */
function linesOnTop(parts: readonly MarkedPart[], end: number): number {
  const warned = warningLines(parts.slice(0, Math.min(end, maxTopLines)).map((part) => part.content));
  if (warned > 0) return warned;
  let first = 0;
  while (first < end && parts[first]?.blank) first++;
  if (!isDeviceSignature(parts[first]?.content ?? "")) return 0;
  let words = 0;
  for (let index = first + 1; index < end && words <= slightWords; index++) {
    const part = parts[index];
    if (part && !part.blank) words += part.content.split(" ").length;
  }
  return words > slightWords ? first + 1 : 0;
}

function isOthers(part: MarkedPart): boolean {
  return part.role !== "reply" && part.role !== "signature";
}

function authorText(text: string, parts: readonly MarkedPart[], isRendered: boolean): string {
  const all = stretches(parts);
  const isText = (stretch: Stretch) => stretch.role === "reply" && hasContent(parts, stretch);
  const lastReply = all.findLastIndex(isText);
  if (lastReply === -1) {
    const quoted = quoteOnlyText(text, parts, all);
    // A message that stands in a <blockquote> as a whole never had ">" marks.
    return isRendered ? quoted.replace(/^(?:> ?)+/gm, "") : quoted;
  }
  const quotesBefore = all
    .slice(0, lastReply)
    .filter((stretch) => stretch.role === "quote" && hasContent(parts, stretch));
  const inline =
    quotesBefore.length > 1 || (quotesBefore.length === 1 && !isRendered && answersInside(text, parts, all));
  const kept = all.slice(0, lastReply + 1).filter((stretch) => {
    if (stretch.role === "reply") return true;
    return stretch.role === "quote" && (inline || !stretch.attributed);
  });
  const chunks = kept.map((stretch) => sliceOf(text, parts, stretch));
  // In HTML, what stands in a <blockquote> above the attribution of another one, the author put there.
  const [own, below] = all.slice(lastReply + 1).filter((stretch) => hasContent(parts, stretch));
  if (isRendered && own?.role === "quote" && !own.attributed && below?.role === "attribution")
    chunks.push(
      sliceOf(text, parts, own)
        .replace(/^(?:> ?)+/gm, "")
        .trim(),
    );
  return chunks.filter((chunk) => chunk !== "").join("\n\n");
}

const slightWords = 5;
const maxTopLines = 200;

/**
 * Whether the author wrote on both sides of the only quotation, and more than a greeting above and a closing below: then
 * what stands below answers it. Not asked in HTML, where gateways and lists put their footers below the quotation.
 */
function answersInside(text: string, parts: readonly MarkedPart[], all: readonly Stretch[]): boolean {
  const at = all.findIndex((stretch) => stretch.role === "quote" && hasContent(parts, stretch));
  const isSlight = (side: readonly Stretch[]) => {
    const words = side
      .filter(({ role }) => role === "reply")
      .flatMap((stretch) => sliceOf(text, parts, stretch).slice(0, 500).split(/\s+/u));
    return words.filter((word) => word !== "").length <= slightWords;
  };
  return !isSlight(all.slice(0, at)) && !isSlight(all.slice(at + 1));
}

// Nothing but a quotation, and no client says whose: the author may have written behind ">" marks.
function quoteOnlyText(text: string, parts: readonly MarkedPart[], all: readonly Stretch[]): string {
  if (all.some((stretch) => stretch.attributed || stretch.role === "attribution" || stretch.role === "forward"))
    return "";
  return all
    .filter((stretch) => stretch.role === "quote")
    .map((stretch) => sliceOf(text, parts, stretch))
    .join("\n\n");
}

function hasContent(parts: readonly MarkedPart[], stretch: Stretch): boolean {
  for (let index = stretch.start; index < stretch.end; index++) if (parts[index]?.blank === false) return true;
  return false;
}

function sliceOf(text: string, parts: readonly MarkedPart[], stretch: Stretch): string {
  let start = stretch.start;
  let end = stretch.end;
  while (start < end && parts[start]?.blank) start++;
  while (end > start && parts[end - 1]?.blank) end--;
  if (start === end) return "";
  return text.slice(parts[start]?.start ?? 0, parts[end - 1]?.end ?? 0).trimEnd();
}

const kinds: Readonly<Record<MarkedPart["role"], SegmentKind>> = {
  reply: "reply",
  quote: "quote",
  attribution: "quote",
  signature: "signature",
  forward: "forward",
};

function toSegments(text: string, parts: readonly MarkedPart[]): ReplySegment[] {
  const segments: ReplySegment[] = [];
  let kind: SegmentKind | undefined;
  let from = 0;
  for (const part of parts) {
    if (part.blank || kinds[part.role] === kind) continue;
    if (kind !== undefined) {
      segments.push({ kind, text: text.slice(from, part.start) });
      from = part.start;
    }
    kind = kinds[part.role];
  }
  if (from < text.length) segments.push({ kind: kind ?? "reply", text: text.slice(from) });
  return segments;
}

function confidenceOf(parts: readonly MarkedPart[]): number {
  const others = parts.filter((part) => isOthers(part) && !part.blank);
  if (others.length === 0) return 0.9;
  if (!parts.some((part) => part.role === "reply" && !part.blank)) return 0.6;
  return others.every((part) => part.role === "quote" && !part.attributed) ? 0.7 : 0.95;
}
