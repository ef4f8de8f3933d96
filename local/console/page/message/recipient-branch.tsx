import type { JourneyRecipient } from "../../journey.ts";
import { hrefOf } from "../shell/route.ts";
import { type Fact, Facts, lines } from "../show/facts.tsx";
import { Pill, toneOf } from "../show/pill.tsx";
import { safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";

/** One recipient's own way: what was decided and on what evidence, and what its stream's worker made of it. */
export function RecipientBranch({ entry }: { id: string; entry: JourneyRecipient }) {
  const { recipient, state, stream, decision, attempts, outcome, cause, duplicateOf, detail, updatedAt } = entry;
  const own: readonly Fact[] = Object.entries(detail);
  return (
    <section class={`card branch ${toneOf(state)}`}>
      <div class="head">
        <h3>{safe(recipient)}</h3>
        <Pill state={state} />
      </div>
      <div class="flow">
        <div>
          <h4>Decision</h4>
          {decision ? (
            <Facts
              of={[
                ["nature", `${decision.nature.kind}, ${Math.round(decision.nature.confidence * 100)} % sure`],
                ["evidence", lines(decision.nature.evidence, true)],
                ["safety", decision.safety.kind],
                ["because", lines(decision.safety.reasons)],
                ["trust", decision.trust],
                ["reasons", lines(decision.reasons)],
              ]}
            />
          ) : (
            <p class="meta">{state === "done" ? "None: its rules told the router nothing." : "Not yet."}</p>
          )}
        </div>
        <div>
          <h4>{stream === null ? "No stream" : `Stream ${stream}`}</h4>
          <Facts
            of={[
              ["outcome", outcome],
              ["cause", cause && <span class="bad">{safe(cause)}</span>],
              ["attempts", attempts > 0 && String(attempts)],
              ["duplicate of", duplicateOf && <a href={hrefOf("message", [duplicateOf])}>{duplicateOf}</a>],
              ...own,
              ["last change", <Time key="at" at={updatedAt} />],
            ]}
          />
          {state === "failed" && (
            <p>
              <a href={hrefOf("repair")}>Failed: try again once its cause is mended</a>
            </p>
          )}
          {state === "quarantined" && (
            <p>
              <a href={hrefOf("repair")}>Held: release it</a>
            </p>
          )}
        </div>
      </div>
    </section>
  );
}
