import type { TicketEntry } from "../../../../shared/ports.ts";
import { hrefOf } from "../shell/route.ts";
import { safe, safeLines } from "../show/text.ts";
import { Time } from "../show/time.tsx";

/** One turn of the conversation: a mail to us, our answer, or a note that only we see. */
export function Entry({ entry }: { entry: TicketEntry }) {
  return (
    <li class={`card entry ${entry.kind}`}>
      <div class="head">
        <b>{entry.kind === "mail" ? safe(entry.author.name || entry.author.address) : safe(entry.by)}</b>
        <span class="meta">
          {entry.kind === "mail" && `${safe(entry.author.address)}, ${entry.trust}`}
          {entry.kind === "answer" && `answer to ${safe(entry.to.join(", "))}`}
          {entry.kind === "note" && "note"} · <Time at={entry.at} />
        </span>
        {entry.kind === "mail" && <a href={hrefOf("message", [entry.sesMessageId])}>its journey</a>}
      </div>
      <pre class="said-text">{safeLines(entry.text) || "(nothing of its own)"}</pre>
      {entry.kind === "mail" && entry.quote !== undefined && (
        <details>
          <summary>Quotation</summary>
          <pre class="said-text meta">{safeLines(entry.quote)}</pre>
        </details>
      )}
      {entry.kind === "mail" && entry.attachments.length > 0 && (
        <p>
          <a href={hrefOf("message", [entry.sesMessageId, "attachments"])}>
            {entry.attachments.map(({ fileName }) => safe(fileName)).join(", ")}
          </a>
        </p>
      )}
    </li>
  );
}
