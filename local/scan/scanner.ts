import type { VerdictStatus } from "../../shared/mail/judgement.ts";

/** What a scanner is told about the SMTP transaction. Addresses may be `""` (null sender). */
export interface ScanContext {
  readonly ip: string;
  readonly helo: string;
  readonly mailFrom: string;
  readonly recipients: readonly string[];
}

export interface ScanResult {
  /** Absent when this scanner does not look for spam. */
  readonly spam?: VerdictStatus;
  /** Absent when this scanner does not look for viruses. */
  readonly virus?: VerdictStatus;
  /** One line for the journey: who judged, and on what ground. Holds nothing of the mail's text. */
  readonly detail: string;
}

/**
 * Judges a message. Never rejects for what is in a message, nor because a daemon is away, slow or talks nonsense: that
 * is `PROCESSING_FAILED` with the reason in `detail`.
 */
export interface Scanner {
  /** @param raw - opens the message's bytes anew at each call */
  scan(raw: () => AsyncIterable<Uint8Array>, context: ScanContext, signal?: AbortSignal): Promise<ScanResult>;
}
