import { useState } from "preact/hooks";
import type { Ticket as TicketRecord } from "../../../../shared/ports.ts";
import { send } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { ActButton } from "../show/act-button.tsx";
import { Failed } from "../show/empty.tsx";
import { Facts } from "../show/facts.tsx";
import { Pill } from "../show/pill.tsx";
import { safe, subjectOf } from "../show/text.ts";
import { Entry } from "./entry.tsx";

/** One ticket: its conversation, and what can be done about it. */
export function Ticket({ id }: { id: string }) {
  const path = `/tickets/${encodeURIComponent(id)}`;
  const { value: ticket, error, again } = useAnswer<TicketRecord>(path);
  const change = async (what: object, said: string) => {
    await send("PATCH", path, what);
    again();
    return said;
  };
  return (
    <>
      <p class="back">
        <a href="#/tickets" data-back>
          ← Tickets
        </a>
      </p>
      {error !== undefined && <Failed error={error} />}
      {ticket && (
        <>
          <h2>{subjectOf(ticket.subject)}</h2>
          <div class="head">
            <Pill state={ticket.state} />
            <span class="meta">ticket {ticket.id}</span>
          </div>
          <Facts
            of={[
              ["participants", ticket.participants.join(", ")],
              ["assignee", ticket.assignee ?? "nobody"],
              ["tags", ticket.tags.join(", ")],
              [
                "related to",
                ticket.relatedTo !== undefined && (
                  <a href={hrefOf("ticket", [String(ticket.relatedTo)])}>{ticket.relatedTo}</a>
                ),
              ],
              [
                "merged into",
                ticket.mergedInto !== undefined && (
                  <a href={hrefOf("ticket", [String(ticket.mergedInto)])}>{ticket.mergedInto}</a>
                ),
              ],
            ]}
          />
          <p class="buttons">
            {ticket.state === "open" ? (
              <ActButton act={() => change({ state: "closed" }, "closed")}>Close</ActButton>
            ) : (
              <ActButton act={() => change({ state: "open" }, "open again")}>Open again</ActButton>
            )}
          </p>
          <ol class="entries" aria-label="Conversation">
            {ticket.entries.map((entry) => (
              <Entry key={entry.kind === "mail" ? entry.sesMessageId : entry.id} entry={entry} />
            ))}
          </ol>
          <Write path={path} again={again} />
          <Assign change={change} />
        </>
      )}
    </>
  );
}

function Write({ path, again }: { path: string; again: () => void }) {
  const [text, setText] = useState("");
  const write = async (kind: "answers" | "notes", said: string, more: object = {}) => {
    if (text.trim() === "") throw new Error("Write something first.");
    await send("POST", `${path}/${kind}`, { text, ...more });
    setText("");
    again();
    return said;
  };
  return (
    <section class="card fields" aria-label="Answer">
      <label>
        Answer, or note that only you see
        <textarea value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class="buttons">
        <ActButton kind="main" act={() => write("answers", "will be sent")}>
          Send answer
        </ActButton>
        <ActButton act={() => write("answers", "will be sent; closed", { close: true })}>Send and close</ActButton>
        <ActButton act={() => write("notes", "noted")}>Keep as a note</ActButton>
      </p>
    </section>
  );
}

function Assign({ change }: { change: (what: object, said: string) => Promise<string> }) {
  const [assignee, setAssignee] = useState("");
  const [tag, setTag] = useState("");
  return (
    <section class="card fields" aria-label="Assignee and tags">
      <div class="pair">
        <div class="with-button">
          <label>
            Assignee
            <input type="text" value={assignee} onInput={(event) => setAssignee(event.currentTarget.value)} />
          </label>
          <ActButton
            act={() => change({ assignee: assignee.trim() || null }, assignee.trim() ? safe(assignee) : "nobody's")}
          >
            Assign
          </ActButton>
        </div>
        <div class="with-button">
          <label>
            Tag
            <input type="text" value={tag} onInput={(event) => setTag(event.currentTarget.value)} />
          </label>
          <ActButton act={() => change({ addTags: [tag.trim()] }, "added")}>Add</ActButton>
          <ActButton act={() => change({ removeTags: [tag.trim()] }, "removed")}>Remove</ActButton>
        </div>
      </div>
    </section>
  );
}
