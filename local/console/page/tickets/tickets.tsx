import { useState } from "preact/hooks";
import type { TicketSummary } from "../../../../shared/ports.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { Pill } from "../show/pill.tsx";
import { safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";

const states = [
  ["open", "open"],
  ["closed", "closed"],
  ["all", ""],
] as const;

/** The tickets, those that changed last on top. */
export function Tickets({ state, text }: { state: string; text: string }) {
  const [words, setWords] = useState(text);
  const query = new URLSearchParams({ limit: "100", ...(state !== "all" && { state }), ...(text !== "" && { text }) });
  const { value, error } = useAnswer<{ readonly tickets: readonly TicketSummary[] }>(`/tickets?${query}`);
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
      {error !== undefined && <Failed error={error} />}
      {value && value.tickets.length === 0 && (
        <Empty
          title={text === "" ? "No ticket here" : "No ticket matches"}
          hint="A mail to an address of the ticket stream opens one:"
          command="npx mailweir send --to support@example.com"
        />
      )}
      {value && value.tickets.length > 0 && (
        <ul class="list">
          {value.tickets.map((ticket) => (
            <Row key={ticket.id} ticket={ticket} />
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ ticket: { id, state, subject, participants, assignee, tags, updatedAt } }: { ticket: TicketSummary }) {
  return (
    <li>
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
    </li>
  );
}
