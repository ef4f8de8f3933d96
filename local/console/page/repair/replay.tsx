import { useState } from "preact/hooks";
import type { ReplayAnswer } from "../../replay-api.ts";
import { send, wordsOf } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { Pill } from "../show/pill.tsx";
import { safe, subjectOf } from "../show/text.ts";

const stages = [
  ["raw", "raw: check authentication and scan anew"],
  ["parse", "parse: find out anew what it is"],
  ["decide", "decide: find out anew where it goes"],
  ["work", "work: run its stream's worker again"],
] as const;

/** Which messages: by id, or those that a search finds. */
export type ReplayWhat = { readonly messages: readonly string[] } | { readonly q: string };

/** Replay, always looked at first: a dry run tells what would be different from the record, and only then it can be applied. */
export function Replay({ what, first = "decide" }: { what: ReplayWhat; first?: (typeof stages)[number][0] }) {
  const [from, setFrom] = useState<string>(first);
  const [plan, setPlan] = useState<ReplayAnswer>();
  const [said, setSaid] = useState({ text: "", bad: false });
  const ask = async (dryRun: boolean) => {
    setSaid({ text: dryRun ? "looking…" : "replaying…", bad: false });
    try {
      const answer = await send<ReplayAnswer>("POST", "/replay", { from, ...what, ...(dryRun && { dryRun }) });
      setPlan(answer);
      const errors = answer.messages.filter(({ error }) => error !== null).length;
      setSaid(
        dryRun
          ? { text: "", bad: false }
          : {
              text: `${answer.messages.length - errors} replayed${errors > 0 ? `, ${errors} not` : ""}`,
              bad: errors > 0,
            },
      );
    } catch (error) {
      setSaid({ text: wordsOf(error), bad: true });
    }
  };
  return (
    <div class="replay">
      <p class="buttons">
        <label class="inline">
          <span class="unseen">Replay from</span>
          <select
            value={from}
            onChange={(event) => {
              setFrom(event.currentTarget.value);
              setPlan(undefined);
            }}
          >
            {stages.map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => ask(true)}>
          Dry run
        </button>
        {plan?.dryRun && plan.messages.length > 0 && (
          <button type="button" class="main" onClick={() => ask(false)}>
            Apply to {plan.messages.length}
          </button>
        )}
        <span class={said.bad ? "said bad" : "said"} role="status">
          {said.text}
        </span>
      </p>
      {plan && <Plan plan={plan} />}
    </div>
  );
}

function Plan({ plan }: { plan: ReplayAnswer }) {
  if (plan.messages.length === 0) return <p class="meta">No message is found: there is nothing to replay.</p>;
  return (
    <ul class="list plan">
      {plan.messages.map((message) => (
        <li key={message.sesMessageId}>
          <a href={hrefOf("message", [message.sesMessageId])}>{subjectOf(message.subject)}</a>
          {message.error !== null && <p class="bad">{safe(message.error)}</p>}
          {message.verdicts.map((change) => (
            <Change key={change.what} {...change} />
          ))}
          {message.recipients.map(({ recipient, changes, stream, blocked }) => (
            <div key={recipient} class="head">
              <b>{safe(recipient)}</b>
              <span>to {stream ?? "no stream"}</span>
              {blocked !== null && <span class="bad">{safe(blocked)}</span>}
              {blocked === null && changes.length === 0 && <Pill state="off" tone="off" text="as recorded" />}
              {changes.map((change) => (
                <Change key={change.what} {...change} />
              ))}
            </div>
          ))}
        </li>
      ))}
    </ul>
  );
}

function Change({ what, recorded, replayed }: { what: string; recorded: string; replayed: string }) {
  return (
    <div class="change">
      <span class="meta">{what}</span> <del>{safe(recorded) || "none"}</del> → <ins>{safe(replayed) || "none"}</ins>
    </div>
  );
}
