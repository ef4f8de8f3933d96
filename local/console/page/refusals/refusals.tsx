import type { Refusal } from "../../../store/engine-store.ts";
import { Empty } from "../show/empty.tsx";
import { Facts, lines } from "../show/facts.tsx";
import { PagedList } from "../show/paged-list.tsx";
import { count, safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";

interface RefusalsAnswer {
  readonly refusals: readonly (Refusal & { readonly id: number })[];
  readonly total: number;
  readonly next: number | null;
}

/** Who was turned away, and why: where to look when a mail did not arrive. */
export function Refusals() {
  return (
    <>
      <h2>Refusals</h2>
      <PagedList
        name="refusals"
        path="/refusals"
        cursor="before"
        items={({ refusals }: RefusalsAnswer) => refusals}
        keyOf={({ id }) => id}
        row={(refusal) => <Row refusal={refusal} />}
        empty={
          <Empty
            title="Nobody was refused"
            hint="A mail that is neither here nor among the messages never reached this machine. See how a refusal looks:"
            command="npx mailweir send --to someone@elsewhere.example"
          />
        }
        above={(_, { total }) => (
          <p class="meta">Turned away before 250: these mails are nowhere else. {count(total, "refusal")} so far.</p>
        )}
      />
    </>
  );
}

function Row({ refusal }: { refusal: Refusal }) {
  const { at, ip, helo, stage, from, recipient, recipients = [], moreRecipients = 0, reply, reason } = refusal;
  const named = moreRecipients > 0 ? [...recipients, `and ${moreRecipients} more`] : recipients;
  return (
    <div data-row tabIndex={-1}>
      <div class="head">
        <code class="smtp-reply">{safe(reply)}</code>
        <span class="meta">
          at {stage} · <Time at={at} />
        </span>
      </div>
      <p>{safe(reason)}</p>
      <Facts
        of={[
          ["client", `${ip}, calling itself ${helo || "nothing yet"}`],
          ["sender", from === undefined ? null : from || "<>"],
          ["recipient", recipient],
          [named.length === 1 ? "recipient" : "recipients", lines(named)],
        ]}
      />
    </div>
  );
}
