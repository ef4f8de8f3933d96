import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { checkReceiving } from "../local/doctor/check-receiving.ts";
import type { AccountOptions } from "../shared/aws/read-account.ts";
import { diagnoseAccount } from "../shared/config/doctor/diagnose-account.ts";
import { bySeverity, type Finding } from "../shared/config/doctor/finding.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { endsAnything } from "../shared/retention/period.ts";
import { describeShortened } from "../shared/retention/shortened.ts";
import { receivingRules } from "./receiving-rules.ts";

export interface CheckQuestion {
  readonly config: string;
  /** Ask for MX records; otherwise, and without `account`, nothing leaves the machine. */
  readonly dns: boolean;
  /** Data folder of the engine whose active rule set is asked about too. Default: the configuration's. */
  readonly data?: string;
  /** A deployment's stage: its rule set and names are meant, not this machine's. */
  readonly stage?: string;
  /** Look at the account that will receive, and at the rule set that it has active. */
  readonly account?: AccountOptions;
  /** Without a configuration file only the account is asked about. Default false. */
  readonly configIsOptional?: boolean;
  /** Default: now. */
  readonly today?: Date;
}

export interface Checked {
  /** How many rules were looked at. */
  readonly rules: number;
  readonly findings: readonly Finding[];
}

/**
 * Everything that the rule doctor finds: what `check` prints.
 *
 * @throws {ConfigError} with every mistake, {ConfigFileError}, {ZoneFileError}, {AccountError}
 */
export async function checkConfig(question: CheckQuestion): Promise<Checked> {
  const { stage } = question;
  const today = question.today ?? new Date();
  const config =
    question.configIsOptional && question.account && !existsSync(question.config)
      ? undefined
      : await loadConfig(question.config, stage === undefined ? {} : { stage });
  const account = question.account && (await readAccountFor(question.account, config?.region));
  const findings: Finding[] = [];
  if (config) {
    // A stage lives in AWS: what is active on this machine says nothing about it.
    const receiving =
      stage === undefined ? await receivingRules(config, question.data ?? config.local.data) : undefined;
    findings.push(
      ...(await checkReceiving(config, {
        dns: question.dns,
        today,
        ...(account && { account }),
        ...(receiving && { receiving }),
      })),
    );
  }
  if (config && stage === undefined) findings.push(...(await shortenedRetention(config, question.data, today)));
  if (config && stage !== undefined && question.account) {
    findings.push(...(await shortenedOnAws(question.config, stage, question.account, today)));
  }
  if (account) findings.push(...diagnoseAccount(account, today));
  return {
    rules: (config?.ruleSet.rules.length ?? 0) + (account?.ruleSet?.rules.length ?? 0),
    findings: bySeverity(findings),
  };
}

/** What the next start would delete, because a period is shorter than the one that the engine of the folder goes by. */
async function shortenedRetention(
  config: ResolvedConfig,
  data: string | undefined,
  now: Date,
): Promise<readonly Finding[]> {
  const folder = resolve(data ?? config.local.data);
  if (!existsSync(resolve(folder, "mailweir.sqlite3"))) return [];
  const { openStoreReadOnly } = await import("../local/store/open-read-only.ts");
  const { whatIsShortened } = await import("../local/retention/shortened.ts");
  const store = await openStoreReadOnly(folder);
  try {
    const shortened = await whatIsShortened(store.database, config.retention, now);
    if (!shortened) return [];
    return [
      {
        code: "retention-shortened",
        severity: "warning",
        at: "retention",
        what: `The engine of ${folder} would delete ${describeShortened(shortened)}.`,
        why: "A period is shorter than the one that it went by until now; the first deletion comes an hour after its next start.",
        fix: "Lengthen the period, hold what must stay (mailweir hold), or make a backup (mailweir backup) and start the engine.",
      },
    ];
  } finally {
    await store.close();
  }
}

/** What the stage would delete after the next deployment, where there is one already. */
async function shortenedOnAws(
  configFile: string,
  stage: string,
  { endpointUrl: endpoint }: AccountOptions,
  now: Date,
): Promise<readonly Finding[]> {
  const { openSession } = await import("../infra/deploy/session.ts");
  const { shortenedOf } = await import("../infra/deploy/shortened-stage.ts");
  const { region, retention } = await loadConfig(configFile, { stage });
  if (!endsAnything(retention)) return [];
  try {
    const session = await openSession({ region, ...(endpoint !== undefined && { endpoint }) });
    try {
      const config = await loadConfig(configFile, { stage, accountId: session.accountId });
      const shortened = await shortenedOf(session, config, now);
      if (shortened === null) return [];
      return [
        {
          code: "retention-shortened",
          severity: "warning",
          at: "retention",
          what: `The stage ${stage} would delete ${describeShortened(shortened)}.`,
          why: "A period is shorter than the one that it went by until now; the first deletion comes an hour or two after its next deployment.",
          fix: `Lengthen the period, or hold what must stay (mailweir hold add … --stage ${stage}), and deploy then.`,
        },
      ];
    } finally {
      session.close();
    }
  } catch (error) {
    // An engine in the place of AWS has no tables, and not everybody may read them.
    return [
      {
        code: "retention-shortened",
        severity: "note",
        at: "retention",
        what: `Whether a period deletes what the stage ${stage} holds could not be found out (${error instanceof Error ? error.message : String(error)}).`,
        why: "The stage's tables could not be read.",
        fix: "Allow dynamodb:Scan, Query and GetItem on them, or see what deploy says.",
      },
    ];
  }
}

async function readAccountFor(options: AccountOptions, region: string | undefined) {
  const { readAccount } = await import("../shared/aws/read-account.ts");
  return readAccount({ ...(region !== undefined && { region }), ...options });
}
