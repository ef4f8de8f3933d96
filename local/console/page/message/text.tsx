import type { MailAnswer } from "../../mail-api.ts";
import { Empty } from "../show/empty.tsx";
import { safeLines } from "../show/text.ts";

const kinds = {
  reply: "what the author wrote",
  quote: "quotation",
  signature: "signature",
  forward: "forwarded mail",
} as const;

/** The mail's text: what its author wrote, and in other colours what is quoted, forwarded, or signed below. */
export function Text({ mail }: { mail: MailAnswer }) {
  const { segments, confidence, source } = mail.reply;
  if (segments.length === 0 || source === "none") {
    return <Empty title="The message has no text" hint="Look at its parts: it may be an attachment alone." />;
  }
  const present = [...new Set(segments.map(({ kind }) => kind))];
  return (
    <>
      <p class="legend">
        {present.map((kind) => (
          <span key={kind} class={`segment-key ${kind}`}>
            {kinds[kind]}
          </span>
        ))}
        <span class="meta">
          {Math.round(confidence * 100)} % sure{source === "html" && "; read from its HTML"}
          {mail.textCut && "; only the beginning is shown"}
        </span>
      </p>
      <div class="text">
        {segments.map((segment, index) => (
          <pre key={index} class={`segment ${segment.kind}`} title={kinds[segment.kind]}>
            {segment.kind !== "reply" && <span class="unseen">{kinds[segment.kind]}: </span>}
            {safeLines(segment.text)}
          </pre>
        ))}
      </div>
    </>
  );
}
