import type { JourneyAction, JourneyRule } from "../../journey.ts";
import { Pill, toneOf } from "../show/pill.tsx";
import { count, safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";
import { Step } from "./step.tsx";

const fates = {
  runs: "matched",
  "no-match": "did not match",
  disabled: "disabled",
  tls: "needs TLS",
  stopped: "not reached",
  waiting: "waiting",
} as const;

/** One rule of the set as it was at receipt: why it did or did not match, and what its actions did. */
export function RuleStep({ rule: { rule, fate, reason, perRecipient, actions } }: { rule: JourneyRule }) {
  const failed = actions.some((action) => action.fate === "failed");
  return (
    <Step
      tone={failed ? "bad" : toneOf(fate)}
      title={`Rule ${safe(rule)}`}
      badge={<Pill state={fate} text={fates[fate]} />}
    >
      <p class="meta">{safe(reason)}</p>
      <details open={fate === "no-match"}>
        <summary>Why, for {count(perRecipient.length, "recipient")}</summary>
        <ul class="plain">
          {perRecipient.map((entry) => (
            <li key={entry.recipient}>
              <b>{safe(entry.recipient)}</b>
              {entry.matches ? " matches: " : ": no: "}
              {safe(entry.reason)}
            </li>
          ))}
        </ul>
      </details>
      {fate !== "no-match" && fate !== "disabled" && (
        <ol class="actions">
          {actions.map((action) => (
            <Action key={action.actionIndex} action={action} />
          ))}
        </ol>
      )}
    </Step>
  );
}

function Action({ action: { type, target, fate, reason, log } }: { action: JourneyAction }) {
  const repeats = reason === "" || log?.result.includes(reason.replace(/^it /, ""));
  return (
    <li>
      <div class="head">
        <b>{type}</b>
        <Pill state={fate} />
        <code>{safe(target)}</code>
      </div>
      {log && (
        <div class="meta">
          {safe(log.result)} · <Time at={log.startedAt} />, {log.durationMs} ms
          {log.attempts > 1 && `, ${log.attempts} attempts`}
        </div>
      )}
      {log && log.metrics.PublishFailure > 0 && (
        <div class="meta">
          PublishFailure {log.metrics.PublishFailure}
          {log.metrics.PublishExpired > 0 && ", PublishExpired 1: given up"}
        </div>
      )}
      {log?.dueAt && (
        <div class="meta">
          tried again at <Time at={log.dueAt} />
        </div>
      )}
      {!repeats && <div class="meta">{safe(reason)}</div>}
    </li>
  );
}
