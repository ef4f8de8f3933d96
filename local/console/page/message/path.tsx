import type { Journey } from "../../journey.ts";
import { Outgoing } from "../outbox/outgoing.tsx";
import { Facts, Lines } from "../show/facts.tsx";
import { Pill, toneOf } from "../show/pill.tsx";
import { bytes, count, safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";
import { RecipientBranch } from "./recipient-branch.tsx";
import { RuleStep } from "./rule-step.tsx";
import { Step } from "./step.tsx";

/** Every station with what was found there and why, from the connection to the workers. */
export function Path({ journey }: { journey: Journey }) {
  const { rules, ruleSet, recipients, outgoing, propagations } = journey;
  return (
    <ol class="path" aria-label="Journey">
      <Connection journey={journey} />
      <Verification found={journey.verification} />
      {ruleSet === null && (
        <Step tone="off" title="Rules" badge="none">
          <p>No rule set was active when this message arrived.</p>
        </Step>
      )}
      {rules.map((rule) => (
        <RuleStep key={rule.ruleIndex} rule={rule} />
      ))}
      <li class="step fork">
        {recipients.map((recipient) => (
          <RecipientBranch key={recipient.recipient} id={journey.sesMessageId} entry={recipient} />
        ))}
      </li>
      {outgoing.length > 0 && (
        <Step tone={outgoing.some(({ state }) => state === "failed") ? "bad" : "good"} title="Mail that it caused">
          <p class="meta">Sent at least once, always with the same Message-ID.</p>
          {outgoing.map((entry) => (
            <Outgoing key={entry.number} entry={entry} />
          ))}
        </Step>
      )}
      {propagations.length > 0 && (
        <Step tone={propagations.some(({ state }) => state === "failed") ? "bad" : "good"} title="Who was told of it">
          <p class="meta">Told at least once, always with the same id.</p>
          {propagations.map((told) => (
            <Propagation key={`${told.change} ${told.target}`} told={told} />
          ))}
        </Step>
      )}
    </ol>
  );
}

function Propagation({ told }: { told: Journey["propagations"][number] }) {
  const { target, change, state, attempts, cause, dueAt } = told;
  return (
    <p>
      {target} <Pill state={state} />{" "}
      <span class="meta">
        {[change, count(attempts, "attempt"), cause].filter(Boolean).join("; ")}
        {dueAt !== undefined && (
          <>
            ; again at <Time at={dueAt} />
          </>
        )}
      </span>
    </p>
  );
}

function Connection({ journey }: { journey: Journey }) {
  const { envelope, sizeBytes, receivedAt } = journey;
  const { ip, rdns, helo, tls, injected } = journey.connection;
  return (
    <Step tone="good" title="Connection" badge={<Pill state="done" text="250 accepted" />}>
      <Facts
        of={[
          ["from", `${ip}${rdns === undefined ? "" : ` (${rdns})`}, calling itself ${helo}`],
          [
            "by hand",
            injected &&
              `${injected.by}: not over SMTP${injected.results ? "; its check results were given with it" : ""}`,
          ],
          ["TLS", tls ? `${tls.protocol}, ${tls.cipher}` : "none: it came in clear"],
          ["received", <Time key="at" at={receivedAt} />],
          ["envelope sender", envelope.from || "<> (the null sender: a report, never to be answered)"],
          ["recipients", <Lines key="to" of={envelope.to} />],
          ["size", bytes(sizeBytes)],
        ]}
      />
    </Step>
  );
}

/** SES has no verdict for it: what a forwarder sealed is shown, and nothing follows from it. */
const arcSays = { pass: "the seals of its forwarders hold", fail: "the seals of its forwarders do not hold" };

function Verification({ found }: { found: Journey["verification"] }) {
  if (found === null) {
    return <Step tone="wait" title="Authentication and scan" badge={<Pill state="pending" text="under way" />} />;
  }
  const { authentication, verdicts, scanDetail } = found;
  const { spf, dkim, dmarc, arc } = authentication;
  const signatures = dkim.map(
    (entry) => `${entry.result} by ${entry.domain || "nobody"}${entry.aligned ? ", aligned" : ""}`,
  );
  const policy = dmarc.policy === undefined ? "" : `, policy ${dmarc.policy}`;
  const rows: readonly (readonly [name: string, verdict: string, text: string])[] = [
    ["SPF", verdicts.spf, `${spf.result} for ${spf.domain || "no domain"}`],
    ["DKIM", verdicts.dkim, signatures.join("; ") || "not signed"],
    ["DMARC", verdicts.dmarc, `${dmarc.result} for ${dmarc.domain || "no author domain"}${policy}`],
    ...(arc && arc.result !== "none" ? ([["ARC", arc.result.toUpperCase(), arcSays[arc.result]]] as const) : []),
    ["Spam", verdicts.spam, scanDetail.spam],
    ["Virus", verdicts.virus, scanDetail.virus],
  ];
  const bad = [verdicts.spam, verdicts.virus, verdicts.dmarc].includes("FAIL");
  return (
    <Step tone={bad ? "bad" : "good"} title="Authentication and scan">
      <table class="verdicts">
        <caption class="unseen">Verdicts</caption>
        <tbody>
          {rows.map(([name, verdict, text]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <Pill state={verdict} tone={toneOf(verdict)} />
              </td>
              <td>{safe(text)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Step>
  );
}
