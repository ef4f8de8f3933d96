import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { createResolver } from "../local/authenticate/create-resolver.ts";
import { DnsError, isNegative } from "../local/authenticate/dns-error.ts";
import type { MxRecord } from "../local/authenticate/resolver.ts";
import { type DoctorFacts, diagnose } from "../shared/config/doctor/diagnose.ts";
import type { Finding } from "../shared/config/doctor/finding.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";

/**
 * Loads a configuration, looks up what the rule doctor must know, and asks it.
 *
 * @param options - `dns`: ask for MX records; otherwise nothing leaves the machine
 * @throws {ConfigError} with every mistake, {ConfigFileError}, {ZoneFileError}
 */
export async function checkConfig(
  path: string,
  { dns }: { readonly dns: boolean },
): Promise<{ readonly config: ResolvedConfig; readonly findings: readonly Finding[] }> {
  const config = await loadConfig(path);
  const findings = diagnose(config, {
    today: new Date(),
    missingFiles: await findMissingFiles(config),
    ...(dns && { mx: await askMx(config) }),
  });
  return { config, findings };
}

async function findMissingFiles({ local }: ResolvedConfig): Promise<DoctorFacts["missingFiles"]> {
  const named = [
    ...Object.entries(local.functions).map(([name, path]) => ({ at: `local.functions.${name}`, path })),
    ...(local.dns.kind === "zone" ? [{ at: "local.dns.zone", path: local.dns.file }] : []),
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

export async function askMx({ domains, local }: ResolvedConfig): Promise<NonNullable<DoctorFacts["mx"]>> {
  const resolve = createResolver(local.dns, { now: () => new Date() });
  const answers = await Promise.all(
    domains.map(async (domain): Promise<[string, readonly string[] | { readonly unknown: string }]> => {
      try {
        const records = await resolve(domain, "MX");
        return [domain, records.flatMap((record) => (isMx(record) ? [record.exchange] : []))];
      } catch (error) {
        if (isNegative(error)) return [domain, []];
        if (error instanceof DnsError) return [domain, { unknown: error.code }];
        throw error;
      }
    }),
  );
  return Object.fromEntries(answers);
}

function isMx(record: string | readonly string[] | MxRecord): record is MxRecord {
  return typeof record === "object" && "exchange" in record;
}
