import { useState } from "preact/hooks";
import type { TicketSummary } from "../../../../shared/ports.ts";
import { hrefOf } from "../shell/route.ts";
import { Empty } from "../show/empty.tsx";
import { PagedList } from "../show/paged-list.tsx";
import { Pill } from "../show/pill.tsx";
import { safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";

const states = [
  ["open", "open"],
  ["closed", "closed"],
  ["all", ""],
] as const;

interface TicketsAnswer {
  readonly tickets: readonly TicketSummary[];
  readonly next: number | null;
}

/** The tickets, those that were opened last on top. */
export function Tickets({ state, text }: { state: string; text: string }) {
  const [words, setWords] = useState(text);
  const query = new URLSearchParams({
    order: "newest",
    ...(state !== "all" && { state }),
    ...(text !== "" && { text }),
  });
  const search = (event: Event) => {
    event.preventDefault();
    location.hash = hrefOf("tickets", [], { state, text: words.trim() });
  };
  return (
    <>
      <div class="title-line">
        <h2>Tickets</h2>
        <form class="search" onSubmit={search}>
          <input
            id="search"
            type="text"
            aria-label="Search tickets"
            placeholder="Words of the subject or an entry"
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
          />
        </form>
      </div>
      <nav class="tabs" aria-label="State">
        {states.map(([name]) => (
          <a
            key={name}
            href={hrefOf("tickets", [], { state: name, text })}
            aria-current={name === state ? "true" : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      <PagedList
        key={`${state} ${text}`}
        name="tickets"
        path={`/tickets?${query}`}
        cursor="after"
        items={({ tickets }: TicketsAnswer) => tickets}
        keyOf={({ id }) => id}
        row={(ticket) => <Row ticket={ticket} />}
        empty={
          <Empty
            title={text === "" ? "No ticket here" : "No ticket matches"}
            hint="A mail to an address of the ticket stream opens one:"
            command="npx mailweir send --to support@example.com"
          />
        }
      />
    </>
  );
}

function Row({ ticket: { id, state, subject, participants, assignee, tags, updatedAt } }: { ticket: TicketSummary }) {
  return (
    <>
      <div class="head">
        <a class="subject" data-row href={hrefOf("ticket", [String(id)])}>
          {id} · {subjectOf(subject)}
        </a>
        <Pill state={state} />
        {tags.map((tag) => (
          <Pill key={tag} state="off" tone="off" text={safe(tag)} />
        ))}
      </div>
      <div class="meta">
        {safe(participants.join(", "))} · {assignee === undefined ? "nobody's" : safe(assignee)} ·{" "}
        <Time at={updatedAt} />
      </div>
    </>
  );
}
