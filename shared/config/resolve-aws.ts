import { parseMailAddress } from "../mail/address.ts";
import { place } from "./check-shape.ts";
import type { ConfigFault } from "./config-error.ts";
import { isStageName } from "./names.ts";
import type { AwsConfig, AwsSettings, ResolvedAws } from "./types.ts";

/**
 * The deployment's settings of one stage: what `aws` says for all, changed by what `aws.stages` says for this one. Every
 * stage is checked, whichever is asked for.
 */
export function resolveAws(
  aws: AwsConfig | undefined,
  prefix: string,
  stage: string | undefined,
  faults: ConfigFault[],
): ResolvedAws {
  const { stages = {}, ...common } = aws ?? {};
  checkSettings(common, ["aws"], faults);
  for (const [name, settings] of Object.entries(stages)) {
    if (!isStageName(name)) faults.push({ at: place(["aws", "stages", name]), ...stageFault(name) });
    checkSettings(settings, ["aws", "stages", name], faults);
  }
  const own = stage === undefined ? {} : (stages[stage] ?? {});
  const { alarms: _alarms, deleteMailAfterDays: _refused, ...settings } = { ...common, ...own };
  return {
    activate: true,
    takeOver: false,
    identities: "create",
    kmsAlias: `alias/${prefix}-mail`,
    versioning: false,
    pointInTimeRecovery: false,
    logRetentionDays: 30,
    tracing: false,
    workerConcurrency: 10,
    ...settings,
    alarms: { suspiciousPerHour: 100, silentHours: 24, queueAgeMinutes: 30, ...common.alarms, ...own.alarms },
  };
}

/** What is wrong with a stage's name, and what is allowed. */
export function stageFault(stage: string): Omit<ConfigFault, "at"> {
  return {
    problem: `"${stage}" cannot be a stage's name: it is part of every queue's, function's and bucket's name`,
    allowed: "lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 12 characters",
  };
}

function checkSettings(
  { bucket, kmsAlias, alarms, deleteMailAfterDays, takeOver }: AwsSettings,
  path: readonly string[],
  faults: ConfigFault[],
): void {
  if (bucket !== undefined && !isBucketName(bucket)) {
    faults.push({
      at: place([...path, "bucket"]),
      problem: `"${bucket}" cannot be a bucket's name`,
      allowed:
        "3 to 63 lower-case letters, digits and hyphens; a letter or digit first and last; no dot, which breaks TLS; not xn--…, sthree-…, amzn-s3-demo-…, …-s3alias, …--ol-s3, …--x-s3",
    });
  }
  if (kmsAlias !== undefined && !/^alias\/(?!aws\/)[A-Za-z0-9/_-]{1,250}$/.test(kmsAlias)) {
    faults.push({
      at: place([...path, "kmsAlias"]),
      problem: `"${kmsAlias}" cannot be a key's alias`,
      allowed: "alias/ and then letters, digits, _, - and /; not alias/aws/…, which is Amazon's",
      ...(!kmsAlias.startsWith("alias/") && { suggestion: `write "alias/${kmsAlias}"` }),
    });
  }
  if (alarms?.email !== undefined && parseMailAddress(alarms.email) === undefined) {
    faults.push({
      at: place([...path, "alarms", "email"]),
      problem: `"${alarms.email}" is no mail address`,
      allowed: "an address such as ops@example.com, best at a domain whose mail does not come here",
    });
  }
  if (typeof takeOver === "string" && !/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/.test(takeOver)) {
    faults.push({
      at: place([...path, "takeOver"]),
      problem: `"${takeOver}" cannot be a rule set's name`,
      allowed:
        "true, false, or the name of the rule set to replace, as `aws ses describe-active-receipt-rule-set` shows it",
    });
  }
  if (deleteMailAfterDays !== undefined) {
    faults.push({
      at: place([...path, "deleteMailAfterDays"]),
      problem:
        "S3's lifecycle would delete mail that is held (mailweir hold), mail that is not worked on yet, and mail of every stream alike",
      suggestion: `remove it, and write  retention: { default: { days: ${deleteMailAfterDays >= 1 ? deleteMailAfterDays : 365} } }  (docs/retention.md)`,
    });
  }
}

/** The rules for general purpose buckets; dots are legal, but no certificate covers such a host name. */
function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name) &&
    !/^(?:xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(?:-s3alias|--ol-s3|--x-s3|--table-s3)$/.test(name)
  );
}
