import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type AuthenticationFinding, authenticate } from "../../local/authenticate/authenticate.ts";
import { isAligned } from "../../local/authenticate/mailauth.ts";
import { type Resolver, zoneResolver } from "../../local/authenticate/resolver.ts";
import { checkSpf, type SpfAnswer } from "../../local/authenticate/spf.ts";
import { loadZone } from "../../local/authenticate/zone.ts";
import { publicKeyText, signCanonical } from "../local/authenticate/sign-by-hand.ts";

/** The published suites lie beside the project; a clone without them skips. */
export const suitesFolder = fileURLToPath(new URL("../../../shared/corpus/auth/", import.meta.url));
export const haveSuites = existsSync(suitesFolder);

export interface SuiteScore {
  readonly suite: string;
  /** Tests in the suite. */
  readonly total: number;
  readonly agree: number;
  /** Where we stay with the RFC against the suite, or where the suite lacks what the test needs; each with the reason. */
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
  readonly disagree: readonly { readonly test: string; readonly expected: string; readonly got: string }[];
}

type JsonZone = Record<string, unknown>;

export interface SpfCase {
  readonly suite: string;
  readonly name: string;
  readonly ip: string;
  readonly helo: string;
  readonly mailFrom: string;
  /** Any of these. */
  readonly results: readonly string[];
  /** `DEFAULT`: none of its own. */
  readonly explanation?: string;
  readonly resolver: Resolver;
}

const now = new Date("2026-01-01T00:00:00Z");

export function spfCases(): SpfCase[] {
  return [
    ...openspfCases("rfc7208-tests"),
    ...openspfCases("pyspf-tests"),
    ...["a", "all", "exists", "ip", "mx", "redirect"].flatMap((part) => stalwartSpfCases(`stalwart-${part}`)),
  ];
}

export async function scoreSpf(): Promise<SuiteScore[]> {
  const scores: SuiteScore[] = [];
  const cases = Map.groupBy(spfCases(), ({ suite }) => suite);
  for (const [suite, given] of cases) {
    const byName = new Map(given.map((one) => [one.name, one]));
    scores.push(
      await score(
        suite,
        [...byName.keys()],
        (name) => spfSkips(suite, name),
        async (name) => {
          const one = byName.get(name);
          if (!one) throw new Error(`no test ${name}`);
          const got = await ourSpf(one);
          const expected = `${one.results.join("|")} ${one.explanation ?? ""}`.trim();
          return { ok: agrees(one, got), expected, got: JSON.stringify(got) };
        },
      ),
    );
  }
  return scores;
}

/** Stalwart's own tests, where RFC 7208 and its suite say otherwise. */
export function spfSkips(suite: string, name: string): string | undefined {
  switch (`${suite} ${name}`) {
    case "stalwart-all All test 1":
      return "expects an unknown mechanism behind -all to be read over; RFC 7208 §4.6: any syntax error is permerror";
    case "stalwart-exists Exists 2":
      return "expects exists: to ask for AAAA; RFC 7208 §5.7: always A";
    case "stalwart-ip IPv6 match 4":
      return "expects ip6:::ffff:… to match an IPv4 client; RFC 7208 §5: a mapped address is IPv4";
    default:
      return undefined;
  }
}

export function ourSpf({ ip, helo, mailFrom, resolver }: SpfCase): Promise<SpfAnswer> {
  return checkSpf({ ip, helo, mailFrom, receiver: "receiver.example", now }, resolver);
}

export function agrees(given: SpfCase, got: SpfAnswer): boolean {
  const { explanation } = given;
  const explained =
    explanation === undefined ||
    (explanation === "DEFAULT" ? got.explanation === undefined : got.explanation === explanation);
  return given.results.includes(got.result) && explained;
}

interface OpenspfScenario {
  readonly description: string;
  readonly zonedata: Record<string, readonly ("TIMEOUT" | Record<string, unknown>)[]>;
  readonly tests: Record<
    string,
    { helo: string; host: string; mailfrom: string; result: string | string[]; explanation?: string }
  >;
}

function openspfCases(suite: string): SpfCase[] {
  return readJson<OpenspfScenario[]>(`spf/${suite}.json`).flatMap(({ zonedata, tests }) => {
    const resolver = zoneResolver(loadZone(JSON.stringify(openspfZone(zonedata))));
    return Object.entries(tests).map(([name, test]) => ({
      suite,
      name,
      ip: test.host,
      helo: test.helo,
      mailFrom: test.mailfrom,
      results: [test.result].flat(),
      ...(test.explanation !== undefined && { explanation: test.explanation }),
      resolver,
    }));
  });
}

/** SPF records of type 99 stand for TXT unless the name has TXT of its own; TIMEOUT stands for the types not listed. */
function openspfZone(zonedata: OpenspfScenario["zonedata"]): JsonZone {
  const zone: JsonZone = {};
  for (const [name, records] of Object.entries(zonedata)) {
    const byType: Record<string, unknown[]> = {};
    for (const record of records) {
      if (record === "TIMEOUT") continue;
      for (const [type, value] of Object.entries(record)) {
        byType[type] = [...(byType[type] ?? []), type === "MX" && Array.isArray(value) ? mx(value) : value];
      }
    }
    const node: Record<string, unknown> = { ...byType };
    const txt = byType["TXT"] ?? byType["SPF"];
    // TXT NONE: the type 99 record has no copy in TXT.
    if (txt && !txt.includes("NONE")) node["TXT"] = txt;
    else delete node["TXT"];
    delete node["SPF"];
    const types = Object.keys(node);
    if (records.includes("TIMEOUT")) {
      for (const type of ["TXT", "A", "AAAA", "MX", "PTR"]) node[type] ??= "TIMEOUT";
    }
    zone[name.toLowerCase()] = types.length === 0 && records.includes("TIMEOUT") ? "TIMEOUT" : node;
  }
  return zone;
}

const mx = ([priority, exchange]: readonly unknown[]) => ({ priority, exchange });

interface StalwartScenario {
  readonly name: string;
  readonly records: readonly { type: string; name: string; value: string }[];
  readonly tests: readonly { domain: string; sender: string; ip: string; expect: string }[];
}

function stalwartSpfCases(suite: string): SpfCase[] {
  return readJson<StalwartScenario[]>(`spf/${suite}.json`).flatMap((scenario) => {
    const zone: Record<string, Record<string, unknown[]>> = {};
    const add = (name: string, type: string, value: unknown) => {
      const node = zone[name] ?? {};
      zone[name] = node;
      node[type] = [...(node[type] ?? []), value];
    };
    const addAddress = (name: string, ip: string) => add(name, ip.includes(":") ? "AAAA" : "A", ip);
    for (const { type, name, value } of scenario.records) {
      if (type === "spf" || type === "txt") add(name, "TXT", value);
      else {
        value.split(",").forEach((item, at) => {
          const ip = item.trim();
          // The suite names the addresses of an exchange, not its name.
          const owner = type === "mx" ? `mx${at}.${name}.invalid` : name;
          if (type === "mx") add(name, "MX", { priority: at + 1, exchange: owner });
          addAddress(owner, ip);
        });
      }
    }
    const resolver = zoneResolver(loadZone(JSON.stringify(zone)));
    return scenario.tests.map((test, at) => ({
      suite,
      name: `${scenario.name} ${at + 1}`,
      ip: test.ip,
      helo: test.domain,
      mailFrom: test.sender,
      results: [test.expect],
      resolver,
    }));
  });
}

/** Mail::DKIM's corpus: `invalid` and `fail` both mean "not a valid signature". */
export async function scoreMailDkim(): Promise<SuiteScore> {
  const dns = readJson<{ records: { name: string; value: string }[] }>("dkim/mail-dkim/dns.json");
  const zone: Record<string, unknown> = {};
  for (const { name, value } of dns.records) {
    zone[name] = value === "NXDOMAIN" ? value : value.startsWith("~~") ? "TIMEOUT" : { TXT: [value] };
  }
  const expected = readJson<Record<string, { result: string }>>("dkim/mail-dkim/expected.json");
  return score("dkim/mail-dkim", Object.keys(expected), dkimSkips, async (file) => {
    const finding = await check(readFileSync(`${suitesFolder}dkim/mail-dkim/${file}`), zone);
    const wantsPass = expected[file]?.result === "pass";
    const passes = finding.dkim.some(({ result }) => result === "pass");
    return { ok: wantsPass === passes, expected: expected[file]?.result ?? "?", got: JSON.stringify(finding.dkim) };
  });
}

function dkimSkips(file: string): string | undefined {
  if (/(?:^|_)dk_/.test(file)) return "DomainKeys (RFC 4870), made historic by RFC 6376";
  if (/ietf00/.test(file)) return "a draft's format from before RFC 4871: no bh=";
  if (/^badkey_(?:8|9|13)\./.test(file))
    return "tests the key tag g=, which RFC 6376 §3.6.1 dropped: unknown tags are ignored";
  return undefined;
}

/** dkimpy's, Stalwart's, MimeKit's and jDKIM's messages, and SpamAssassin's, whose keys are gone. */
export async function scoreOtherDkim(): Promise<SuiteScore[]> {
  const dkimpy = (name: string) => readFileSync(`${suitesFolder}dkim/dkimpy/${name}`, "utf8").trim();
  const football = {
    "brisbane._domainkey.football.example.com": {
      TXT: ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    },
  };
  const files: Record<string, { zone: JsonZone; expected: string }> = {
    "ed25519test2.eml": {
      zone: { "sed._domainkey.test.ex": { TXT: [dkimpy("eximtest.dns.dns.txt")] } },
      expected: "pass",
    },
    "rfc6376.signed.eml": { zone: football, expected: "pass" },
  };
  const spamassassin = Object.keys(readJson<Record<string, unknown>>("dkim/spamassassin/expected.json"));
  return [
    await score("dkim/stalwart", readdirSync(`${suitesFolder}dkim/stalwart`), noSkips, async (file) => {
      const { message, zone } = stalwartMessage(`dkim/stalwart/${file}`);
      // One signature has an x= that is over: the suite means it at its own time.
      const finding = await check(message, zone, new Date("2022-11-08T00:00:00Z"));
      return {
        ok: finding.dkim.length > 0 && finding.dkim.every(({ result }) => result === "pass"),
        expected: "pass",
        got: JSON.stringify(finding.dkim),
      };
    }),
    await score(
      "dkim/dkimpy",
      Object.keys(files),
      () => undefined,
      async (file) => {
        const finding = await check(readFileSync(`${suitesFolder}dkim/dkimpy/${file}`), files[file]?.zone ?? {});
        return {
          ok: finding.dkim.some(({ result }) => result === "pass"),
          expected: "pass",
          got: JSON.stringify(finding.dkim),
        };
      },
    ),
    await score(
      "dkim/jdkim",
      ["FAIL_BADBH_s1024_yahoo.com.eml"],
      () => undefined,
      async (file) => {
        const finding = await check(readFileSync(`${suitesFolder}dkim/jdkim/${file}`), {});
        return {
          ok: finding.dkim.every(({ result, reason }) => result === "fail" && reason === "body hash did not verify"),
          expected: "fail by its body hash",
          got: JSON.stringify(finding.dkim),
        };
      },
    ),
    await score("dkim/spamassassin (keys are gone: body hashes)", spamassassin, spamassassinSkips, async (file) => {
      const finding = await check(readFileSync(`${suitesFolder}dkim/spamassassin/${file}`), {});
      // The body hash is checked before the key is looked for: what gets as far as "no key" has the right one.
      const reached = finding.dkim.some(({ reason }) => reason === "no key");
      const wrong = finding.dkim.every(({ result }) => result !== "pass");
      return {
        ok: file.includes("pass") ? reached : wrong,
        expected: file.includes("pass") ? "body hash right" : "no pass",
        got: JSON.stringify(finding.dkim),
      };
    }),
  ];
}

const noSkips = () => undefined;

/** Messages of other libraries whose keys are gone: as far as the body hash they can be checked. */
export async function scoreBodyHashes(): Promise<SuiteScore> {
  const files = [
    "dkim/dkimpy/message.mbox.eml",
    "dkim/dkimpy/test2.message.eml",
    ...[
      "gamma_gmail.com",
      "gamma_gmail.com_duplicateheaders",
      "multiHeader",
      "pmta_myspace.com",
      "s1024_yahoo.com",
    ].map((name) => `dkim/jdkim/${name}.eml`),
    "dkim/mimekit/multipart-no-end-boundary.eml",
  ];
  return score("dkim/dkimpy, jdkim, mimekit (keys are gone: body hashes)", files, noSkips, async (file) => {
    const { dkim } = await check(readFileSync(suitesFolder + file), {});
    const ok = dkim.length > 0 && dkim.every(({ reason }) => reason === "no key");
    return { ok, expected: "body hash right", got: JSON.stringify(dkim) };
  });
}

/** flanker's table of canonical forms: a signature over what the table says must verify on what it began with. */
export async function scoreCanonicalisation(): Promise<SuiteScore> {
  const folder = `${suitesFolder}dkim/canonicalisation`;
  const tests = readdirSync(folder).flatMap((file) => [`${file} relaxed`, `${file} simple`]);
  const zone = { "s1._domainkey.sender.example": { TXT: [`v=DKIM1; p=${publicKeyText}`] } };
  const skip = (name: string) =>
    name === "24.json relaxed"
      ? "expects white space of an unended last line to stay; RFC 6376 §3.4.4 ignores white space at line ends"
      : undefined;
  return score("dkim/canonicalisation", tests, skip, async (name) => {
    const [file = "", canon = ""] = name.split(" ");
    const given = readJson<Record<string, string>>(`dkim/canonicalisation/${file}`);
    const expected = given[`${canon}.expected`] ?? "";
    const cut = expected.indexOf("\r\n\r\n") + 2;
    const signature = signCanonical(
      canon === "simple" ? "simple" : "relaxed",
      expected.slice(0, cut),
      expected.slice(cut + 2),
    );
    const { dkim } = await check(Buffer.from(signature + (given["input"] ?? "")), zone);
    return { ok: dkim[0]?.result === "pass", expected: "pass", got: JSON.stringify(dkim) };
  });
}

/** authentication_milter's messages have no DNS with them: whose policy is asked is what they can show. */
export async function scoreDmarcAuthors(): Promise<SuiteScore> {
  const files = readdirSync(`${suitesFolder}dmarc/authmilter`);
  // Two From fields, three mailboxes: no author domain to ask (RFC 9989).
  const several = "permerror";
  return score("dmarc/authmilter (author domains)", files, noSkips, async (file) => {
    const raw = readFileSync(`${suitesFolder}dmarc/authmilter/${file}`);
    const { dmarc } = await check(raw, {});
    const author = /^from:(?:[^\n]*(?:\n[ \t])?)*?@\s*([a-z.]+)/im.exec(
      raw.toString("latin1").replaceAll("\r", ""),
    )?.[1];
    const expected = file === "dmarc_multi.eml" ? several : (author ?? "?");
    const got = dmarc.result === "permerror" ? dmarc.result : dmarc.domain;
    return { ok: got === expected, expected, got };
  });
}

/** The Public Suffix List's own tests, asked through the only question we have: are two domains one organisation's? */
export async function scorePublicSuffixes(): Promise<SuiteScore> {
  const tests = readJson<{ input: string | null; registrable_domain: string | null }[]>("psl/test_psl.json");
  const byName = new Map(tests.map((one) => [String(one.input), one]));
  const skip = (name: string) =>
    name === "null" || name.startsWith(".") ? "no domain name: none comes as far as this question" : undefined;
  return score("psl/test_psl", [...byName.keys()], skip, async (name) => {
    const organisation = byName.get(name)?.registrable_domain ?? null;
    const below = (domain: string) => [`one.${domain}`, `two.${domain}`] as const;
    // Domains below a registrable one belong together; those below a public suffix do not.
    const together = isAligned(...below(organisation ?? name));
    const withName = organisation === null || isAligned(name, organisation);
    return {
      ok: together === (organisation !== null) && withName,
      expected: organisation ?? "a public suffix",
      got: `${together} ${withName}`,
    };
  });
}

function spamassassinSkips(file: string): string | undefined {
  return file.includes("adsp") ? "tests ADSP (RFC 5617), made historic in 2013; not signed" : undefined;
}

/** ValiMail's suite; a test without `cv` expects that no chain is sealed any more, which is no verifier's result. */
export async function scoreArc(): Promise<SuiteScore[]> {
  const scenarios = readJson<
    {
      description: string;
      "txt-records": Record<string, string>;
      tests: Record<string, { message: string; cv: string }>;
    }[]
  >("arc/arc-draft-validation-tests.json");
  const tests = new Map<string, { message: string; cv: string; zone: JsonZone }>();
  for (const scenario of scenarios) {
    const zone = Object.fromEntries(
      Object.entries(scenario["txt-records"]).map(([name, txt]) => [name, { TXT: [txt] }]),
    );
    for (const [name, test] of Object.entries(scenario.tests)) tests.set(name, { ...test, zone });
  }
  const ofTest = (name: string) => tests.get(name) ?? { message: "", cv: "", zone: {} };
  return [
    await score("arc/arc-draft-validation-tests", [...tests.keys()], arcSkips, async (name) => {
      const { message, cv, zone } = ofTest(name);
      const finding = await check(Buffer.from(message, "latin1"), zone);
      const expected = cv === "" ? "none" : cv.toLowerCase();
      return { ok: finding.arc?.result === expected, expected, got: finding.arc?.result ?? "-" };
    }),
    await score(
      "arc/stalwart",
      readdirSync(`${suitesFolder}arc/stalwart`),
      () => undefined,
      async (file) => {
        const { message, zone } = stalwartMessage(`arc/stalwart/${file}`);
        const finding = await check(message, zone);
        return { ok: finding.arc?.result === "pass", expected: "pass", got: finding.arc?.result ?? "-" };
      },
    ),
    await score(
      "arc/mailauth (keys are gone)",
      ["arc-fail.eml", "arc-fail2.eml", "arc-fail3.eml"],
      () => undefined,
      async (file) => {
        const finding = await check(readFileSync(`${suitesFolder}arc/mailauth/${file}`), {});
        return { ok: finding.arc?.result === "fail", expected: "fail", got: finding.arc?.result ?? "-" };
      },
    ),
    await score(
      "arc/kumomta, spamassassin (keys are gone)",
      ["kumomta/arc-example-2.eml", "spamassassin/ko01.eml"],
      (file) => (file.startsWith("spam") ? "holds no ARC fields: nothing to fail" : undefined),
      async (file) => {
        const finding = await check(readFileSync(`${suitesFolder}arc/${file}`), {});
        return { ok: finding.arc?.result === "fail", expected: "fail", got: finding.arc?.result ?? "-" };
      },
    ),
  ];
}

function arcSkips(name: string): string | undefined {
  switch (name) {
    case "ams_fields_a_sha1":
    case "as_fields_a_sha1":
      return "expects rsa-sha1 to pass; RFC 8301 §3.1 forbids it, and RFC 8617 was written after it";
    case "ams_fields_h_empty":
      return "expects an empty h= to pass; RFC 6376 §3.5 forbids it, and From must be signed (§5.4)";
    case "cv_fail_i1_as_cv_fail":
    case "cv_fail_i2_as1_fail":
      return "a chain sealed with cv=fail: the suite names no result; RFC 8617 §5.2 says fail";
    default:
      return undefined;
  }
}

/** Stalwart's files: key records, an empty line, the message. */
function stalwartMessage(path: string): { message: Buffer; zone: JsonZone } {
  const text = readFileSync(suitesFolder + path, "latin1").replaceAll("\r\n", "\n");
  const cut = text.indexOf("\n\n");
  const zone: JsonZone = {};
  for (const line of text.slice(0, cut).split("\n")) {
    zone[line.slice(0, line.indexOf(" "))] = { TXT: [line.slice(line.indexOf(" ") + 1)] };
  }
  return { message: Buffer.from(text.slice(cut + 2), "latin1"), zone };
}

async function score(
  suite: string,
  tests: readonly string[],
  skip: (test: string) => string | undefined,
  run: (test: string) => Promise<{ ok: boolean; expected: string; got: string }>,
): Promise<SuiteScore> {
  const skipped: SuiteScore["skipped"][number][] = [];
  const disagree: SuiteScore["disagree"][number][] = [];
  let agree = 0;
  for (const test of tests) {
    const reason = skip(test);
    if (reason !== undefined) {
      skipped.push({ test, reason });
      continue;
    }
    const { ok, expected, got } = await run(test);
    if (ok) agree += 1;
    else disagree.push({ test, expected, got });
  }
  return { suite, total: tests.length, agree, skipped, disagree };
}

async function check(message: Buffer, zone: JsonZone, at = now): Promise<AuthenticationFinding> {
  // The corpus stores some messages with LF; signatures are over CRLF.
  const raw = Buffer.from(message.toString("latin1").replace(/\r?\n/g, "\r\n"), "latin1");
  const smtp = { ip: "192.0.2.1", helo: "mx.example", mailFrom: "", authserv: "receiver.example" };
  return authenticate(raw, smtp, zoneResolver(loadZone(JSON.stringify(zone))), { now: at });
}

function readJson<Content>(path: string): Content {
  return JSON.parse(readFileSync(suitesFolder + path, "utf8")) as Content;
}
