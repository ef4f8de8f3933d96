import type { EngineStatus } from "../../../store/engine-store.ts";
import { send } from "../shell/api.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { ActButton } from "../show/act-button.tsx";
import { Empty, Failed } from "../show/empty.tsx";
import { PagedList } from "../show/paged-list.tsx";
import { count, safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";
import { mailOf } from "./dead-mail.ts";
import { MessageItem } from "./message-item.tsx";

interface DeadLetter {
  readonly number: number;
  readonly messageId: string;
  readonly body: string;
  readonly sentAt: string;
  readonly deadFrom?: string;
}

interface QueuePage {
  readonly messages: readonly DeadLetter[];
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
  const redrive = async (messageIds?: readonly string[]) => {
    const { moved } = await send<{ moved: number }>(
      "POST",
      `/queues/${encodeURIComponent(name)}/redrive`,
      messageIds ? { messageIds } : {},
    );
    return `${count(moved, "message")} put back`;
  };
  return (
    <>
      <h4>
        <code>{name}</code>
      </h4>
      <PagedList
        name={`letters in ${name}`}
        path={`/queues/${encodeURIComponent(name)}`}
        cursor="after"
        at={name}
        items={({ messages }: QueuePage) => messages}
        keyOf={({ number }) => number}
        row={(letter) => <Letter letter={letter} redrive={redrive} />}
        empty={<p class="meta">Nothing is left in it.</p>}
        above={() => (
          <>
            <p class="meta">
              To run again what its function could not do: mend the function, then put it back. Work that was done
              meanwhile is not done twice.
            </p>
            <p class="buttons">
              <ActButton act={() => redrive()} kind="main">
                Put all of them back
              </ActButton>
            </p>
          </>
        )}
      />
    </>
  );
}

interface LetterProps {
  readonly letter: DeadLetter;
  readonly redrive: (messageIds: readonly string[]) => Promise<string>;
}

function Letter({ letter: { messageId, body, sentAt, deadFrom }, redrive }: LetterProps) {
  const given = (
    <>
      given up by {deadFrom ?? "its queue"} · <Time at={sentAt} />
    </>
  );
  const mail = mailOf(body);
  const name = mail ? subjectOf(mail.subject) : messageId;
  const button = (
    <ActButton act={() => redrive([messageId])} label={`Put back: ${name}`}>
      Put back
    </ActButton>
  );
  if (mail) {
    return (
      <MessageItem id={mail.sesMessageId} subject={mail.subject} about={given} buttons={button}>
        {mail.recipients.length > 0 && <div>to {safe(mail.recipients.join(", "))}</div>}
      </MessageItem>
    );
  }
  return (
    <>
      <code>{messageId}</code>
      <div class="meta">{given}</div>
      <p class="buttons">{button}</p>
    </>
  );
}
