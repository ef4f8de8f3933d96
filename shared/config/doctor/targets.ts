import { parseMailAddress } from "../../mail/address.ts";
import { isVerifiedDomain } from "../../receipt/accept-recipient.ts";
import type { ReceiptAction, ReceiptRule } from "../../receipt/model.ts";
import { deriveLocalTopology } from "../local-topology.ts";
import { receivingRegions } from "../regions.ts";
import { findTopic } from "../topology.ts";
import type { ResolvedConfig } from "../types.ts";
import type { DoctorFacts } from "./diagnose.ts";
import type { Finding } from "./finding.ts";
import { placeOf, some } from "./place.ts";

/** What rules name and what is not there: functions, topics, files, verified identities, the right region. */
export function findTargets(config: ResolvedConfig, missingFiles: DoctorFacts["missingFiles"]): Finding[] {
  const topology = deriveLocalTopology(config);
  const functions = new Set([
    ...topology.functions.map(({ arn }) => arn),
    ...Object.keys(config.local.functions).flatMap((name) => [name, config.names.functionArn(name)]),
  ]);
  const findings: Finding[] = [];
  for (const [ruleIndex, rule] of config.ruleSet.rules.entries()) {
    findings.push(...findUnverified(config, rule, ruleIndex));
    for (const [actionIndex, action] of rule.actions.entries()) {
      const at = placeOf(rule, ruleIndex, actionIndex);
      for (const arn of regionalArns(action)) {
        const region = arn.split(":")[3];
        if (region === "" || region === undefined || region === config.region) continue;
        findings.push({
          code: "wrong-region",
          severity: "error",
          at,
          what: `${arn} is in ${region}, but the mail is received in ${config.region}.`,
          why: "Everything that a rule names, except the S3 bucket, must be in the region that receives; SES refuses the rule.",
          fix: `Name a target in ${config.region}.`,
        });
      }
      if (action.type === "Lambda" && !isKnown(functions, action.functionArn)) {
        findings.push({
          code: "unknown-function",
          severity: "error",
          at,
          what: `No function is known as ${action.functionArn}.`,
          why: "On this machine every call fails and is tried again for four hours; a synchronous one holds the message back so long.",
          fix: `Add it to local.functions: { ${JSON.stringify(action.functionArn.split(":")[6] ?? action.functionArn)}: "./path/to/module.ts" }.`,
        });
      }
      for (const topicArn of topicsOf(action)) {
        if (findTopic(topology.topics, topicArn)) continue;
        findings.push({
          code: "unknown-topic",
          severity: "error",
          at,
          what: `No topic is known as ${topicArn}.`,
          why: "On this machine the action fails, is tried again for four hours, and is then given up with the rest of its rule.",
          fix: `Name it in local.topics, or use one that is known: ${some(topology.topics.map(({ arn }) => arn))}.`,
        });
      }
    }
  }
  if (!receivingRegions.some((region) => region === config.region)) {
    findings.push({
      code: "region-without-receiving",
      severity: "error",
      at: "region",
      what: `SES does not receive mail in ${config.region}.`,
      why: "There is no endpoint for an MX record to point to.",
      fix: `Choose one of ${receivingRegions.join(", ")}.`,
    });
  }
  for (const { at, path } of missingFiles) {
    findings.push({
      code: "missing-file",
      severity: "error",
      at,
      what: `${path} cannot be read.`,
      why: "The engine does not start, or the function it names fails at every call.",
      fix: "Correct the path; it is relative to the folder in which the engine is started.",
    });
  }
  return findings;
}

/** An ARN names the account it came from; the name in it counts here. */
function isKnown(functions: ReadonlySet<string>, arn: string): boolean {
  return functions.has(arn) || functions.has(arn.split(":")[6] ?? "");
}

function findUnverified({ domains }: ResolvedConfig, rule: ReceiptRule, ruleIndex: number): Finding[] {
  const findings: Finding[] = [];
  const unverified = rule.recipients.filter(
    (condition) => !isVerifiedDomain(condition.slice(condition.lastIndexOf("@") + 1).replace(/^\./, ""), domains),
  );
  if (unverified.length > 0) {
    findings.push({
      code: "unverified-condition",
      severity: "error",
      at: placeOf(rule, ruleIndex),
      what: `${some(unverified)} ${unverified.length === 1 ? "is" : "are"} not under a verified domain.`,
      why: "SES refuses mail for unverified domains at RCPT TO, whatever the rules say.",
      fix: `Add the domain to domains (now ${some(domains)}), and verify it with SES.`,
    });
  }
  for (const [actionIndex, action] of rule.actions.entries()) {
    if (action.type !== "Bounce") continue;
    const domain = parseMailAddress(action.sender)?.domain;
    if (domain !== undefined && isVerifiedDomain(domain, domains)) continue;
    findings.push({
      code: "unverified-sender",
      severity: "error",
      at: placeOf(rule, ruleIndex, actionIndex),
      what: `The bounce's sender ${action.sender} is at no verified domain.`,
      why: "SES refuses the rule: Identity is not verified.",
      fix: `Use an address at ${some(domains)}.`,
    });
  }
  return findings;
}

function topicsOf(action: ReceiptAction): string[] {
  return "topicArn" in action && action.topicArn !== undefined ? [action.topicArn] : [];
}

function regionalArns(action: ReceiptAction): string[] {
  const others = [
    action.type === "Lambda" ? action.functionArn : undefined,
    action.type === "S3" ? action.kmsKeyArn : undefined,
    action.type === "WorkMail" ? action.organizationArn : undefined,
    action.type === "Connect" ? action.instanceArn : undefined,
  ];
  return [...topicsOf(action), ...others.filter((arn) => arn !== undefined)].filter((arn) => arn.startsWith("arn:"));
}
