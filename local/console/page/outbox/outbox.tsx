import type { OutboxEntry } from "../../../store/outbox-entries.ts";
import { Empty } from "../show/empty.tsx";
import { PagedList } from "../show/paged-list.tsx";
import { Outgoing } from "./outgoing.tsx";

interface OutboxAnswer {
  readonly mails: readonly OutboxEntry[];
  readonly next: number | null;
}

/** Mail that leaves: bounces, confirmations, replies, forwards, and what the next hop said to each recipient. */
export function Outbox() {
  return (
    <>
      <h2>Outbox</h2>
      <PagedList
        name="outgoing mails"
        path="/outbox"
        cursor="before"
        items={({ mails }: OutboxAnswer) => mails}
        keyOf={({ number }) => number}
        row={(entry) => (
          <div data-row tabIndex={-1}>
            <Outgoing entry={entry} />
          </div>
        )}
        empty={<Empty title="Nothing has left" hint="Bounces, confirmations, replies and forwards are listed here." />}
      />
    </>
  );
}
