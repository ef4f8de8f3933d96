import type { OutboxEntry } from "../../../store/outbox-entries.ts";
import { send } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { ActButton } from "../show/act-button.tsx";
import { Facts } from "../show/facts.tsx";
import { Pill } from "../show/pill.tsx";
import { count, safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";

/** One mail that leaves, in the list and in the journey of the mail that caused it. */
export function Outgoing({ entry }: { entry: OutboxEntry }) {
  const { number, kind, about, envelopeSender, messageId, state, attempts, dueAt, cause, recipients } = entry;
  return (
    <div>
      <div class="head">
        <b>
          {kind} {number}
        </b>
        <Pill state={state} />
        <span class="meta">
          <Time at={entry.createdAt} />
        </span>
      </div>
      <Facts
        of={[
          ["envelope sender", envelopeSender || "<>"],
          ["Message-ID", messageId],
          [
            "recipients",
            <ul class="plain" key="to">
              {recipients.map((to) => (
                <li key={to.recipient}>
                  {safe(to.recipient)} <Pill state={to.state} /> {safe(to.reply)}
                </li>
              ))}
            </ul>,
          ],
          ["cause", cause],
          ["attempts", attempts > 0 && count(attempts, "attempt")],
          ["tried again", dueAt && <Time at={dueAt} />],
          ["answers", about && <a href={hrefOf("message", [about])}>{about}</a>],
        ]}
      />
      <p class="buttons">
        <a href={`/api/outbox/${number}/raw`}>as written</a>
        {(state === "failed" || state === "kept") && (
          <ActButton act={() => retry(number)} label={`Send ${kind} ${number}`}>
            Send
          </ActButton>
        )}
      </p>
    </div>
  );
}

async function retry(number: number): Promise<string> {
  const { kind } = await send<{ kind: string }>("POST", `/outbox/${number}/retry`);
  return kind === "waiting" ? "will be sent" : "every recipient has it";
}
