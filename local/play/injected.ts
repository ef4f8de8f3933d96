import * as z from "zod";
import type { Verdicts } from "../../shared/mail/judgement.ts";
import type { Authentication } from "../../shared/receipt/authentication.ts";

const verdict = z.enum(["PASS", "FAIL", "GRAY", "PROCESSING_FAILED"]);

/** What authentication and scan are to have found; what is not named is found out as for any mail. */
export const injectedResults = z.strictObject({
  spf: z.enum(["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]).optional(),
  /** `none`: not signed. */
  dkim: z.enum(["none", "pass", "fail", "policy", "neutral", "temperror", "permerror"]).optional(),
  dmarc: z.enum(["none", "pass", "fail", "temperror", "permerror"]).optional(),
  dmarcPolicy: z.enum(["none", "quarantine", "reject"]).optional(),
  spam: verdict.optional(),
  virus: verdict.optional(),
});
export type InjectedResults = z.infer<typeof injectedResults>;

/** That a message came in by hand, not over SMTP, and what was asked for with it. Shown in its journey. */
export interface Injected {
  /** `upload`, `compose`, `reply`, the actor's name, `replay`. */
  readonly by: string;
  readonly results?: InjectedResults;
}

/** The findings with what was asked for in their place. `author`: the author's domain, as DMARC found it. */
export function withInjected(
  found: Authentication,
  { spf, dkim, dmarc, dmarcPolicy }: InjectedResults,
): Authentication {
  const author = found.dmarc.domain;
  return {
    ...found,
    ...(spf !== undefined && { spf: { ...found.spf, result: spf } }),
    ...(dkim !== undefined && {
      dkim: dkim === "none" ? [] : [{ result: dkim, domain: author, selector: "injected", aligned: dkim === "pass" }],
    }),
    ...((dmarc !== undefined || dmarcPolicy !== undefined) && {
      dmarc: {
        ...found.dmarc,
        ...(dmarc !== undefined && { result: dmarc }),
        ...(dmarcPolicy !== undefined && { policy: dmarcPolicy }),
      },
    }),
  };
}

export function withInjectedScan(verdicts: Verdicts, { spam, virus }: InjectedResults): Verdicts {
  return { ...verdicts, ...(spam !== undefined && { spam }), ...(virus !== undefined && { virus }) };
}
