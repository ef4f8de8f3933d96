import { namedSecrets } from "../../shared/config/named-secrets.ts";
import type { ResolvedConfig, SecretSource } from "../../shared/config/types.ts";
import { limits } from "../../shared/receipt/limits.ts";
import { planActivation } from "../../shared/receipt/plan-activation.ts";
import { describeShortened, type Shortened } from "../../shared/retention/shortened.ts";

/** Something that AWS was asked, or why it could not be. */
export type Known<Value> = { readonly known: Value } | { readonly unknown: string };

/** What is there before anything is created. Gathered by gather-facts.ts. */
export interface PreflightFacts {
  readonly accountId: string;
  /** CloudFormation's word for the stack's state; null when there is none. */
  readonly stack: Known<string | null>;
  readonly sending: Known<{
    readonly production: boolean;
    readonly enabled: boolean;
    readonly perDay: number;
    readonly perSecond: number;
  }>;
  /** By domain; null when SES does not know it. */
  readonly identities: Readonly<Record<string, Known<{ readonly verified: boolean } | null>>>;
  readonly activeRuleSet: Known<string | null>;
  readonly ruleSets: Known<readonly string[]>;
  readonly filters: Known<readonly string[]>;
  readonly concurrency: Known<{ readonly total: number; readonly unreserved: number }>;
  /** Names of what an earlier deployment of this stage left, where the stack is new. */
  readonly leftBehind: {
    readonly bucket: Known<boolean>;
    readonly tokenSecret: Known<boolean>;
  };
  /** ARNs and names that own rules use and that are not made here, and whether they are there. */
  readonly targets: Readonly<Record<string, Known<boolean>>>;
  /** After how many days the bucket deletes mail by its lifecycle; `Infinity`: never; null: there is no bucket. */
  readonly deletesMailAfterDays: Known<number | null>;
  /** What a shorter retention would delete of what is stored; null: nothing. */
  readonly shortens: Known<Shortened | null>;
  /** Secrets that the configuration names, by `secretName`, and whether they are there. */
  readonly secrets: Readonly<Record<string, Known<boolean>>>;
  readonly mx: Readonly<Record<string, Known<readonly string[]>>>;
}

export interface PreflightFinding {
  readonly code: PreflightCode;
  /** `error`: nothing is created. */
  readonly severity: "error" | "warning" | "note";
  readonly at: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export type PreflightCode =
  | "stack-busy"
  | "stack-stuck"
  | "sandbox"
  | "sending-off"
  | "sending-slow"
  | "identity-exists"
  | "identity-missing"
  | "identity-unverified"
  | "bounce-sender-unverified"
  | "active-set"
  | "too-many-rule-sets"
  | "too-many-filters"
  | "filters-of-others"
  | "little-concurrency"
  | "left-behind"
  | "secret-left-behind"
  | "target-missing"
  | "secret-on-this-machine"
  | "secret-missing"
  | "retention-shorter"
  | "lifecycle-replaced"
  | "mx-missing"
  | "mx-elsewhere"
  | "not-known";

/**
 * What would go wrong, or surprise, before anything is created. Pure.
 *
 * @param consumers - how many functions read queues: each may take `workerConcurrency` executions at once
 */
export function judgePreflight(
  config: ResolvedConfig,
  facts: PreflightFacts,
  { consumers }: { readonly consumers: number },
): readonly PreflightFinding[] {
  const findings = [
    ...judgeStack(config, facts),
    ...judgeActivation(config, facts),
    ...judgeIdentities(config, facts),
    ...judgeSending(config, facts),
    ...judgeQuotas(config, facts, consumers),
    ...judgeLeftBehind(config, facts),
    ...judgeTargets(facts),
    ...judgeRetention(config, facts),
    ...judgeSecrets(config, facts),
    ...judgeMx(config, facts),
  ];
  const rank = { error: 0, warning: 1, note: 2 };
  return findings.sort((a, b) => rank[a.severity] - rank[b.severity]);
}

const notKnown = (at: string, what: string, reason: string): PreflightFinding => ({
  code: "not-known",
  severity: "note",
  at,
  what: `${what} could not be found out (${reason}).`,
  why: "The deployment goes on without it.",
  fix: "Allow the reading, or see for yourself.",
});

function judgeStack({ ruleSet }: ResolvedConfig, { stack }: PreflightFacts): PreflightFinding[] {
  const at = `stack ${ruleSet.name}`;
  if ("unknown" in stack) return [notKnown(at, "Its state", stack.unknown)];
  const state = stack.known;
  if (state?.endsWith("_IN_PROGRESS") && state !== "REVIEW_IN_PROGRESS") {
    return [
      {
        code: "stack-busy",
        severity: "error",
        at,
        what: `Somebody is changing it just now (${state}).`,
        why: "CloudFormation does one thing at a time.",
        fix: "Wait until that has ended.",
      },
    ];
  }
  if (state && /^(?:DELETE_FAILED|UPDATE_ROLLBACK_FAILED|ROLLBACK_FAILED)$/.test(state)) {
    return [
      {
        code: "stack-stuck",
        severity: "error",
        at,
        what: `It is stuck (${state}).`,
        why: "CloudFormation takes no change in this state.",
        fix: "In the CloudFormation console see which resource could not be changed, and continue the rollback or delete the stack there.",
      },
    ];
  }
  return [];
}

function judgeActivation(
  { aws, ruleSet }: ResolvedConfig,
  { stack, activeRuleSet }: PreflightFacts,
): PreflightFinding[] {
  if (!aws.activate) return [];
  if ("unknown" in activeRuleSet) return [notKnown("aws.activate", "The active rule set", activeRuleSet.unknown)];
  const isNew = !("known" in stack) || stack.known === null || stack.known === "ROLLBACK_COMPLETE";
  const plan = planActivation(
    {
      kind: isNew ? "create" : "update",
      ruleSet: ruleSet.name,
      activate: true,
      takeOver: aws.takeOver,
      wasActivated: !isNew,
    },
    { active: activeRuleSet.known, remembered: undefined, rememberedExists: false },
  );
  if (plan.kind === "refuse") {
    return [
      {
        code: "active-set",
        severity: "error",
        at: "aws.takeOver",
        what: plan.reason.split(" To replace it")[0] ?? plan.reason,
        why: "A region has one active rule set: with ours active, its mail would be refused.",
        fix: plan.reason.slice(plan.reason.indexOf("To replace it")),
      },
    ];
  }
  const active = activeRuleSet.known;
  if (active === null || active === ruleSet.name) return [];
  return [
    {
      code: "active-set",
      severity: "warning",
      at: "aws.takeOver",
      what:
        plan.activate === undefined
          ? `${active} is active, not ${ruleSet.name}.`
          : `${active} is active, and is replaced.`,
      why:
        plan.activate === undefined
          ? "Somebody activated it after this stage was deployed; this stage receives nothing."
          : "It is remembered, and active again after destroy.",
      fix:
        plan.activate === undefined
          ? `aws ses set-active-receipt-rule-set --rule-set-name ${ruleSet.name}`
          : "Nothing.",
    },
  ];
}

function judgeIdentities({ aws, domains, bounceSender }: ResolvedConfig, facts: PreflightFacts): PreflightFinding[] {
  const isNew = "known" in facts.stack && facts.stack.known === null;
  return domains.flatMap((domain): PreflightFinding[] => {
    const at = `domains: ${domain}`;
    const identity = facts.identities[domain] ?? { unknown: "it was not asked for" };
    if ("unknown" in identity) return [notKnown(at, "Whether SES knows it", identity.unknown)];
    if (identity.known === null) {
      if (aws.identities === "create") return [];
      return [
        {
          code: "identity-missing",
          severity: "error",
          at,
          what: "SES does not know this domain.",
          why: "SES refuses mail for domains that are not verified.",
          fix: 'Remove aws.identities: "existing", so that it is created, or verify it in SES first.',
        },
      ];
    }
    const findings: PreflightFinding[] = [];
    if (aws.identities === "create" && isNew) {
      findings.push({
        code: "identity-exists",
        severity: "error",
        at,
        what: "SES knows this domain already, by somebody else's doing.",
        why: "CloudFormation cannot create what is there, and the stage must not delete what others use.",
        fix: 'Set aws.identities to "existing".',
      });
    }
    if (!identity.known.verified) {
      const sends = bounceSender.endsWith(`@${domain}`);
      findings.push({
        code: sends ? "bounce-sender-unverified" : "identity-unverified",
        severity: "warning",
        at: sends ? `bounceSender, ${at}` : at,
        what: "Its DKIM records are not published yet, or SES has not seen them.",
        why: `SES refuses its mail until then${sends ? `, and sends nothing from ${bounceSender}` : ""}.`,
        fix: "npx mailweir dns  shows the records and checks them.",
      });
    }
    return findings;
  });
}

function judgeSending({ bounceSender }: ResolvedConfig, { sending }: PreflightFacts): PreflightFinding[] {
  if ("unknown" in sending) return [notKnown("SES", "Whether the account may send", sending.unknown)];
  const { production, enabled, perDay, perSecond } = sending.known;
  const at = `SES, account (bounces come from ${bounceSender})`;
  const findings: PreflightFinding[] = [];
  if (!production) {
    findings.push({
      code: "sandbox",
      severity: "warning",
      at,
      what: "The account is in SES's sandbox: it sends to verified addresses only.",
      why: "Receiving works. Bounces, acknowledgements and answers to anybody else are refused.",
      fix: "Ask for production access in the SES console (it takes a day).",
    });
  }
  if (!enabled) {
    findings.push({
      code: "sending-off",
      severity: "warning",
      at,
      what: "SES has switched this account's sending off.",
      why: "Receiving works; nothing is sent.",
      fix: "See the account's health in the SES console.",
    });
  }
  if (enabled && production && perSecond < 10) {
    findings.push({
      code: "sending-slow",
      severity: "note",
      at,
      what: `The account sends ${perSecond} mails a second and ${perDay} a day at most.`,
      why: "A wave of mail to addresses that are bounced would reach that.",
      fix: "Ask for more in Service Quotas when it is too little.",
    });
  }
  return findings;
}

function judgeQuotas(
  { ruleSet, ipFilters, aws }: ResolvedConfig,
  facts: PreflightFacts,
  consumers: number,
): PreflightFinding[] {
  const findings: PreflightFinding[] = [];
  if ("known" in facts.ruleSets) {
    const others = facts.ruleSets.known.filter((name) => name !== ruleSet.name);
    if (others.length >= limits.ruleSets) {
      findings.push({
        code: "too-many-rule-sets",
        severity: "error",
        at: "SES, rule sets",
        what: `The region has ${others.length} rule sets, and SES takes ${limits.ruleSets}.`,
        why: "The quota cannot be raised.",
        fix: "Delete one that nobody needs: aws ses list-receipt-rule-sets.",
      });
    }
  } else findings.push(notKnown("SES, rule sets", "Their number", facts.ruleSets.unknown));

  if ("known" in facts.filters) {
    const others = facts.filters.known.filter((name) => !name.startsWith(`${ruleSet.name}-`));
    if (others.length + ipFilters.length > limits.ipFilters) {
      findings.push({
        code: "too-many-filters",
        severity: "error",
        at: "ipFilters",
        what: `${ipFilters.length} filters, and ${others.length} of others: SES takes ${limits.ipFilters} in a region.`,
        why: "The quota cannot be raised.",
        fix: "Join neighbouring addresses to blocks, or remove others' filters: aws ses list-receipt-filters.",
      });
    } else if (others.length > 0) {
      findings.push({
        code: "filters-of-others",
        severity: "note",
        at: "ipFilters",
        what: `${others.length} filters of others count for this stage's mail too, and this stage's for theirs.`,
        why: "IP filters belong to the region, not to a rule set.",
        fix: "Nothing, if they are wanted: aws ses list-receipt-filters.",
      });
    }
  }

  if ("known" in facts.concurrency) {
    const { total, unreserved } = facts.concurrency.known;
    // What the consumers may take at once, and as much again as the gate, the journal and other things need.
    const wanted = consumers * aws.workerConcurrency + 10;
    if (unreserved < wanted) {
      findings.push({
        code: "little-concurrency",
        severity: "warning",
        at: "aws.workerConcurrency",
        what: `Lambda starts ${unreserved} executions at once here (${total} in the account), and a wave of mail may ask for ${wanted}.`,
        why: "What is throttled waits in its queue; SES waits for the gate, up to four hours.",
        fix: "Ask for more in Service Quotas (AWS Lambda, concurrent executions; it is free), or lower aws.workerConcurrency.",
      });
    }
  } else findings.push(notKnown("Lambda", "The account's concurrency", facts.concurrency.unknown));
  return findings;
}

function judgeLeftBehind({ names }: ResolvedConfig, { stack, leftBehind }: PreflightFacts): PreflightFinding[] {
  if (!("known" in stack) || stack.known !== null) return [];
  const findings: PreflightFinding[] = [];
  if ("known" in leftBehind.bucket && leftBehind.bucket.known) {
    findings.push({
      code: "left-behind",
      severity: "note",
      at: `bucket ${names.bucket.replace("${AWS::AccountId}", "<account>")}`,
      what: "It is there from an earlier deployment of this stage, with the mail in it.",
      why: "destroy keeps mail. The new stack takes it and the tables over.",
      fix: "Nothing. To begin anew: destroy --delete-mail first.",
    });
  }
  if ("known" in leftBehind.tokenSecret && leftBehind.tokenSecret.known) {
    findings.push({
      code: "secret-left-behind",
      severity: "error",
      at: `secret ${names.tokenSecret}`,
      what: "It is there from an earlier deployment of this stage.",
      why: "CloudFormation cannot take it over, and with a new one every unsubscribe link that was sent would be broken.",
      fix: `Name it in the configuration:  tokens: { keys: [{ id: "a", secretFrom: { secretsManager: "${names.tokenSecret}" } }] }`,
    });
  }
  return findings;
}

function judgeTargets({ targets }: PreflightFacts): PreflightFinding[] {
  return Object.entries(targets).flatMap(([name, there]): PreflightFinding[] => {
    if ("unknown" in there) return [notKnown(name, "Whether it is there", there.unknown)];
    if (there.known) return [];
    return [
      {
        code: "target-missing",
        severity: "error",
        at: `ruleSet, ${name}`,
        what: "It is not there, or not in this account.",
        why: "SES tests what a rule names when the rule is made, and refuses it.",
        fix: "Create it first, or correct the name.",
      },
    ];
  });
}

/** What a shorter period takes is gone for good: whoever deploys it should read that before. */
function judgeRetention(
  { names }: ResolvedConfig,
  { deletesMailAfterDays, shortens }: PreflightFacts,
): PreflightFinding[] {
  const findings: PreflightFinding[] = [];
  if ("unknown" in shortens) {
    findings.push(notKnown("retention", "Whether a period deletes what is stored", shortens.unknown));
  } else if (shortens.known !== null) {
    findings.push({
      code: "retention-shorter",
      severity: "warning",
      at: "retention",
      what: `The stage would delete ${describeShortened(shortens.known)}.`,
      why: "A period is shorter than the one that it went by until now; the first deletion comes an hour or two after the deployment.",
      fix: "Nothing, if that is wanted. Else lengthen the period, or hold what must stay (mailweir hold).",
    });
  }
  if ("known" in deletesMailAfterDays && Number.isFinite(deletesMailAfterDays.known ?? Number.POSITIVE_INFINITY)) {
    findings.push({
      code: "lifecycle-replaced",
      severity: "warning",
      at: `bucket ${names.bucket}`,
      what: `Its lifecycle deletes mail after ${deletesMailAfterDays.known} days until now; from this deployment on it does not.`,
      why: "S3's lifecycle knows no hold, no stream and no work that is not done: `retention` decides alone.",
      fix: "Write how long mail is kept:  retention: { default: { days: … } }. Without one it is kept for ever.",
    });
  }
  return findings;
}

function judgeSecrets(config: ResolvedConfig, { secrets }: PreflightFacts): PreflightFinding[] {
  return namedSecrets(config).flatMap(({ at, source }): PreflightFinding[] => {
    if ("env" in source || "file" in source) {
      const instead = at.startsWith("tokens") ? ", or leave tokens out: then one is made" : "";
      return [
        {
          code: "secret-on-this-machine",
          severity: "error",
          at,
          what: "A secret is read from this machine's environment or a file.",
          why: "A function has neither: no secret stands in an environment that others may list.",
          fix: `Put it into AWS Secrets Manager and write { secretsManager: "…" }${instead}.`,
        },
      ];
    }
    const name = secretName(source);
    const there = secrets[name];
    if (there === undefined) return [];
    if ("unknown" in there) return [notKnown(at, `Whether there is the secret ${name}`, there.unknown)];
    if (there.known) return [];
    return [
      {
        code: "secret-missing",
        severity: "error",
        at,
        what: `There is no secret ${name} in ${config.region}, or it is to be deleted.`,
        why: "The functions that need it would fail, and their mail would lie in the dead letters.",
        fix:
          "parameter" in source
            ? `aws ssm put-parameter --type SecureString --name ${source.parameter} --value …`
            : `aws secretsmanager create-secret --name ${name} --secret-string …`,
      },
    ];
  });
}

/** A secret by which facts are told: its name in Secrets Manager, or a parameter's with that word in front. */
export function secretName(
  source: Exclude<SecretSource, { readonly env: string } | { readonly file: string }>,
): string {
  return "parameter" in source ? `parameter ${source.parameter}` : source.secretsManager;
}

function judgeMx({ domains, region }: ResolvedConfig, { mx }: PreflightFacts): PreflightFinding[] {
  const server = `inbound-smtp.${region}.amazonaws.com`;
  return domains.flatMap((domain): PreflightFinding[] => {
    const at = `domains: ${domain}`;
    const answer = mx[domain];
    // Nobody asks the world about names that are for documentation.
    if (answer === undefined) return [];
    if ("unknown" in answer) return [notKnown(at, "Its MX record", answer.unknown)];
    const exchanges = answer.known.map((name) => name.toLowerCase().replace(/\.$/, ""));
    if (exchanges.includes(server)) return [];
    return [
      {
        code: exchanges.length === 0 ? "mx-missing" : "mx-elsewhere",
        severity: "warning",
        at,
        what: exchanges.length === 0 ? "It has no MX record." : `Its mail goes to ${exchanges.slice(0, 3).join(", ")}.`,
        why: `Mail comes here only when it points to ${server}.`,
        fix: "Change it when the stage is deployed and tried: npx mailweir dns  shows how.",
      },
    ];
  });
}
