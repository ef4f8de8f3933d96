import { decodeWords } from "../encoded-words.ts";
import { type Header, headerValue } from "../headers.ts";
import { extractReply, type Reply, type ReplyInput } from "./extract-reply.ts";
import { wordList } from "./word-list.ts";

// What clients put before the subject of a forward, lower case, without the colon. "I" (Italian), "RV", "TR", "WG", "PD"
// and the like are Outlook's.
const prefixes = wordList(`
  fwd | fw | forward | forwarded | wg | wtr | weitergeleitet | tr | rv | reenv | enc | encam | i | vb | vl | videresend |
  pd | przek | předat | redir\\. | továbbítás | tovább | ilt | переслать | пересл | fwd\\. | πρθ | προωθ | إعادة توجيه |
  הועבר | 转发 | 轉寄 | 转寄 | 轉發 | 転送 | 전달 | chuyển tiếp | doorst | dv
`);
const forwardSubject = new RegExp(
  `^\\s*(?:\\[[^\\]]{1,60}\\]\\s*)?(?:${prefixes.join("|")})\\s?(?:\\[\\d{1,3}\\]|\\(\\d{1,3}\\))?\\s?[:\\uff1a]`,
  "iu",
);

/** Whether a subject carries a client's mark of a forward ("Fwd:", "WG:", "TR:", "转发：") before any other text. */
export function hasForwardSubject(subject: string): boolean {
  return forwardSubject.test(subject.slice(0, 200));
}

/**
 * Whether a message is mainly a forward: another's mail passed on, not an answer in its thread. It is one when forwarded
 * content is most of it, or when the subject says so and what stands under a header block is most of it. A "Fwd:" alone
 * decides nothing: people answer to forwards, and the prefix stays.
 */
export function isForwarded(input: ReplyInput): boolean {
  return extractFromAny(input).isForward;
}

/** The reply of a message of which nobody knows yet whether it is a forward, and whether it is one; reads most only once. */
export function extractFromAny(input: ReplyInput): { readonly reply: Reply; readonly isForward: boolean } {
  const headers: readonly Header[] = input.headers ?? [];
  const subject = decodeWords(headerValue(headers, "Subject") ?? "");
  const hinted = input.isForward === true || hasForwardSubject(subject);
  const reply = extractReply({ ...input, isForward: hinted });
  let forwarded = 0;
  for (const segment of reply.segments) if (segment.kind === "forward") forwarded += segment.text.trim().length;
  const isForward = forwarded > 0 && (forwarded >= reply.text.length || hinted);
  return { reply: isForward === hinted ? reply : extractReply({ ...input, isForward }), isForward };
}
