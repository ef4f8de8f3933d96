import { isSynchronous } from "../../receipt/evaluate.ts";
import type { ReceiptRule } from "../../receipt/model.ts";
import type { ResolvedConfig } from "../types.ts";
import { conditionCovers, conditionsOf, overlapping } from "./cover.ts";
import type { Finding } from "./finding.ts";
import { placeOf, some } from "./place.ts";

/** Rules in each other's way: who never runs, who starves, who takes everything (ses-receiving.md §1.3, §2.2). */
export function findRuleOrder({ ruleSet, domains }: Pick<ResolvedConfig, "ruleSet" | "domains">): Finding[] {
  const findings: Finding[] = [];
  for (const [index, rule] of ruleSet.rules.entries()) {
    const at = placeOf(rule, index);
    if (!rule.enabled) {
      findings.push({
        code: "disabled-rule",
        severity: "note",
        at,
        what: "The rule is disabled.",
        why: "It neither runs nor makes its recipients acceptable.",
        fix: "Set enabled: true, or remove it.",
      });
      continue;
    }
    findings.push(...findEmptiness(rule, at));
    findings.push(...findObstacles(ruleSet.rules, index, rule, domains));
    findings.push(...findStarved(ruleSet.rules, index, rule, domains));
  }
  return findings;
}

function findEmptiness(rule: ReceiptRule, at: string): Finding[] {
  const findings: Finding[] = [];
  if (rule.recipients.length === 0) {
    findings.push({
      code: "catch-all",
      severity: "warning",
      at,
      what: "The rule has no recipient condition, so it takes every address.",
      why: "Mail for any name at every verified domain and subdomain is accepted, also of domains verified later: nobody hears that an address does not exist, and spam to invented ones comes in.",
      fix: "List addresses or domains in recipients; for a catch-all of one domain write that domain.",
    });
  }
  if (rule.actions.length === 0) {
    findings.push({
      code: "empty-rule",
      severity: "warning",
      at,
      what: "The rule has no actions.",
      why: "It makes its recipients acceptable: their senders hear 250, and the mail is kept nowhere unless another rule stores it.",
      fix: "Add an S3 action, or remove the rule.",
    });
  }
  return findings;
}

/** What earlier Stop actions leave of a rule. A Stop behind a synchronous Lambda may not be reached, so it is not counted. */
function findObstacles(
  rules: readonly ReceiptRule[],
  index: number,
  rule: ReceiptRule,
  domains: readonly string[],
): Finding[] {
  const stops = rules.slice(0, index).filter((earlier) => {
    // In clear a rule that requires TLS is skipped, and its Stop with it.
    const runsToo = earlier.tlsPolicy === "Optional" || rule.tlsPolicy === "Require";
    return earlier.enabled && hasStop(earlier) && !earlier.actions.some(isSynchronous) && runsToo;
  });
  const conditions = conditionsOf(rule, domains);
  const blocked = conditions.filter((condition) =>
    stops.some((stop) => conditionsOf(stop, domains).some((outer) => conditionCovers(outer, condition))),
  );
  if (blocked.length === 0) return [];
  const by = stops
    .filter((stop) => overlapping(conditionsOf(stop, domains), blocked).length > 0)
    .map((stop) => `"${stop.name}"`);
  const whole = blocked.length === conditions.length;
  return [
    {
      code: whole ? "unreachable-rule" : "shadowed-rule",
      severity: "warning",
      at: placeOf(rule, index),
      what: whole ? "The rule never runs." : `The rule never runs for ${some(blocked)}.`,
      why: `The Stop of rule ${some(by)} ends the set before it for every recipient that ${whole ? "it" : "these conditions"} could match.`,
      fix: `Move it in front of rule ${some(by)}, or narrow the recipients of one of them.`,
    },
  ];
}

/** A Stop ends the set for all recipients of the message, also for those that its own rule does not match. */
function findStarved(
  rules: readonly ReceiptRule[],
  index: number,
  rule: ReceiptRule,
  domains: readonly string[],
): Finding[] {
  if (!hasStop(rule)) return [];
  const taken = conditionsOf(rule, domains);
  const starved = rules.slice(index + 1).filter((later) => {
    const others = conditionsOf(later, domains);
    return later.enabled && !others.every((inner) => taken.some((outer) => conditionCovers(outer, inner)));
  });
  if (starved.length === 0) return [];
  const names = starved.map((later) => `"${later.name}"`);
  return [
    {
      code: "stop-starves",
      severity: "warning",
      at: placeOf(rule, index, rule.actions.length - 1),
      what: `Its Stop ends the set for all recipients of a message, so rule ${some(names)} misses mail that is also addressed to ${some(taken)}.`,
      why: "A sender who writes to both addresses in one message gets 250 for both, and the second never sees it.",
      fix: `Store first, for all recipients, in a rule in front of this one; or move rule ${some(names)} in front of it.`,
    },
  ];
}

function hasStop(rule: ReceiptRule): boolean {
  return rule.actions.some((action) => action.type === "Stop");
}
