import { isVerifiedDomain } from "../../receipt/accept-recipient.ts";
import type { ResolvedConfig } from "../types.ts";
import type { DoctorFacts } from "./diagnose.ts";
import type { Finding } from "./finding.ts";

/** Every name that mail is received for and that needs MX records of its own: the domains, and subdomains that conditions name. */
export function receivingNames({ domains, ruleSet }: Pick<ResolvedConfig, "domains" | "ruleSet">): readonly string[] {
  const named = ruleSet.rules
    .filter(({ enabled }) => enabled)
    .flatMap(({ recipients }) => recipients)
    // ".example.com" names no subdomain.
    .flatMap((condition) => (condition.startsWith(".") ? [] : [condition.slice(condition.lastIndexOf("@") + 1)]))
    .filter((domain) => isVerifiedDomain(domain, domains));
  return [...new Set([...domains, ...named])];
}

/** Whether mail for the domains comes here, as far as DNS was asked; and what this machine's scanners cannot find. */
export function findDomains(
  config: Pick<ResolvedConfig, "domains" | "ruleSet" | "region" | "local">,
  mx: DoctorFacts["mx"],
): Finding[] {
  const { region, local } = config;
  const endpoint = `inbound-smtp.${region}.amazonaws.com`;
  const findings: Finding[] = [];
  for (const domain of mx === undefined ? [] : receivingNames(config)) {
    const answer = mx?.[domain];
    if (answer === undefined) continue;
    const at = `domains: ${domain}`;
    if ("unknown" in answer) {
      findings.push({
        code: "mx-unknown",
        severity: "note",
        at,
        what: `Its MX records could not be looked up (${answer.unknown}).`,
        why: "Whether its mail comes here is not known.",
        fix: "Check the network and local.dns, and try again.",
      });
    } else if (answer.length === 0) {
      findings.push({
        code: "mx-missing",
        severity: "warning",
        at,
        what: "It has no MX record.",
        why: "Senders then try the address of the domain itself, which is rarely the one that receives.",
        fix: `Publish for SES:  ${domain}. MX 10 ${endpoint}.   or the name of this machine.`,
      });
    } else if (answer.every((exchange) => exchange === "" || exchange === ".")) {
      // RFC 7505: a null MX.
      findings.push({
        code: "mx-elsewhere",
        severity: "note",
        at,
        what: "Its MX record says that it takes no mail at all.",
        why: "Senders give up without trying.",
        fix: `Publish for SES:  ${domain}. MX 10 ${endpoint}.   or the name of this machine.`,
      });
    } else if (!answer.some((exchange) => exchange.toLowerCase().replace(/\.$/, "") === endpoint)) {
      findings.push({
        code: "mx-elsewhere",
        severity: "note",
        at,
        what: `Its mail goes to ${answer.slice(0, 3).join(", ")}.`,
        why: `SES in ${region} receives at ${endpoint}.`,
        fix: "Nothing, if that name is this machine's.",
      });
    }
  }
  const tests = Object.entries(local.scanners).flatMap(([kind, { type }]) => (type === "test-string" ? [kind] : []));
  if (tests.length > 0) {
    findings.push({
      code: "test-scanner",
      severity: "note",
      at: `local.scanners.${tests.join(", local.scanners.")}`,
      what: `On this machine only test strings (GTUBE, EICAR) are found as ${tests.join(" and ")}.`,
      why: "Real spam and viruses get PASS.",
      fix: "Configure spamd, rspamd or clamd (docs/configuration.md).",
    });
  }
  return findings;
}
