import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { type DoctorFacts, diagnose } from "../../shared/config/doctor/diagnose.ts";
import { receivingNames } from "../../shared/config/doctor/domains.ts";
import { bySeverity, type Finding } from "../../shared/config/doctor/finding.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { createResolver } from "../authenticate/create-resolver.ts";
import { DnsError, isNegative } from "../authenticate/dns-error.ts";
import type { MxRecord } from "../authenticate/resolver.ts";
import type { ActiveReceiving } from "../ses-api/active-receiving.ts";

export interface CheckOptions {
  /** Ask for MX records; otherwise nothing leaves the machine. */
  readonly dns: boolean;
  readonly today: Date;
  readonly account?: DoctorFacts["account"];
  /** What the engine goes by, if it is another set than the configuration's. */
  readonly receiving?: ActiveReceiving;
}

/**
 * Looks up what the rule doctor must know, and asks it: about the configuration, and about the set that the SES API
 * activated in its place.
 *
 * @throws {ZoneFileError}
 */
export async function checkReceiving(config: ResolvedConfig, options: CheckOptions): Promise<Finding[]> {
  const { dns, today, account, receiving } = options;
  const facts = {
    today,
    missingFiles: await findMissingFiles(config),
    ...(dns && { mx: await askMx(config) }),
  };
  const own = diagnose(config, { ...facts, ...(account && { account }) });
  return bySeverity([...own, ...(receiving ? findActive(config, receiving, facts) : [])]);
}

/** A set that was made and activated through the SES API is what mail meets: it is asked about too. */
function findActive(config: ResolvedConfig, receiving: ActiveReceiving, facts: DoctorFacts): Finding[] {
  const { ruleSet, verifiedDomains, ipFilters } = receiving;
  if (ruleSet === config.ruleSet) return [];
  const notActive: Finding = {
    code: ruleSet ? "another-set-active" : "no-set-active",
    severity: "warning",
    at: "this machine",
    what: ruleSet
      ? `Rule set "${ruleSet.name}" is active, which was made through the SES API, not the configured one.`
      : "No rule set is active: SetActiveReceiptRuleSet was called without a name.",
    why: ruleSet ? "Mail meets that set; the rules of the configuration do not run." : "Every recipient is refused.",
    fix: "To go by the configuration again, call SetActiveReceiptRuleSet with the name mailweir.",
  };
  if (!ruleSet) return [notActive];
  const asked = { ...config, ruleSet, domains: verifiedDomains, ipFilters };
  const found = diagnose(asked, { today: facts.today, missingFiles: [] });
  return [
    notActive,
    ...found
      .filter(({ code }) => code !== "test-scanner")
      .map((finding) => ({ ...finding, at: finding.at.replace(/^ruleSet\b/, `api "${ruleSet.name}"`) })),
  ];
}

async function findMissingFiles({ local }: ResolvedConfig): Promise<DoctorFacts["missingFiles"]> {
  const named = [
    ...Object.entries(local.functions).map(([name, path]) => ({ at: `local.functions.${name}`, path })),
    ...(local.dns.kind === "zone" ? [{ at: "local.dns.zone", path: local.dns.file }] : []),
    ...local.blockLists.files.map((path, index) => ({ at: `local.blockLists.files[${index}]`, path })),
    ...(local.smarthost?.ca === undefined ? [] : [{ at: "local.smarthost.ca", path: local.smarthost.ca }]),
    ...(local.tls ? Object.entries(local.tls).map(([name, path]) => ({ at: `local.tls.${name}`, path })) : []),
  ];
  const missing = await Promise.all(
    named.map(async (file) => {
      try {
        await access(resolve(file.path));
        return [];
      } catch {
        // Whatever keeps it from being read keeps the engine from reading it.
        return [file];
      }
    }),
  );
  return missing.flat();
}

// Of a few names it is worth knowing; whoever has hundreds asks about the first.
const maxNames = 50;
/** Nobody waits longer for an answer that only makes one finding better. */
const dnsDeadlineMs = 4_000;

/**
 * The exchanges of each receiving name's MX records, or why there is no answer.
 *
 * @throws {ZoneFileError}
 */
export async function askMx(config: ResolvedConfig): Promise<NonNullable<DoctorFacts["mx"]>> {
  const { dns } = config.local;
  const resolver = createResolver(dns, { now: () => new Date() });
  const answers = await Promise.all(
    receivingNames(config)
      // The world's name servers know nothing of names for documentation and tests.
      .filter((name) => dns.kind !== "system" || !isReserved(name))
      .slice(0, maxNames)
      .map(async (domain): Promise<[string, readonly string[] | { readonly unknown: string }]> => {
        const { promise: late, resolve: giveUp } = Promise.withResolvers<{ readonly unknown: string }>();
        const timer = setTimeout(() => giveUp({ unknown: "no answer in time" }), dnsDeadlineMs);
        try {
          return [domain, await Promise.race([exchanges(resolver(domain, "MX")), late])];
        } finally {
          clearTimeout(timer);
        }
      }),
  );
  return Object.fromEntries(answers);
}

/** RFC 2606, RFC 6761. */
function isReserved(name: string): boolean {
  return /(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid|localhost)$/.test(name);
}

async function exchanges(
  asked: ReturnType<ReturnType<typeof createResolver>>,
): Promise<readonly string[] | { readonly unknown: string }> {
  try {
    return (await asked).flatMap((record) => (isMx(record) ? [record.exchange] : []));
  } catch (error) {
    if (isNegative(error)) return [];
    if (error instanceof DnsError) return { unknown: error.code };
    throw error;
  }
}

function isMx(record: string | readonly string[] | MxRecord): record is MxRecord {
  return typeof record === "object" && "exchange" in record;
}
