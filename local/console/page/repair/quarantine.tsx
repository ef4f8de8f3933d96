import { send } from "../shell/api.ts";
import { ActButton } from "../show/act-button.tsx";
import { Empty } from "../show/empty.tsx";
import { Lines } from "../show/facts.tsx";
import { PagedList } from "../show/paged-list.tsx";
import { safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";
import { MessageItem } from "./message-item.tsx";

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

interface Page {
  readonly held: readonly Held[];
  readonly next: string | null;
}

/** What is held, with its reasons, and the buttons that let it go. */
export function Quarantine() {
  return (
    <section aria-labelledby="held">
      <h3 id="held">Quarantine</h3>
      <PagedList
        name="held mails"
        path="/quarantine?order=newest"
        cursor="after"
        at="held"
        items={({ held }: Page) => held}
        keyOf={({ sesMessageId, recipient }) => `${sesMessageId} ${recipient}`}
        row={(held) => <Row held={held} />}
        empty={
          <Empty
            title="Nothing is held"
            hint="Mail with a virus or spam finding, or a failed DMARC check, waits here until you release it."
          />
        }
      />
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
    <MessageItem
      id={sesMessageId}
      subject={subject}
      about={
        <>
          from {safe(envelopeFrom) || "<>"} to {safe(recipient)} · held <Time at={heldAt} />
        </>
      }
      buttons={
        <>
          <ActButton act={release} kind="main">
            Release to {intendedStream}
          </ActButton>
          {author !== null && <ActButton act={allowAndRelease}>Release and allow the sender</ActButton>}
          <ActButton act={discard} kind="danger">
            Discard
          </ActButton>
        </>
      }
    >
      <Lines of={reasons} />
    </MessageItem>
  );
}
