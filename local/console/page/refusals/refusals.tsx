import type { Refusal } from "../../../store/engine-store.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { Facts } from "../show/facts.tsx";
import { count, safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";

interface RefusalsAnswer {
  readonly refusals: readonly (Refusal & { readonly id: number })[];
  readonly total: number;
}

/** Who was turned away, and why: where to look when a mail did not arrive. */
export function Refusals() {
  const { value, error } = useAnswer<RefusalsAnswer>("/refusals?limit=200");
  return (
    <>
      <h2>Refusals</h2>
      {error !== undefined && <Failed error={error} />}
      {value && value.refusals.length === 0 && (
        <Empty
          title="Nobody was refused"
          hint="A mail that is neither here nor among the messages never reached this machine. See how a refusal looks:"
          command="npx mailweir send --to someone@elsewhere.example"
        />
      )}
      {value && value.refusals.length > 0 && (
        <>
          <p class="meta">
            Turned away before 250: these mails are nowhere else. {count(value.total, "refusal")} so far; the newest{" "}
            {value.refusals.length} are shown.
          </p>
          <ul class="list">
            {value.refusals.map((refusal) => (
              <Row key={refusal.id} refusal={refusal} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Row({ refusal: { at, ip, helo, stage, from, recipient, reply, reason } }: { refusal: Refusal }) {
  return (
    <li>
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
        ]}
      />
    </li>
  );
}
