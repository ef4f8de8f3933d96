import { domainToASCII } from "node:url";
import type { SpfResult } from "../../shared/receipt/authentication.ts";
import { isNegative } from "./dns-error.ts";
import { type IpAddress, parseIpAddress, reverseName, sharesPrefix } from "./ip-address.ts";
import type { DnsRecords, MxRecord, Resolver } from "./resolver.ts";
import { expandMacros, type MacroValues, needsValidatedName } from "./spf-macros.ts";
import { isSpfRecord, type Mechanism, parseSpfRecord, type SpfRecord, SpfSyntaxError } from "./spf-record.ts";

export interface SpfQuestion {
  /** The client's address, IPv4 or IPv6. */
  readonly ip: string;
  /** As the client said it; may be an address literal or nonsense. */
  readonly helo: string;
  /** MAIL FROM without brackets; `""` is the null sender, for which the HELO name is checked (RFC 7208 §2.4). */
  readonly mailFrom: string;
  /** Our own name, `%{r}`. Default `unknown`. */
  readonly receiver?: string;
  readonly now: Date;
}

export interface SpfAnswer {
  readonly result: SpfResult;
  /** The domain that was checked, lower case, A-labels, printable, at most 255 octets; a HELO name may be no domain. */
  readonly domain: string;
  /** For `fail`, when the domain explains itself (§6.2): US-ASCII, at most 500 characters, written by a stranger. */
  readonly explanation?: string;
  /** For the errors, and `none`: what was wrong, for the operator. */
  readonly reason?: string;
}

/** §4.6.4. */
const maxLookupTerms = 10;
const maxVoidLookups = 2;
const maxMxNames = 10;
const maxPtrNames = 10;
const maxExplanation = 500;

/**
 * SPF: RFC 7208, the whole of it. Never throws for what a domain publishes or a resolver answers. Record by record the
 * order is that of the RFC: syntax first, then term by term, one DNS question at a time.
 */
export async function checkSpf(question: SpfQuestion, resolver: Resolver): Promise<SpfAnswer> {
  const { local, domain: written } = identity(question);
  const domain = asciiDomain(written);
  const shown = domain.replace(/[^\x21-\x7e]/g, "").slice(0, 255);
  const ip = parseIpAddress(question.ip);
  if (ip === undefined) return { result: "none", domain: shown, reason: "the client's address is not known" };
  const check: Check = {
    resolver,
    ip,
    sender: `${local}@${domain}`,
    helo: question.helo,
    receiver: question.receiver ?? "unknown",
    now: question.now,
    lookupTerms: 0,
    voidLookups: 0,
  };
  try {
    const { result, exp, reason } = await checkHost(check, domain);
    const explanation = result === "fail" && exp ? await explain(check, exp) : undefined;
    return {
      result,
      domain: shown,
      ...(explanation !== undefined && { explanation }),
      ...(reason !== undefined && { reason }),
    };
  } catch (error) {
    if (error instanceof SpfStop) return { result: error.result, domain: shown, reason: error.message };
    throw error;
  }
}

/** The end of the whole check, from however deep (§2.6.6, §2.6.7): both errors pass through include and redirect. */
class SpfStop extends Error {
  constructor(result: "temperror" | "permerror", reason: string) {
    super(reason);
    this.result = result;
  }
  readonly result: "temperror" | "permerror";
}

interface Check {
  readonly resolver: Resolver;
  readonly ip: IpAddress;
  readonly sender: string;
  readonly helo: string;
  readonly receiver: string;
  readonly now: Date;
  lookupTerms: number;
  voidLookups: number;
}

interface HostResult {
  readonly result: SpfResult;
  readonly exp?: { readonly spec: string; readonly domain: string };
  readonly reason?: string;
}

/** §2.4, §4.3: without a local part it is "postmaster". */
function identity({ mailFrom, helo }: SpfQuestion): { local: string; domain: string } {
  if (mailFrom === "") return { local: "postmaster", domain: helo };
  // The last "@" splits, because a quoted local part may hold one.
  const at = mailFrom.lastIndexOf("@");
  return { local: mailFrom.slice(0, Math.max(0, at)) || "postmaster", domain: mailFrom.slice(at + 1) };
}

/** RFC 7208 §4.3: internationalised names are checked as A-labels. */
function asciiDomain(domain: string): string {
  const bare = domain.replace(/\.$/, "").toLowerCase();
  return /^[\x00-\x7f]*$/.test(bare) ? bare : domainToASCII(bare) || bare;
}

/** §4: `check_host()`. */
async function checkHost(check: Check, domain: string): Promise<HostResult> {
  // §4.3: malformed, or not a multi-label name.
  if (!isHostDomain(domain)) return { result: "none", reason: `"${domain.slice(0, 100)}" is no domain` };

  const record = await findRecord(check, domain);
  if (record === undefined) return { result: "none", reason: `${domain} publishes no SPF record` };

  for (const mechanism of record.mechanisms) {
    if (await matches(check, mechanism, domain)) {
      return {
        result: mechanism.qualifier,
        ...(record.exp !== undefined && { exp: { spec: record.exp, domain } }),
      };
    }
  }
  // §6.1: redirect counts only when nothing matched; its target's result and explanation are ours.
  if (record.redirect !== undefined) {
    countTerm(check);
    const target = await targetName(check, record.redirect, domain);
    const redirected = await checkHost(check, target);
    if (redirected.result === "none") throw new SpfStop("permerror", `redirect: ${redirected.reason}`);
    return redirected;
  }
  return { result: "neutral" };
}

/** §4.4, §4.5. */
async function findRecord(check: Check, domain: string): Promise<SpfRecord | undefined> {
  let records: DnsRecords;
  try {
    records = await check.resolver(domain, "TXT");
  } catch (error) {
    if (isNegative(error)) return undefined;
    throw new SpfStop("temperror", reasonOf(error));
  }
  const found = texts(records).filter(isSpfRecord);
  if (found.length > 1) throw new SpfStop("permerror", `${domain} publishes ${found.length} SPF records`);
  const [text] = found;
  if (text === undefined) return undefined;
  try {
    return parseSpfRecord(text);
  } catch (error) {
    if (error instanceof SpfSyntaxError) throw new SpfStop("permerror", `${domain}: ${error.message}`);
    throw error;
  }
}

/** §5: whether the client matches. */
async function matches(check: Check, mechanism: Mechanism, domain: string): Promise<boolean> {
  switch (mechanism.type) {
    case "all":
      return true;
    case "ip":
      return sharesPrefix(check.ip, mechanism.network, mechanism.prefix);
    case "include": {
      countTerm(check);
      const included = await checkHost(check, await targetName(check, mechanism.domain, domain));
      // §5.2: of the six results only pass is a match; the errors have been thrown past here.
      if (included.result === "none") throw new SpfStop("permerror", `include: ${included.reason}`);
      return included.result === "pass";
    }
    case "a": {
      countTerm(check);
      const target = await targetName(check, mechanism.domain ?? "%{d}", domain);
      return holdsClient(check, await addressesOf(check, target), mechanism);
    }
    case "mx": {
      countTerm(check);
      const target = await targetName(check, mechanism.domain ?? "%{d}", domain);
      const exchanges = mxNames(await lookup(check, target, "MX"));
      // §4.6.4: more than ten is an error, not a list to cut.
      if (exchanges.length > maxMxNames) throw new SpfStop("permerror", `${target} has more than ${maxMxNames} MX`);
      for (const exchange of exchanges) {
        if (exchange !== "" && holdsClient(check, await addressesOf(check, exchange), mechanism)) return true;
      }
      return false;
    }
    case "exists": {
      countTerm(check);
      // §5.7: always A, whatever the client's family.
      const target = await targetName(check, mechanism.domain, domain);
      return (await lookup(check, target, "A")).length > 0;
    }
    case "ptr": {
      countTerm(check);
      const target = (await targetName(check, mechanism.domain ?? "%{d}", domain)).toLowerCase();
      const names = await validatedNames(check);
      return names.some((name) => name === target || name.endsWith(`.${target}`));
    }
  }
}

/** §4.6.4: include, a, mx, ptr, exists and redirect share ten. */
function countTerm(check: Check): void {
  check.lookupTerms += 1;
  if (check.lookupTerms > maxLookupTerms) {
    throw new SpfStop("permerror", `more than ${maxLookupTerms} terms that need the DNS`);
  }
}

/** A question of a mechanism: no records and no name are the "void lookups" of §4.6.4, failures end the check. */
async function lookup(check: Check, name: string, type: string): Promise<DnsRecords> {
  try {
    return await check.resolver(name, type);
  } catch (error) {
    if (!isNegative(error)) throw new SpfStop("temperror", reasonOf(error));
    check.voidLookups += 1;
    if (check.voidLookups > maxVoidLookups) {
      throw new SpfStop("permerror", `more than ${maxVoidLookups} DNS questions had no answer`);
    }
    return [];
  }
}

function addressesOf(check: Check, name: string): Promise<DnsRecords> {
  return lookup(check, name, check.ip.length === 4 ? "A" : "AAAA");
}

function holdsClient(
  check: Check,
  records: DnsRecords,
  { prefix4, prefix6 }: { readonly prefix4: number; readonly prefix6: number },
): boolean {
  return addresses(records).some((address) =>
    sharesPrefix(check.ip, address, address.length === 4 ? prefix4 : prefix6),
  );
}

/** §5.5: of the first ten names, those that lead back to the client. No DNS error of this search is an error of the check. */
async function validatedNames(check: Check): Promise<readonly string[]> {
  let names: readonly string[];
  try {
    names = strings(await check.resolver(reverseName(check.ip), "PTR"));
  } catch {
    return [];
  }
  const valid: string[] = [];
  for (const name of names.slice(0, maxPtrNames)) {
    try {
      const records = await check.resolver(name, check.ip.length === 4 ? "A" : "AAAA");
      if (addresses(records).some((address) => sharesPrefix(check.ip, address, address.length * 8))) {
        valid.push(name.toLowerCase().replace(/\.$/, ""));
      }
    } catch {
      // §5.5: "If a DNS error occurs while doing an A RR lookup, then that domain name is skipped".
    }
  }
  return valid;
}

/** §7.2 `%{p}`: the domain itself before a name below it before any other. */
async function validatedName(check: Check, domain: string): Promise<string> {
  const names = await validatedNames(check);
  return (
    names.find((name) => name === domain) ?? names.find((name) => name.endsWith(`.${domain}`)) ?? names[0] ?? "unknown"
  );
}

async function macroValues(check: Check, text: string, domain: string): Promise<MacroValues> {
  const validated = needsValidatedName(text) ? await validatedName(check, domain) : "unknown";
  const { ip, sender, helo, receiver, now } = check;
  return { ip, sender, domain, helo, receiver, now, validatedName: validated };
}

/** §4.8, §7.3: the expansion, cut from the left by whole labels to 253 characters. */
async function targetName(check: Check, spec: string, domain: string): Promise<string> {
  const expanded = expandMacros(spec, await macroValues(check, spec, domain));
  if (expanded === undefined) throw new SpfStop("permerror", `"${spec.slice(0, 60)}" cannot be expanded`);
  let name = expanded.replace(/\.$/, "");
  while (name.length > 253) {
    const dot = name.indexOf(".");
    if (dot === -1) break;
    name = name.slice(dot + 1);
  }
  return name;
}

/** §6.2: exactly one TXT record of US-ASCII, well formed; whatever goes wrong, there is no explanation. */
async function explain(check: Check, { spec, domain }: { spec: string; domain: string }): Promise<string | undefined> {
  try {
    const records = texts(await check.resolver(await targetName(check, spec, domain), "TXT"));
    const [text] = records;
    if (text === undefined || records.length !== 1 || !/^[\x20-\x7e]*$/.test(text)) return undefined;
    const explanation = expandMacros(text, await macroValues(check, text, domain));
    return explanation && /^[\x20-\x7e]+$/.test(explanation) ? explanation.slice(0, maxExplanation) : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 1035 §2.3.4 sizes, at least two labels, none empty; an address literal is none either. */
function isHostDomain(domain: string): boolean {
  const labels = domain.split(".");
  return (
    domain.length <= 253 &&
    labels.length >= 2 &&
    labels.every((label) => label.length > 0 && label.length <= 63) &&
    /^[\x21-\x7e]+$/.test(domain) &&
    !domain.startsWith("[")
  );
}

function texts(records: DnsRecords): string[] {
  // §3.3: the character-strings of a record are joined without adding spaces.
  return records.flatMap((record) =>
    typeof record === "string" ? [record] : isStrings(record) ? [record.join("")] : [],
  );
}

function strings(records: DnsRecords): string[] {
  return records.flatMap((record) => (typeof record === "string" ? [record] : []));
}

function addresses(records: DnsRecords): IpAddress[] {
  return strings(records).flatMap((record) => parseIpAddress(record) ?? []);
}

function mxNames(records: DnsRecords): string[] {
  const found = records.flatMap((record) => (typeof record === "string" || isStrings(record) ? [] : [record]));
  return found.sort((a: MxRecord, b: MxRecord) => a.priority - b.priority).map(({ exchange }) => exchange);
}

function isStrings(record: string | readonly string[] | MxRecord): record is readonly string[] {
  return Array.isArray(record);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
