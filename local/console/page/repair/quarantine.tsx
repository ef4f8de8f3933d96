import { send } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { ActButton } from "../show/act-button.tsx";
import { Empty, Failed } from "../show/empty.tsx";
import { Lines } from "../show/facts.tsx";
import { safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";

interface Held {
  readonly sesMessageId: string;
  readonly recipient: string;
  readonly intendedStream: string;
  readonly reasons: readonly string[];
  readonly heldAt: string;
  readonly envelopeFrom: string;
  readonly author: string | null;
  readonly subject: string | null;
}

/** What is held, with its reasons, and the buttons that let it go. */
export function Quarantine() {
  const { value, error } = useAnswer<{ readonly held: readonly Held[] }>("/quarantine?limit=200");
  return (
    <section aria-labelledby="held">
      <h3 id="held">Quarantine</h3>
      {error !== undefined && <Failed error={error} />}
      {value && value.held.length === 0 && (
        <Empty
          title="Nothing is held"
          hint="Mail with a virus or spam finding, or a failed DMARC check, waits here until you release it."
        />
      )}
      {value && value.held.length > 0 && (
        <ul class="list">
          {value.held.map((held) => (
            <Row key={`${held.sesMessageId} ${held.recipient}`} held={held} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({ held }: { held: Held }) {
  const { sesMessageId, recipient, intendedStream, reasons, heldAt, envelopeFrom, author, subject } = held;
  const path = `/quarantine/${sesMessageId}/${encodeURIComponent(recipient)}`;
  const release = async () => {
    const { kind, stream } = await send<{ kind: string; stream?: string }>("POST", `${path}/release`);
    return kind === "released" ? `sent on to ${stream}` : "was released before";
  };
  const allowAndRelease = async () => {
    await send("PUT", `/allowed-senders/${encodeURIComponent(author ?? "")}`);
    return `${await release()}; ${safe(author)} is allowed from now on`;
  };
  const discard = async () => {
    const { kind } = await send<{ kind: string }>("POST", `${path}/discard`);
    return kind === "discarded" ? "discarded; the stored message stays" : "had ended before";
  };
  return (
    <li>
      <a class="subject" data-row href={hrefOf("message", [sesMessageId])}>
        {subjectOf(subject)}
      </a>
      <div class="meta">
        from {safe(envelopeFrom) || "<>"} to {safe(recipient)} · held <Time at={heldAt} />
      </div>
      <Lines of={reasons} />
      <p class="buttons">
        <ActButton act={release} kind="main">
          Release to {intendedStream}
        </ActButton>
        {author !== null && <ActButton act={allowAndRelease}>Release and allow the sender</ActButton>}
        <ActButton act={discard} kind="danger">
          Discard
        </ActButton>
      </p>
    </li>
  );
}
