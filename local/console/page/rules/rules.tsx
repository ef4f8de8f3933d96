import type { Finding } from "../../../../shared/config/doctor/finding.ts";
import type { FindingsAnswer } from "../../findings-api.ts";
import type { RulesAnswer } from "../../streams-api.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { count, safe } from "../show/text.ts";
import { FindingItem } from "./finding-item.tsx";
import { Match } from "./match.tsx";
import { RuleCard } from "./rule-card.tsx";

/** The active set as a picture, with how often each rule acted and what the rule doctor finds, there where it is. */
export function Rules({ dns }: { dns: boolean }) {
  const { value, error } = useAnswer<RulesAnswer>("/rules");
  const { value: found, error: unfound } = useAnswer<FindingsAnswer>(`/findings${dns ? "?dns=1" : ""}`);
  const findings = found?.findings ?? [];
  const of = (rule: string) => findings.filter(({ at }) => at.includes(`"${rule}"`));
  const elsewhere = findings.filter((finding) => !value?.rules.some(({ rule }) => of(rule).includes(finding)));
  return (
    <>
      <h2>Rules</h2>
      {(error ?? unfound) !== undefined && <Failed error={error ?? unfound} />}
      <Match />
      {value && (
        <section aria-labelledby="set">
          <h3 id="set">{value.ruleSet === null ? "No rule set is active" : `Rule set ${safe(value.ruleSet)}`}</h3>
          {value.rules.length === 0 && (
            <Empty
              title="There is no rule"
              hint="Without an active rule set no mail is accepted. The configuration makes one:"
              command="npx mailweir check"
            />
          )}
          <ol class="path">
            {value.rules.map((rule) => (
              <RuleCard key={rule.rule} rule={rule} findings={of(rule.rule)} />
            ))}
          </ol>
        </section>
      )}
      {found && <Elsewhere findings={elsewhere} all={findings.length} rules={found.rules} dns={dns} />}
    </>
  );
}

function Elsewhere(props: { findings: readonly Finding[]; all: number; rules: number; dns: boolean }) {
  const { findings, all, rules, dns } = props;
  return (
    <section aria-labelledby="doctor">
      <h3 id="doctor">What the doctor says of the whole</h3>
      <p class="meta">
        {count(rules, "rule")} looked at, {count(all, "finding")}.{" "}
        <a href={hrefOf("rules", [], { dns: dns ? "" : "1" })}>{dns ? "Leave DNS out" : "Look up MX records too"}</a>
      </p>
      {all === 0 && (
        <Empty title="Nothing to say" hint="No rule is in another's way, and everything that they name is there." />
      )}
      <ul class="list">
        {findings.map((finding) => (
          <FindingItem key={`${finding.code} ${finding.at} ${finding.what}`} finding={finding} />
        ))}
      </ul>
    </section>
  );
}
