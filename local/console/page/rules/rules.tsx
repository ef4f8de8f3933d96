import type { FindingsAnswer } from "../../findings-api.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { Facts } from "../show/facts.tsx";
import { Pill } from "../show/pill.tsx";
import { count, safe } from "../show/text.ts";

const tones = { error: "bad", warning: "wait", note: "off" } as const;

/** The active rule set, and what the rule doctor finds in it: rules that never run, mail that goes nowhere. */
export function Rules({ dns }: { dns: boolean }) {
  const { value, error } = useAnswer<FindingsAnswer>(`/findings${dns ? "?dns=1" : ""}`);
  return (
    <>
      <h2>Rules</h2>
      {error !== undefined && <Failed error={error} />}
      {value && (
        <>
          <p class="meta">
            {count(value.rules, "rule")} of "{safe(value.ruleSet ?? "no set")}" looked at.{" "}
            <a href={hrefOf("rules", [], { dns: dns ? "" : "1" })}>
              {dns ? "Leave DNS out" : "Look up MX records too"}
            </a>
          </p>
          {value.findings.length === 0 && (
            <Empty title="Nothing to say" hint="No rule is in another's way, and everything that they name is there." />
          )}
          <ul class="list">
            {value.findings.map((finding) => (
              <li key={`${finding.code} ${finding.at} ${finding.what}`}>
                <div class="head">
                  <Pill state={finding.severity} tone={tones[finding.severity]} />
                  <code>{finding.code}</code>
                  <span class="meta">{safe(finding.at)}</span>
                </div>
                <p>{safe(finding.what)}</p>
                <Facts
                  of={[
                    ["why", finding.why],
                    ["fix", finding.fix],
                  ]}
                />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
