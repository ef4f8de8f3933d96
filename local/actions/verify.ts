import type { VerdictStatus } from "../../shared/mail/judgement.ts";
import type { Clock } from "../../shared/ports.ts";
import type { Authentication, VerdictOptions } from "../../shared/receipt/authentication.ts";
import { verdictsFrom } from "../../shared/receipt/authentication.ts";
import type { Log } from "../log.ts";
import { withInjected, withInjectedScan } from "../play/injected.ts";
import type { ScanContext, Scanner, ScanResult } from "../scan/scanner.ts";
import type { AcceptedMessage, Verification } from "../store/engine-store.ts";

/** Who sent a message and whether it is harmless, found out once. `scan`: whether any rule that runs asks for it. */
export type Verify = (
  message: AcceptedMessage,
  raw: () => AsyncIterable<Uint8Array>,
  scan: boolean,
) => Promise<Verification>;

export interface VerifyParts {
  /** SPF, DKIM, DMARC, ARC. Bounds its own time. */
  readonly authenticate: (
    raw: AsyncIterable<Uint8Array>,
    smtp: { readonly ip: string; readonly helo: string; readonly mailFrom: string },
  ) => Promise<Authentication>;
  /** Bounds its own time. */
  readonly scanner: Scanner;
  readonly readings?: VerdictOptions;
  readonly clock: Clock;
  readonly log: Pick<Log, "error">;
}

/** Authentication and scan run side by side, after acceptance, as in SES; only the rules of this message wait. */
export function createVerify({ authenticate, scanner, readings, clock, log }: VerifyParts): Verify {
  return async (message, raw, scan) => {
    const { ip, helo } = message.client;
    const context: ScanContext = { ip, helo, mailFrom: message.from, recipients: message.recipients };
    const failed = (what: string) => (error: unknown) => {
      log.error(`${what} failed`, { sesMessageId: message.sesMessageId, error: text(error) });
      return undefined;
    };
    const asked = message.client.injected?.results ?? {};
    const [found = nothingKnown, result] = await Promise.all([
      lent(raw(), (octets) => authenticate(octets, { ip, helo, mailFrom: message.from })).catch(
        failed("authentication"),
      ),
      scan ? scanner.scan(raw, context).catch(failed("scan")) : undefined,
    ]);
    const authentication = withInjected(found, asked);
    const spam = judged(scan, result, "spam");
    const virus = judged(scan, result, "virus");
    return {
      authentication,
      verdicts: withInjectedScan(verdictsFrom(authentication, spam.verdict, virus.verdict, readings), asked),
      scanDetail: { spam: spam.detail, virus: virus.detail },
      at: clock.now().toISOString(),
    };
  };
}

/** Closes the message behind a reader that stops early, as for an unsigned message behind its header section. */
async function lent<Result>(
  octets: AsyncIterable<Uint8Array>,
  use: (octets: AsyncIterable<Uint8Array>) => Promise<Result>,
): Promise<Result> {
  const iterator = octets[Symbol.asyncIterator]();
  try {
    return await use({ [Symbol.asyncIterator]: () => iterator });
  } finally {
    await iterator.return?.();
  }
}

// A check that broke down has found nothing out, which is not the same as "there is nothing".
const nothingKnown: Authentication = {
  spf: { result: "temperror", domain: "" },
  dkim: [],
  dmarc: { result: "temperror", domain: "" },
};

function judged(
  scan: boolean,
  result: ScanResult | undefined,
  kind: "spam" | "virus",
): { readonly verdict: VerdictStatus | undefined; readonly detail: string } {
  if (!scan) return { verdict: undefined, detail: "no rule asked for a scan" };
  const verdict = result?.[kind] ?? "PROCESSING_FAILED";
  return { verdict, detail: result?.detail ?? "the scanner broke down" };
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
