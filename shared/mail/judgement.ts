/** What a message *is* (design: one of two questions; the other is where it goes). A property of the whole message. */
export const natures = [
  "human",
  "bounce",
  "complaint",
  "auto-reply",
  "mdn",
  "list",
  "unsubscribe-request",
  "machine",
] as const;
export type Nature = (typeof natures)[number];

export interface NatureFinding {
  readonly kind: Nature;
  /** From 0 to 1: how sure the rules are. */
  readonly confidence: number;
  /** The headers or lines that decided, quoted and cut to 200 characters each, the decisive one first. */
  readonly evidence: readonly string[];
}

export interface Safety {
  readonly kind: "clean" | "suspicious";
  readonly reasons: readonly string[];
}

/**
 * Whether we may believe who wrote it. `token`: one of our own signed tokens, valid. `aligned`: SPF or DKIM passes,
 * aligned with the author's domain. `failed`: DMARC FAIL. `unaligned`: all else.
 */
export type Trust = "token" | "aligned" | "failed" | "unaligned";

export const verdictStatuses = ["PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED"] as const;
export type VerdictStatus = (typeof verdictStatuses)[number];

/** The five verdicts of an SES receipt, without their wrapping objects. */
export interface Verdicts {
  readonly spam: VerdictStatus;
  readonly virus: VerdictStatus;
  readonly spf: VerdictStatus;
  readonly dkim: VerdictStatus;
  readonly dmarc: VerdictStatus;
  /** Only when DMARC failed: the policy that the author's domain publishes. */
  readonly dmarcPolicy?: "none" | "quarantine" | "reject";
}

export interface Judgement {
  readonly nature: NatureFinding;
  readonly safety: Safety;
  readonly trust: Trust;
  /**
   * False when the headers alone could not decide and no body was given, or when a truncated header list may lack the
   * header that matters: read the object and judge again.
   */
  readonly complete: boolean;
}
