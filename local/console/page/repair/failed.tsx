import type { ListedMessage } from "../../../store/engine-store.ts";
import { send } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { ActButton } from "../show/act-button.tsx";
import { Empty, Failed as NotShown } from "../show/empty.tsx";
import { count, safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";

interface Page {
  readonly messages: readonly ListedMessage[];
  readonly next: number | null;
}

// As many as one call may replay.
const atOnce = 50;

/** Messages with a recipient whose worker gave up, with the cause; tried again one by one or all together. */
export function Failed() {
  const { value, error } = useAnswer<Page>(`/messages?q=is%3Afailed&limit=${atOnce}`);
  const ids = value?.messages.map(({ sesMessageId }) => sesMessageId) ?? [];
  return (
    <section aria-labelledby="failed">
      <h3 id="failed">Failed</h3>
      {error !== undefined && <NotShown error={error} />}
      {value && value.messages.length === 0 && (
        <Empty
          title="Nothing has failed"
          hint="What a worker gives up after its attempts is listed here, with its cause."
        />
      )}
      {value && value.messages.length > 0 && (
        <>
          <p class="buttons">
            <ActButton act={() => retry(ids)} kind="main">
              Try {count(ids.length, "message")} again
            </ActButton>
            {value.next !== null && <span class="meta">the newest {atOnce}; older ones come after them</span>}
          </p>
          <ul class="list">
            {value.messages.map((message) => (
              <Row key={message.sesMessageId} message={message} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Row({ message: { sesMessageId, subject, author, receivedAt, recipients } }: { message: ListedMessage }) {
  return (
    <li>
      <a class="subject" data-row href={hrefOf("message", [sesMessageId])}>
        {subjectOf(subject)}
      </a>
      <div class="meta">
        {safe(author)} · <Time at={receivedAt} />
      </div>
      {recipients
        .filter(({ state }) => state === "failed")
        .map(({ recipient, stream, cause }) => (
          <div key={recipient}>
            {safe(recipient)} → <b>{stream ?? "no stream"}</b>:{" "}
            <span class="bad">{safe(cause ?? "no cause was told")}</span>
          </div>
        ))}
      <p class="buttons">
        <ActButton act={() => retry([sesMessageId])} label={`Try again: ${subjectOf(subject)}`}>
          Try again
        </ActButton>
      </p>
    </li>
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
