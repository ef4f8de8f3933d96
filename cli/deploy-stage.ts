import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { artifactBucketName, ensureArtifactBucket, uploadArtifacts } from "../infra/deploy/artifacts.ts";
import { deployStack } from "../infra/deploy/deploy-stack.ts";
import { deployableTemplate } from "../infra/deploy/deployable-template.ts";
import { deployedRuleSet, deployedTemplate } from "../infra/deploy/deployed-state.ts";
import { gatherFacts } from "../infra/deploy/gather-facts.ts";
import { packageStage } from "../infra/deploy/package-stage.ts";
import { judgePreflight, type PreflightFacts } from "../infra/deploy/preflight.ts";
import { resourceChanges, resourceSummary } from "../infra/deploy/resource-changes.ts";
import { inWords, ruleChanges } from "../infra/deploy/rule-changes.ts";
import { openSession, type Session } from "../infra/deploy/session.ts";
import { askMx } from "../local/doctor/check-receiving.ts";
import { diagnose } from "../shared/config/doctor/diagnose.ts";
import type { Finding } from "../shared/config/doctor/finding.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import { deriveTopology } from "../shared/config/topology.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import type { RuleSet } from "../shared/receipt/model.ts";
import { compareTraffic, mailFiles, recordedMails, type Treatment } from "./compare-traffic.ts";
import { confirm } from "./confirm.ts";
import type { DeployOptions } from "./deploy.ts";
import { progressBar } from "./progress-bar.ts";

/** Findings about this machine, which a deployment has not, or which the preflight asks AWS itself. */
const notOfAws: ReadonlySet<Finding["code"]> = new Set([
  "unknown-function",
  "unknown-topic",
  "missing-file",
  "test-scanner",
  "mx-missing",
  "mx-elsewhere",
  "mx-unknown",
]);

/** What no emulator of AWS knows: SES receiving, and the function that activates its rules. */
const notInEmulators = (type: string) => type.startsWith("AWS::SES::") || type === "Custom::ActiveReceiptRuleSet";

/** @returns the exit status */
export async function deploy(options: DeployOptions): Promise<number> {
  const { stage, endpointUrl: endpoint } = options;
  const say = options.json ? jsonLines : sentences;
  // Before anybody is asked for credentials: a mistake in the file is found without them.
  const { region } = await loadConfig(options.config, { stage });
  const session = await openSession({ region, ...(endpoint !== undefined && { endpoint }) });
  try {
    const { accountId } = session;
    const config = await loadConfig(options.config, { stage, accountId });
    const stackName = config.ruleSet.name;
    say({ event: "target", stage, accountId, region, endpoint: endpoint ?? null, stackName });

    const facts = await gatherFacts(session, config, await mxFacts(config));
    const errors = tellFindings(config, facts, say);

    const packaged = await packageStage(stage, options.config);
    const { template, leftOut } = deployableTemplate(packaged.template, {
      accountId,
      artifactBucket: artifactBucketName(session),
      prefix: stackName,
      archives: packaged.archives,
      leaveOut: endpoint === undefined ? () => false : notInEmulators,
    });
    const deployed = await deployedRuleSet(session, stackName);
    tellRules(deployed, config.ruleSet, say);
    const changes = resourceChanges(await deployedTemplate(session, stackName), template);
    for (const line of resourceSummary(changes)) say({ event: "resources", says: line });
    if (leftOut.length > 0) {
      say({
        event: "left-out",
        says: `${leftOut.length} resources of SES, which no emulator has: mailweir start --cloud ${endpoint} plays its part`,
      });
    }
    if (options.plan) {
      await tellTraffic(options, config, deployed ?? undefined, say);
      return errors > 0 ? 1 : 0;
    }
    if (errors > 0) {
      say({
        event: "refused",
        says: `Nothing was created: ${errors} ${errors === 1 ? "error" : "errors"} to mend first.`,
      });
      return 1;
    }
    if (changes.length === 0) {
      say({ event: "done", says: `The stage ${stage} is deployed as it is; nothing to do.` });
      return 0;
    }
    if (!options.yes && !session.loopback) {
      await confirm(`Deploy the stage ${stage} to account ${accountId} in ${region}?`, stage);
    }
    await carryOut(session, config, { template: JSON.stringify(template), archives: packaged.archives, stage }, say);
    return 0;
  } finally {
    session.close();
  }
}

type Told = { readonly event: string } & Readonly<Record<string, unknown>>;
type Say = (told: Told) => void;

const jsonLines: Say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

const sentences: Say = (told) => {
  if (told.event === "target") {
    const { stage, accountId, region, endpoint } = told;
    process.stdout.write(
      `Stage ${stage}: account ${accountId}, region ${region}${endpoint ? `, at ${endpoint}` : ""}\n\n`,
    );
    return;
  }
  if (told.event === "finding") {
    const { severity, code, at, what, why, fix } = told;
    process.stdout.write(`${severity} ${code}\n  at   ${at}\n  what ${what}\n  why  ${why}\n  fix  ${fix}\n\n`);
    return;
  }
  process.stdout.write(`${told["says"]}\n`);
};

async function mxFacts(config: ResolvedConfig): Promise<PreflightFacts["mx"]> {
  return Object.fromEntries(
    Object.entries(await askMx(config)).map(([domain, answer]) => [
      domain,
      "unknown" in answer ? answer : { known: answer },
    ]),
  );
}

/** @returns how many errors there are */
function tellFindings(config: ResolvedConfig, facts: PreflightFacts, say: Say): number {
  const consumers = new Set(deriveTopology(config).queues.map(({ consumer }) => consumer?.functionName)).size;
  const doctor = diagnose(config, { today: new Date(), missingFiles: [] }).filter(({ code }) => !notOfAws.has(code));
  const findings = [...judgePreflight(config, facts, { consumers }), ...doctor];
  for (const { severity, code, at, what, why, fix } of findings) {
    say({ event: "finding", severity, code, at, what, why, fix });
  }
  return findings.filter(({ severity }) => severity === "error").length;
}

function tellRules(deployed: RuleSet | null | undefined, next: RuleSet, say: Say): void {
  if (!deployed) {
    const why = deployed === null ? "no rules are deployed" : "the deployed rules cannot be read";
    say({ event: "rules", says: `Rules (${why}); these are to come, in this order:` });
    for (const rule of next.rules)
      say({ event: "rule", rule: rule.name, kind: "added", says: `  ${rule.name}: ${inWords(rule)}` });
    return;
  }
  const changes = ruleChanges(deployed, next);
  say({ event: "rules", says: changes.length === 0 ? "Rules: no change." : "Rules:" });
  for (const { kind, rule, says } of changes) say({ event: "rule", rule, kind, says: `  ${rule}: ${says}` });
}

async function tellTraffic(
  options: DeployOptions,
  config: ResolvedConfig,
  deployed: RuleSet | undefined,
  say: Say,
): Promise<void> {
  const { stage, against } = options;
  const { accountId } = config;
  const old = against === undefined ? undefined : await loadConfig(against, { stage, accountId });
  const before: Treatment | undefined = old
    ? { config: old, ruleSet: old.ruleSet }
    : deployed && { config, ruleSet: deployed };
  const after: Treatment = { config, ruleSet: config.ruleSet };
  const progress = progressBar();
  const compare = (mails: Parameters<typeof compareTraffic>[0]) => compareTraffic(mails, before, after, progress.step);
  const folder = resolve(options.data ?? config.local.data);

  let compared: Awaited<ReturnType<typeof compare>>;
  if (options.mail !== undefined) {
    const { mailSources } = await import("./mail-sources.ts");
    if (!before) {
      say({ event: "traffic", says: "Nothing is deployed to compare with: give --against <configuration>." });
      return;
    }
    compared = await compare(
      mailFiles(
        mailSources(options.mail, () => {}),
        config.domains,
      ),
    );
  } else {
    if (!existsSync(resolve(folder, "mailweir.sqlite3"))) {
      say({
        event: "traffic",
        says: `No recorded mail in ${folder}: give --data or --mail to see what would go elsewhere.`,
      });
      return;
    }
    const { openStoreReadOnly } = await import("../local/store/open-read-only.ts");
    const store = await openStoreReadOnly(folder);
    try {
      compared = await compare(recordedMails(store, options.mails));
    } finally {
      await store.close();
    }
  }
  progress.end();
  const { mails, recipients, differences } = compared;
  const base = old
    ? `with ${against}`
    : before
      ? "with the deployed rules (and the new streams: SES does not know streams)"
      : "with what became of it here";
  say({
    event: "traffic",
    mails,
    recipients,
    differences: differences.length,
    says: `\nRecorded traffic, ${mails} mails for ${recipients} recipients, compared ${base}: ${
      differences.length === 0 ? "all would go where they go." : `${differences.length} would go elsewhere.`
    }`,
  });
  for (const { mail, recipient, before: from, after: to } of differences) {
    say({
      event: "elsewhere",
      mail,
      recipient,
      before: from,
      after: to,
      says: `  ${mail}  ${recipient}: ${from} → ${to}`,
    });
  }
}

async function carryOut(
  session: Session,
  config: ResolvedConfig,
  {
    template,
    archives,
    stage,
  }: { readonly template: string; readonly archives: Parameters<typeof uploadArtifacts>[3]; readonly stage: string },
  say: Say,
): Promise<void> {
  const stackName = config.ruleSet.name;
  const bucket = await ensureArtifactBucket(session);
  const { templateUrl, uploaded } = await uploadArtifacts(
    session,
    bucket,
    stackName,
    archives,
    template,
    `template-${config.version}`,
  );
  say({
    event: "uploaded",
    says: `\n${uploaded} functions uploaded, ${Object.keys(archives).length - uploaded} unchanged`,
  });
  const outcome = await deployStack(session.cloudFormation, {
    stackName,
    template,
    templateUrl,
    tags: { application: "mailweir", stage },
    emulator: session.endpoint !== undefined,
    onEvent: ({ logicalId, type, status, reason }) => {
      // A creation of two hundred resources is told by its ends.
      if (status.endsWith("_IN_PROGRESS")) return;
      say({
        event: "stack",
        logicalId,
        type,
        status,
        reason: reason ?? null,
        says: `  ${status.padEnd(16)} ${type} ${logicalId}${reason ? `: ${reason}` : ""}`,
      });
    },
  });
  say({
    event: "done",
    outcome,
    says: `\nThe stage ${stage} is ${outcome}.\n\n  npx mailweir dns --stage ${stage}    the records that mail needs to come here`,
  });
}
