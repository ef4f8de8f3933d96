import type { Header } from "../headers.ts";
import { composeReply } from "./compose-reply.ts";
import { htmlLines } from "./html-lines.ts";
import { splitLines } from "./source-lines.ts";

export type SegmentKind = "reply" | "quote" | "signature" | "forward";

export interface ReplySegment {
  readonly kind: SegmentKind;
  /** As it stands in the message, line ends and quote marks kept. */
  readonly text: string;
}

export interface ReplyInput {
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  readonly headers?: readonly Header[] | undefined;
  /** True when the caller knows that the message forwards another: a header block is then what is forwarded, not a quote. */
  readonly isForward?: boolean | undefined;
}

export interface ReplyLimits {
  /** Characters of each body that are looked at; the rest joins the last segment. Default 2 Mi. */
  readonly maxChars?: number;
  /** Lines that are looked at; the rest joins the last segment. Default 50,000. */
  readonly maxLines?: number;
}

export interface Reply {
  /**
   * What the author wrote, without signature, trimmed. Where answers stand between quotes, the quotes that they answer
   * stay (a "yes" alone says nothing). Empty only when nothing but quotes, forwards or a signature is there.
   */
  readonly text: string;
  /** The whole message in its order: joined, they are the rendered text. */
  readonly segments: readonly ReplySegment[];
  /** From 0 to 1: how sure the rules are of where the author's text ends. */
  readonly confidence: number;
  /** The body that was read: HTML is rendered to text first. */
  readonly source: "text" | "html" | "none";
}

/**
 * Separates what the author of a mail wrote from quotations, signature and forwarded mail. Pure, never throws; time and
 * memory are linear in the input and bounded by the limits.
 */
export function extractReply(input: ReplyInput, { maxChars = 2_097_152, maxLines = 50_000 }: ReplyLimits = {}): Reply {
  const isForward = input.isForward ?? false;
  const plain = input.text ?? "";
  const html = input.html ?? "";
  const ofText = (): Reply => ({
    ...composeReply(plain, splitLines(plain, maxChars, maxLines), { isForward, isRendered: false }),
    source: "text",
  });
  if (html.trim() === "") {
    return plain.trim() === "" ? { text: "", segments: untouched(plain), confidence: 1, source: "none" } : ofText();
  }
  const rendered = htmlLines(html, maxChars, maxLines);
  const ofHtml: Reply = {
    ...composeReply(rendered.text, rendered.lines, { isForward, isRendered: true }),
    source: "html",
  };
  if (plain.trim() === "") return ofHtml;
  // RFC 2046 §5.1.4: the last alternative is the one the author saw; its markup names quotations in any language.
  // But a stub ("see attachment", a list's footer) stands for nothing, and some clients quote in the text part only.
  if (letters(rendered.text) * 2 < letters(plain)) return ofText();
  if (ofHtml.text !== "" && ofHtml.segments.some(({ kind }) => kind === "quote" || kind === "forward")) return ofHtml;
  const fromText = ofText();
  if (ofHtml.text === "") return fromText.text === "" ? ofHtml : fromText;
  return fromText.text !== "" && fromText.segments.some(({ kind }) => kind === "quote" || kind === "forward")
    ? fromText
    : ofHtml;
}

function untouched(text: string): ReplySegment[] {
  return text === "" ? [] : [{ kind: "reply", text }];
}

/** How many letters of prose the first part of a text holds: links are written out in one rendering and hidden in the other. */
function letters(text: string): number {
  const prose = text.slice(0, 200_000).replace(/https?:[^\s>)]*/gu, "");
  return prose.replace(/[^\p{L}\p{N}]+/gu, "").length;
}
