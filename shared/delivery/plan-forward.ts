import type { ForwardVia, ResolvedPersonal } from "../config/types.ts";
import { normaliseAddress } from "../mail/address.ts";
import type { Header } from "../mail/headers.ts";
import { headerValues } from "../mail/headers.ts";
import type { Verdicts } from "../mail/judgement.ts";

/** Names everybody through whom a mail was forwarded by a program like this one. */
export const forwardedHeader = "X-Mailweir-Forwarded-For";

// RFC 5321 §6.3 asks for at least 100 before a mail is said to loop; half of that is more than any honest way has.
const maxReceived = 50;
const maxForwards = 5;

export type ForwardPlan =
  | { readonly kind: "send"; readonly from: "unchanged" | "rewritten"; readonly because: string }
  | { readonly kind: "loop"; readonly because: string }
  | { readonly kind: "too-large"; readonly because: string };

export interface ForwardFacts {
  readonly via: ForwardVia;
  readonly recipient: string;
  readonly headers: readonly Header[];
  readonly sizeBytes: number;
  readonly verdicts: Verdicts;
  /** Domain of the first author. */
  readonly authorDomain: string | undefined;
  /** The Authentication-Results that SES wrote on top. */
  readonly results: string;
}

/**
 * Whether and how a mail leaves. Through SES the From is always ours, since SES takes no other. Through a relay the mail
 * stays as it is where the receiver's DMARC check will pass or not take place: a signature of the author's domain survives
 * an unchanged mail, SPF never does.
 */
export function planForward(
  { via, recipient, headers, sizeBytes, verdicts, authorDomain, results }: ForwardFacts,
  { maxBytes }: Pick<ResolvedPersonal["forwarding"], "maxBytes">,
): ForwardPlan {
  const forwards = headerValues(headers, forwardedHeader).map((value) => normaliseAddress(value));
  if (forwards.includes(recipient)) return { kind: "loop", because: "it was forwarded for this recipient before" };
  if (forwards.length >= maxForwards) return { kind: "loop", because: `it was forwarded ${forwards.length} times` };
  const received = headerValues(headers, "Received").length;
  if (received > maxReceived) return { kind: "loop", because: `it passed ${received} servers` };
  if (sizeBytes > maxBytes) return { kind: "too-large", because: `${sizeBytes} of at most ${maxBytes} octets` };
  if (via === "ses") return { kind: "send", from: "rewritten", because: "SES takes no From but ours" };
  if (authorDomain === undefined) {
    return { kind: "send", from: "rewritten", because: "it names no author that a receiver could check" };
  }
  const passed = [...results.matchAll(/\bdkim=pass\s+header\.i=[^\s;@]*@([^\s;]+)/gi)].map((match) =>
    match[1]?.toLowerCase(),
  );
  // Where only the organisation is the same, a policy of strict alignment may refuse what passes here.
  if (passed.includes(authorDomain)) {
    return { kind: "send", from: "unchanged", because: `the signature of ${authorDomain} survives` };
  }
  if (verdicts.dmarc === "PASS" && verdicts.spf !== "PASS") {
    return { kind: "send", from: "unchanged", because: "DMARC passed by a signature, which survives" };
  }
  if (verdicts.dmarc === "GRAY") {
    return { kind: "send", from: "unchanged", because: `${authorDomain} asks nobody to refuse what fails DMARC` };
  }
  return { kind: "send", from: "rewritten", because: `no signature of ${authorDomain} would pass its DMARC policy` };
}
