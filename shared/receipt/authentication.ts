import type { VerdictStatus, Verdicts } from "../mail/judgement.ts";
import { choices } from "./choices.ts";

/** RFC 7208 §2.6. */
export type SpfResult = "none" | "neutral" | "pass" | "fail" | "softfail" | "temperror" | "permerror";

/**
 * RFC 8601 §2.7.1. `fail`: signature or body hash is wrong. `permerror`: no key, a revoked or unusable one.
 * `neutral`: the signature header itself cannot be read. `policy`: valid, but too weak to count. `temperror`: DNS.
 */
export type DkimResult = "pass" | "fail" | "policy" | "neutral" | "temperror" | "permerror";

/** RFC 9989 / RFC 8601 §2.7.2, RFC 7489 §11.2. `none`: the author's domain publishes no record. */
export type DmarcResult = "none" | "pass" | "fail" | "temperror" | "permerror";

export type DmarcPolicy = "none" | "quarantine" | "reject";

export interface DkimFinding {
  readonly result: DkimResult;
  /** The signing domain, `d=`, lower case; `""` when the signature names none. */
  readonly domain: string;
  /** `s=`; `""` when the signature names none. */
  readonly selector: string;
  /** Whether `domain` is aligned (relaxed) with the author's domain. */
  readonly aligned: boolean;
  /** Valid, but too weak to count (RFC 8301); then never `aligned`, and the header block says `policy`. */
  readonly weak?: true;
}

/** What was found out about who sent a message. Computed once after acceptance, stored, never computed again. */
export interface Authentication {
  readonly spf: {
    readonly result: SpfResult;
    /** Domain of MAIL FROM, or the HELO name for the null sender (RFC 7208 §2.4). */
    readonly domain: string;
  };
  /** One entry per DKIM-Signature header, from the top; empty when the message is not signed. */
  readonly dkim: readonly DkimFinding[];
  readonly dmarc: {
    readonly result: DmarcResult;
    /** The policy that applies to this author domain (`sp=` already applied); absent without a record. */
    readonly policy?: DmarcPolicy;
    /** The author's domain (header From), lower case; `""` when From holds none. */
    readonly domain: string;
  };
  readonly arc?: { readonly result: "none" | "pass" | "fail" };
}

/** Verdict of one scanner; `undefined` stands for "the rule asked for no scan". */
export type ScanVerdict = VerdictStatus | undefined;

export interface VerdictOptions {
  /** What a DMARC failure under `p=none` gives. Default `FAIL`, as recorded; `GRAY` as documented. */
  readonly dmarcFailureUnderNone?: "FAIL" | "GRAY";
  /** Whether a valid signature must be aligned to give PASS. Default true, as recorded; false as documented. */
  readonly dkimNeedsAlignment?: boolean;
}

/**
 * SES's five verdicts (ses-receiving.md §4.1). `dmarcPolicy` is there only when DMARC failed.
 *
 * @param spam - the scanner's verdict, `undefined` when the rule has scanning off (then `DISABLED`)
 * @param virus - as `spam`
 */
export function verdictsFrom(
  authentication: Authentication,
  spam: ScanVerdict,
  virus: ScanVerdict,
  options: VerdictOptions = {},
): Verdicts {
  const { dmarc } = authentication;
  return {
    spam: spam ?? "DISABLED",
    virus: virus ?? "DISABLED",
    spf: spfVerdicts[authentication.spf.result],
    dkim: dkimVerdict(authentication.dkim, options.dkimNeedsAlignment ?? choices.dkimNeedsAlignment.value),
    dmarc: dmarcVerdict(dmarc, options.dmarcFailureUnderNone ?? choices.dmarcFailureUnderNone.value),
    ...(dmarc.result === "fail" && dmarc.policy !== undefined && { dmarcPolicy: dmarc.policy }),
  };
}

const spfVerdicts: Readonly<Record<SpfResult, VerdictStatus>> = {
  pass: "PASS",
  fail: "FAIL",
  softfail: "GRAY",
  neutral: "GRAY",
  none: "GRAY",
  temperror: "PROCESSING_FAILED",
  permerror: choices.spfPermerror.value,
};

function dkimVerdict(findings: readonly DkimFinding[], needsAlignment: boolean): VerdictStatus {
  if (findings.length === 0) return "GRAY";
  const passed = findings.filter((finding) => finding.result === "pass");
  if (passed.some((finding) => finding.aligned || !needsAlignment)) return "PASS";
  if (passed.length > 0) return "GRAY";
  // One signature that could not be looked up might have been the valid one, so the message has not failed.
  if (findings.some((finding) => finding.result === "temperror")) return "PROCESSING_FAILED";
  if (findings.every((finding) => finding.result === "neutral")) return "PROCESSING_FAILED";
  if (findings.some((finding) => finding.result === "fail" || finding.result === "policy")) return "FAIL";
  return choices.dkimPermerror.value;
}

function dmarcVerdict(dmarc: Authentication["dmarc"], underNone: "FAIL" | "GRAY"): VerdictStatus {
  switch (dmarc.result) {
    case "pass":
      return "PASS";
    case "none":
      return "GRAY";
    case "fail":
      return dmarc.policy === "none" ? underNone : "FAIL";
    case "temperror":
    case "permerror":
      return "PROCESSING_FAILED";
  }
}
