import type { ListedMessage } from "../../../store/engine-store.ts";
import { send } from "../shell/api.ts";
import { ActButton } from "../show/act-button.tsx";
import { Empty } from "../show/empty.tsx";
import { PagedList } from "../show/paged-list.tsx";
import { count, safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";
import { MessageItem } from "./message-item.tsx";

interface Page {
  readonly messages: readonly ListedMessage[];
  readonly next: number | null;
}

/** Messages with a recipient whose worker gave up, with the cause; tried again one by one, or a page at once. */
export function Failed() {
  return (
    <section aria-labelledby="failed">
      <h3 id="failed">Failed</h3>
      <PagedList
        name="failed messages"
        path="/messages?q=is%3Afailed"
        cursor="before"
        at="failed"
        items={({ messages }: Page) => messages}
        keyOf={({ sesMessageId }) => sesMessageId}
        row={(message) => <Row message={message} />}
        empty={
          <Empty
            title="Nothing has failed"
            hint="What a worker gives up after its attempts is listed here, with its cause."
          />
        }
        above={(messages) => (
          <>
            <p class="meta">
              A worker's code is read when the engine starts: mend it, start the engine again, then try again here.
            </p>
            <p class="buttons">
              <ActButton act={() => retry(messages.map(({ sesMessageId }) => sesMessageId))} kind="main">
                Try {count(messages.length, "message")} again
              </ActButton>
            </p>
          </>
        )}
      />
    </section>
  );
}

function Row({ message: { sesMessageId, subject, author, receivedAt, recipients } }: { message: ListedMessage }) {
  return (
    <MessageItem
      id={sesMessageId}
      subject={subject}
      about={
        <>
          {safe(author)} · <Time at={receivedAt} />
        </>
      }
      buttons={
        <ActButton act={() => retry([sesMessageId])} label={`Try again: ${subjectOf(subject)}`}>
          Try again
        </ActButton>
      }
    >
      {recipients
        .filter(({ state }) => state === "failed")
        .map(({ recipient, stream, cause }) => (
          <div key={recipient}>
            {safe(recipient)} → <b>{stream ?? "no stream"}</b>:{" "}
            <span class="bad">{safe(cause ?? "no cause was told")}</span>
          </div>
        ))}
    </MessageItem>
  );
}

async function retry(messages: readonly string[]): Promise<string> {
  const answer = await send<{ messages: readonly { error: string | null }[] }>("POST", "/replay", {
    from: "work",
    messages,
  });
  const failed = answer.messages.find(({ error }) => error !== null);
  return failed?.error ?? `${count(answer.messages.length, "message")} sent to the worker again`;
}
