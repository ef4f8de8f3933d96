import type { Account, AccountIdentity, Allowance, Looked } from "../../adopt/account.ts";
import { isVerifiedDomain } from "../../receipt/accept-recipient.ts";
import { limits } from "../../receipt/limits.ts";
import type { ReceiptRule } from "../../receipt/model.ts";
import type { ResolvedConfig } from "../types.ts";
import type { Finding } from "./finding.ts";
import { some } from "./place.ts";

/** Whether the account lets this configuration receive: which set is active, which domains are verified, room for one more set. */
export function findAccount(
  { ruleSet, domains, region, aws }: Pick<ResolvedConfig, "ruleSet" | "domains" | "region" | "aws">,
  account: Account,
): Finding[] {
  const findings: Finding[] = [];
  const { activeName, ruleSetNames, identities } = account;
  const at = `aws ${account.region}`;
  if (account.region !== region) {
    findings.push({
      code: "wrong-region",
      severity: "error",
      at,
      what: `The account was looked at in ${account.region}, but the configuration receives in ${region}.`,
      why: "Rule sets, identities and filters of one region mean nothing in another.",
      fix: `Name the same in both: region: "${account.region}", or --region ${region}.`,
    });
  }
  if (activeName !== undefined && activeName !== ruleSet.name) {
    const stage = /^mailweir-([a-z][a-z0-9-]*)$/.exec(activeName)?.[1];
    findings.push({
      code: "another-set-active",
      severity: "warning",
      at,
      what:
        stage === undefined
          ? `Rule set "${activeName}" is active, not "${ruleSet.name}".`
          : `Rule set "${activeName}" of stage ${stage} is active, not "${ruleSet.name}".`,
      why: "A region of an account has one active set: activating this one takes the mail away from the other, without a word.",
      fix: "Give each stage a region or an account of its own, or let one set serve both; docs/import.md brings the other one's rules here.",
    });
  }
  if (!ruleSetNames.includes(ruleSet.name) && ruleSetNames.length >= limits.ruleSets) {
    findings.push({
      code: "over-quota",
      severity: "error",
      at,
      what: `The account has ${ruleSetNames.length} rule sets, and SES takes ${limits.ruleSets}.`,
      why: "The quota cannot be raised: the set of this configuration cannot be made.",
      fix: "Delete sets that nobody needs.",
    });
  }
  const verified = identities.filter(({ status }) => status === "Success").map(({ name }) => name);
  for (const domain of domains) {
    if (isVerifiedDomain(domain, verified)) continue;
    findings.push(unverified(domain, identities, at, aws.identities === "create"));
  }
  return findings;
}

function unverified(domain: string, identities: readonly AccountIdentity[], at: string, created: boolean): Finding {
  const identity = identities.find(({ name }) => name.toLowerCase() === domain);
  const absent = identity === undefined && created;
  return {
    code: "unverified-domain",
    severity: absent ? "warning" : "error",
    at: `${at}: ${domain}`,
    what: identity ? `The domain is not verified: ${identity.status}.` : "The domain is no identity of the account.",
    why: absent
      ? "The deployment makes it; until its DNS records are published, SES refuses all of its mail at RCPT TO."
      : "SES refuses all of its mail at RCPT TO, whatever the rules say.",
    fix: "Publish the DNS records that SES shows for it (Easy DKIM), and wait until it says Success.",
  };
}

/**
 * What the account's own rule set cannot do, because a target is not there or its policy keeps SES out. SES tries targets
 * when a rule is made, not when one is changed later: then mail is lost after four hours of retries.
 */
export function findAccountTargets(account: Account): Finding[] {
  const rules = account.ruleSet?.rules ?? [];
  return [
    ...each(account.buckets, (name) => (action) => action.type === "S3" && action.bucketName === name, "bucket"),
    ...each(account.keys, (arn) => (action) => action.type === "S3" && action.kmsKeyArn === arn, "key"),
    ...each(account.topics, (arn) => (action) => "topicArn" in action && action.topicArn === arn, "topic"),
    ...each(account.functions, (arn) => (action) => action.type === "Lambda" && action.functionArn === arn, "function"),
  ];

  function each<Facts extends { readonly allowsSes: Allowance }>(
    of: Readonly<Record<string, Looked<Facts>>>,
    uses: (name: string) => (action: ReceiptRule["actions"][number]) => boolean,
    kind: keyof typeof permissions,
  ): Finding[] {
    return Object.entries(of).flatMap(([name, looked]) => {
      const users = rules.filter(({ actions }) => actions.some(uses(name))).map((rule) => `"${rule.name}"`);
      return findTarget(`aws ${account.region}: ${name}`, kind, looked, `rule ${some(users)}`);
    });
  }
}

const permissions = {
  bucket: "s3:PutObject in the bucket's policy",
  key: "kms:GenerateDataKey* in the key's policy",
  topic: "SNS:Publish in the topic's policy",
  function: "lambda:InvokeFunction in the function's resource policy",
} as const;

function findTarget(
  at: string,
  kind: keyof typeof permissions,
  looked: Looked<{ readonly allowsSes: Allowance; readonly locksByDefault?: boolean; readonly enabled?: boolean }>,
  users: string,
): Finding[] {
  const lost = "Each attempt fails, and after four hours SES gives up, without telling the sender.";
  if (looked.kind === "missing") {
    return [
      {
        code: "missing-target",
        severity: "error",
        at,
        what: `There is no such ${kind}, but ${users} names it.`,
        why: lost,
        fix: `Make the ${kind}, or change the rule.`,
      },
    ];
  }
  if (looked.kind === "unknown") {
    return [
      {
        code: "target-unknown",
        severity: "note",
        at,
        what: `The ${kind} could not be looked at: ${looked.reason}.`,
        why: `Whether ${users} may use it is not known.`,
        fix: "docs/import.md lists the permissions that the look needs.",
      },
    ];
  }
  const findings: Finding[] = [];
  if (looked.allowsSes === "no") {
    findings.push({
      code: "missing-permission",
      severity: "error",
      at,
      what: `Its policy does not let SES use it for ${users}.`,
      why: lost,
      fix: `Allow ses.amazonaws.com ${permissions[kind]}, for this account and the rule's ARN.`,
    });
  }
  if (looked.locksByDefault || looked.enabled === false) {
    findings.push({
      code: "target-unusable",
      severity: "error",
      at,
      what:
        looked.enabled === false ? "The key is disabled." : "The bucket locks every object by default (Object Lock).",
      why: `SES cannot ${looked.enabled === false ? "encrypt with" : "write to"} it for ${users}. ${lost}`,
      fix: looked.enabled === false ? "Enable it, or name another." : "Name a bucket without default retention.",
    });
  }
  return findings;
}
