import type { Journey, JourneyRecipient } from "../../journey.ts";
import { type Tone, toneOf } from "../show/pill.tsx";
import { count, safe } from "../show/text.ts";

interface Stop {
  readonly title: string;
  readonly says: string;
  readonly tone: Tone;
}

/** The whole way in one look: the trunk that all recipients share, and a branch for each of them. Details stand below. */
export function Course({ journey }: { journey: Journey }) {
  const shown = journey.recipients.slice(0, 12);
  const more = journey.recipients.length - shown.length;
  return (
    <div class="course" role="img" aria-label={spoken(journey)}>
      <ol class="trunk">
        {trunk(journey).map((stop) => (
          <Node key={stop.title} {...stop} />
        ))}
      </ol>
      <ul class="branches">
        {shown.map((recipient) => (
          <li key={recipient.recipient}>
            <ol>
              {branch(recipient).map((stop) => (
                <Node key={stop.title} {...stop} />
              ))}
            </ol>
          </li>
        ))}
        {more > 0 && <li class="meta">and {more} more below</li>}
      </ul>
    </div>
  );
}

function Node({ title, says, tone }: Stop) {
  // An address is broken at its @ first.
  const text = safe(says);
  const at = text.lastIndexOf("@");
  return (
    <li class={`node ${tone}`}>
      <b class={longestWord(says) > 16 ? "long" : undefined}>
        {text.slice(0, Math.max(0, at))}
        {at > 0 && <wbr />}
        {text.slice(Math.max(0, at))}
      </b>
      <span>{safe(title)}</span>
    </li>
  );
}

/** What fits into a column whole is never broken inside; an address or a name that does not is. */
const longestWord = (text: string) => Math.max(...text.split(/[\s-]/).map(({ length }) => length));

const checks = ["spf", "dkim", "dmarc", "spam", "virus"] as const;

function trunk({ connection, verification, rules, ruleSet }: Journey): readonly Stop[] {
  const matched = rules.filter(({ fate }) => fate === "runs");
  const broken = matched.some(({ actions }) => actions.some(({ fate }) => fate === "failed"));
  const failed = verification ? checks.filter((check) => verification.verdicts[check] === "FAIL") : [];
  const grave = failed.some((check) => check !== "spf" && check !== "dkim");
  return [
    { title: "accepted", says: connection.ip, tone: "good" },
    verification === null
      ? { title: "checks", says: "under way", tone: "wait" }
      : {
          title: "checks",
          says: failed.length > 0 ? `${failed.join(", ")} failed` : "nothing failed",
          tone: grave ? "bad" : failed.length > 0 ? "wait" : "good",
        },
    {
      title: "rules",
      says: ruleSet === null ? "no rule set" : `${matched.length} of ${rules.length} ran`,
      tone: broken ? "bad" : matched.length > 0 ? "good" : "off",
    },
  ];
}

function branch({ recipient, decision, stream, state, outcome }: JourneyRecipient): readonly Stop[] {
  return [
    { title: "recipient", says: recipient, tone: "good" },
    {
      title: "nature",
      says: decision?.nature.kind ?? (state === "done" ? "not asked" : "not yet"),
      // What is unsafe about it stands with the checks and at the end: that somebody wrote it is no failure.
      tone: decision ? "good" : "off",
    },
    { title: "stream", says: stream ?? "none", tone: stream === null ? "off" : "good" },
    {
      title: outcome === null || outcome === state ? "end" : state,
      says: outcome ?? state,
      tone: stream === null && state === "done" ? "off" : toneOf(state),
    },
  ];
}

/** The drawing in a sentence; all of it stands in the list below it. */
function spoken(journey: Journey): string {
  const ways = journey.recipients
    .slice(0, 12)
    .map(({ recipient, stream, state, outcome }) => `${recipient} to ${stream ?? "no stream"}: ${outcome ?? state}`);
  return `The way of this message, ${count(journey.recipients.length, "recipient")}. ${ways.map(safe).join("; ")}`;
}
