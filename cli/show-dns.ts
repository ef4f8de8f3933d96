import { GetEmailIdentityCommand } from "@aws-sdk/client-sesv2";
import {
  checkRecord,
  type DnsAnswer,
  type RecordState,
  type WantedRecord,
  wantedRecords,
  zoneLine,
} from "../infra/deploy/dns-records.ts";
import { openSession, type Session } from "../infra/deploy/session.ts";
import { createResolver } from "../local/authenticate/create-resolver.ts";
import { DnsError, isNegative } from "../local/authenticate/dns-error.ts";
import type { Resolver } from "../local/authenticate/resolver.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import { confirm } from "./confirm.ts";
import type { DnsOptions } from "./dns.ts";

interface Checked {
  readonly record: WantedRecord;
  readonly state: RecordState;
}

/** @returns the exit status */
export async function showDns(options: DnsOptions): Promise<number> {
  const { config: file, stage, endpointUrl: endpoint } = options;
  const config = await loadConfig(file, stage === undefined ? {} : { stage });
  const session = options.offline
    ? undefined
    : await openSession({ region: config.region, ...(endpoint !== undefined && { endpoint }) });
  try {
    const tokens = session ? await dkimTokens(session, config.domains) : {};
    const resolve = createResolver(config.local.dns, { now: () => new Date() });
    const checked = await Promise.all(
      wantedRecords(config, tokens).map(
        async (record): Promise<Checked> => ({ record, state: checkRecord(record, await lookUp(resolve, record)) }),
      ),
    );
    for (const one of checked) process.stdout.write(options.json ? `${JSON.stringify(asJson(one))}\n` : told(one));
    const without = config.domains.filter((domain) => (tokens[domain] ?? []).length === 0);
    if (without.length > 0 && !options.json) {
      process.stdout.write(
        `DKIM records of ${without.join(", ")} are not listed: ${
          session
            ? "SES does not know the domain yet; deploy first, or verify it in SES."
            : "SES was not asked (--offline)."
        }\n`,
      );
    }
    if (options.create && session) await create(session, checked, options.yes === true);
    return checked.every(({ record, state }) => !record.needed || state.kind === "right") ? 0 : 1;
  } finally {
    session?.close();
  }
}

async function dkimTokens({ sesV2 }: Session, domains: readonly string[]) {
  const tokens = domains.map(async (domain): Promise<[string, readonly string[]]> => {
    try {
      const { DkimAttributes } = await sesV2.send(new GetEmailIdentityCommand({ EmailIdentity: domain }));
      return [domain, DkimAttributes?.Tokens ?? []];
    } catch (error) {
      if (error instanceof Error && error.name === "NotFoundException") return [domain, []];
      throw error;
    }
  });
  return Object.fromEntries(await Promise.all(tokens));
}

async function lookUp(resolve: Resolver, { name, type }: WantedRecord): Promise<DnsAnswer> {
  try {
    const records = await resolve(name, type);
    return records.map((record) => {
      if (typeof record === "string") return record;
      return "exchange" in record ? `${record.priority} ${record.exchange}` : record.join("");
    });
  } catch (error) {
    if (isNegative(error)) return [];
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}

const words: Readonly<Record<RecordState["kind"], string>> = {
  right: "right",
  missing: "MISSING",
  different: "DIFFERENT",
  "not-known": "not known",
};

function told({ record, state }: Checked): string {
  const lines = [`${words[state.kind].padEnd(10)}${zoneLine(record)}`];
  if (state.kind === "missing" && !record.needed) lines[0] += "   (advised)";
  if (state.kind === "different") lines.push(`          now: ${state.found.join(", ")}`, `          ${state.advice}`);
  if (state.kind === "not-known") lines.push("          DNS did not answer: check the network and local.dns.");
  return `${lines.join("\n")}\n`;
}

/** The stable shape of `dns --json`. */
function asJson({ record, state }: Checked) {
  const { name, type, value, purpose, needed } = record;
  const different = state.kind === "different" ? state : undefined;
  return {
    name,
    type,
    value,
    line: zoneLine(record),
    purpose,
    needed,
    state: state.kind,
    found: different?.found ?? null,
    advice: different?.advice ?? null,
  };
}

async function create(session: Session, checked: readonly Checked[], yes: boolean): Promise<void> {
  const missing = checked.filter(({ state }) => state.kind === "missing");
  if (missing.length === 0) {
    process.stdout.write("Nothing is missing.\n");
    return;
  }
  if (!yes && !session.loopback) {
    await confirm(`Create ${missing.length} records in Route 53 of account ${session.accountId}?`);
  }
  const { createRecords } = await import("../infra/deploy/route53.ts");
  for (const { record, outcome, says } of await createRecords(session, missing)) {
    process.stdout.write(`${outcome.padEnd(10)}${zoneLine(record)}  ${says}\n`);
  }
}
