import type { ListedMessage, ListedRecipient } from "../../../store/engine-store.ts";
import { hrefOf } from "../shell/route.ts";
import { Pill } from "../show/pill.tsx";
import { count, safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";

const shownRecipients = 4;

/** One mail of the list: what it is, and where each of its recipients went. */
export function MessageRow({ message }: { message: ListedMessage }) {
  const { sesMessageId, receivedAt, envelope, subject, author, recipients } = message;
  const more = recipients.length - shownRecipients;
  return (
    <li class="message">
      <div class="what">
        <a class="subject" data-row href={hrefOf("message", [sesMessageId])}>
          {subjectOf(subject)}
        </a>
        <div class="meta">
          {safe(author ?? envelope.from) || "<>"} · <Time at={receivedAt} />
        </div>
      </div>
      <ul class="where" aria-label={count(recipients.length, "recipient")}>
        {recipients.slice(0, shownRecipients).map((entry) => (
          <Where key={entry.recipient} entry={entry} />
        ))}
        {more > 0 && <li class="meta">and {more} more</li>}
      </ul>
    </li>
  );
}

function Where({ entry }: { entry: ListedRecipient }) {
  const { recipient, stream, state, outcome, cause, duplicateOf } = entry;
  return (
    <li>
      <span class="address">{safe(recipient)}</span>
      <span class="arrow" aria-hidden="true">
        →
      </span>
      <span class="stream">{stream ?? "no stream"}</span>
      <Pill
        state={stream === null && state === "done" ? "skipped" : state}
        text={duplicateOf === null ? (outcome ?? state) : "duplicate"}
      />
      {cause !== null && <span class="cause">{safe(cause)}</span>}
    </li>
  );
}
