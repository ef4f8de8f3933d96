import type { OutboxEntry } from "../../../store/outbox-entries.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { Outgoing } from "./outgoing.tsx";

/** Mail that leaves: bounces, confirmations, replies, forwards, and what the next hop said to each recipient. */
export function Outbox() {
  const { value, error } = useAnswer<{ readonly mails: readonly OutboxEntry[] }>("/outbox?limit=200");
  return (
    <>
      <h2>Outbox</h2>
      {error !== undefined && <Failed error={error} />}
      {value && value.mails.length === 0 && (
        <Empty title="Nothing has left" hint="Bounces, confirmations, replies and forwards are listed here." />
      )}
      {value && value.mails.length > 0 && (
        <ul class="list">
          {value.mails.map((entry) => (
            <li key={entry.number}>
              <Outgoing entry={entry} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
