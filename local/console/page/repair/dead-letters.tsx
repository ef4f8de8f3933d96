import type { EngineStatus } from "../../../store/engine-store.ts";
import { send } from "../shell/api.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { ActButton } from "../show/act-button.tsx";
import { Empty, Failed } from "../show/empty.tsx";
import { count } from "../show/text.ts";
import { Time } from "../show/time.tsx";

interface QueuePage {
  readonly messages: readonly {
    readonly number: number;
    readonly messageId: string;
    readonly sentAt: string;
    readonly receiveCount: number;
    readonly deadFrom?: string;
  }[];
  readonly next: number | null;
}

/** What queues gave up after their attempts, and the button that puts it back. */
export function DeadLetters() {
  const { value, error } = useAnswer<EngineStatus>("/status");
  const dead = value?.queues.filter(({ name, visible }) => /-dead$|dead-?letter|-dlq$/.test(name) && visible > 0) ?? [];
  return (
    <section aria-labelledby="dead">
      <h3 id="dead">Dead letters</h3>
      {error !== undefined && <Failed error={error} />}
      {value && dead.length === 0 && (
        <Empty
          title="No queue has given anything up"
          hint="Messages that a function could not take in their attempts lie here."
        />
      )}
      {dead.map(({ name }) => (
        <Queue key={name} name={name} />
      ))}
    </section>
  );
}

function Queue({ name }: { name: string }) {
  const { value } = useAnswer<QueuePage>(`/queues/${encodeURIComponent(name)}?limit=50`);
  const redrive = async (messageIds?: readonly string[]) => {
    const { moved } = await send<{ moved: number }>(
      "POST",
      `/queues/${encodeURIComponent(name)}/redrive`,
      messageIds ? { messageIds } : {},
    );
    return `${count(moved, "message")} put back`;
  };
  return (
    <div class="card">
      <div class="head">
        <h4>{name}</h4>
      </div>
      <p class="buttons">
        <ActButton act={() => redrive()} kind="main">
          Put all of them back
        </ActButton>
      </p>
      <ul class="plain">
        {value?.messages.map(({ number, messageId, sentAt, receiveCount, deadFrom }) => (
          <li key={number}>
            <code>{messageId}</code>{" "}
            <span class="meta">
              given up by {deadFrom ?? "its queue"} after {count(receiveCount, "attempt")} · <Time at={sentAt} />
            </span>{" "}
            <ActButton act={() => redrive([messageId])} label={`Put ${messageId} back`}>
              Put back
            </ActButton>
          </li>
        ))}
      </ul>
    </div>
  );
}
