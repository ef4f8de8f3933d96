import type { ResolvedConfig } from "../../shared/config/types.ts";

export interface WantedRecord {
  /** Absolute, without the final dot. */
  readonly name: string;
  readonly type: "MX" | "CNAME" | "TXT";
  /** As a zone file has it; TXT without quotes. */
  readonly value: string;
  readonly purpose: "receiving" | "dkim" | "spf" | "dmarc";
  /** Without it mail does not come, or the domain is not verified; the others help what we send to arrive. */
  readonly needed: boolean;
}

/** What DNS says about a name and type; undefined when it could not be asked. */
export type DnsAnswer = readonly string[] | undefined;

export type RecordState =
  | { readonly kind: "right" }
  | { readonly kind: "missing" }
  /** Something else is there: nothing is changed without being told. */
  | { readonly kind: "different"; readonly found: readonly string[]; readonly advice: string }
  | { readonly kind: "not-known" };

/**
 * The records that a domain needs to receive through SES, and to send.
 *
 * @param dkimTokens - of Easy DKIM, by domain; SES makes them with the identity, so a domain without has none yet
 */
export function wantedRecords(
  { domains, region }: Pick<ResolvedConfig, "domains" | "region">,
  dkimTokens: Readonly<Record<string, readonly string[]>>,
): readonly WantedRecord[] {
  return domains.flatMap((domain): WantedRecord[] => [
    {
      name: domain,
      type: "MX",
      value: `10 inbound-smtp.${region}.amazonaws.com`,
      purpose: "receiving",
      needed: true,
    },
    ...(dkimTokens[domain] ?? []).map(
      (token): WantedRecord => ({
        name: `${token}._domainkey.${domain}`,
        type: "CNAME",
        value: `${token}.dkim.amazonses.com`,
        purpose: "dkim",
        needed: true,
      }),
    ),
    { name: domain, type: "TXT", value: "v=spf1 include:amazonses.com ~all", purpose: "spf", needed: false },
    { name: `_dmarc.${domain}`, type: "TXT", value: "v=DMARC1; p=none", purpose: "dmarc", needed: false },
  ]);
}

/** Whether DNS says what is wanted. MX as `10 name`; TXT joined, one text a record. */
export function checkRecord(wanted: WantedRecord, answer: DnsAnswer): RecordState {
  if (answer === undefined) return { kind: "not-known" };
  switch (wanted.purpose) {
    case "receiving":
      return checkMx(wanted, answer);
    case "dkim":
      return answer.length === 0
        ? { kind: "missing" }
        : answer.some((name) => sameName(name, wanted.value))
          ? { kind: "right" }
          : { kind: "different", found: answer, advice: "Replace it: SES gave this domain new DKIM tokens." };
    case "spf":
      return checkSpf(answer.filter((text) => /^v=spf1(?: |$)/i.test(text)));
    case "dmarc":
      return checkDmarc(answer.filter((text) => /^v=DMARC1\s*(?:;|$)/i.test(text)));
  }
}

function checkMx({ value }: WantedRecord, answer: readonly string[]): RecordState {
  const server = value.split(" ")[1] ?? value;
  const hosts = answer.map((record) => record.split(/\s+/)[1] ?? record);
  if (hosts.length === 0) return { kind: "missing" };
  const ours = hosts.filter((host) => sameName(host, server));
  if (ours.length === hosts.length) return { kind: "right" };
  return {
    kind: "different",
    found: answer,
    advice:
      ours.length === 0
        ? "Mail goes elsewhere now. Replace it when the stage is tried; lower its TTL a day before."
        : "Mail goes here and elsewhere, by priority and chance. Remove the others, unless they hand mail on to SES.",
  };
}

function checkSpf(records: readonly string[]): RecordState {
  if (records.length === 0) return { kind: "missing" };
  // RFC 7208 §4.5: more than one is a permanent error, and so is none of them.
  if (records.length > 1)
    return { kind: "different", found: records, advice: "Two SPF records are as bad as a wrong one: join them." };
  if (/(?:^|\s)\+?include:amazonses\.com(?:\s|$)/i.test(records[0] ?? "")) return { kind: "right" };
  return { kind: "different", found: records, advice: "Add include:amazonses.com in front of its last word." };
}

function checkDmarc(records: readonly string[]): RecordState {
  if (records.length === 0) return { kind: "missing" };
  if (records.length > 1)
    return { kind: "different", found: records, advice: "Two DMARC records are read as none: keep one." };
  return { kind: "right" };
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase().replace(/\.$/, "") === b.toLowerCase().replace(/\.$/, "");
}

/** A line of a zone file. */
export function zoneLine({ name, type, value }: WantedRecord): string {
  const data = type === "TXT" ? `"${value}"` : `${value}.`;
  return `${name}. ${type} ${data}`;
}
