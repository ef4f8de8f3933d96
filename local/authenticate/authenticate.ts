import { Readable } from "node:stream";
import { type ARCData, arc, type DNSResolver, dkimVerify, dmarc } from "mailauth";
import type { Authentication, DkimFinding, DkimResult } from "../../shared/receipt/authentication.ts";
import { type BoundedMessage, boundHeaders } from "./bound-headers.ts";
import { budgetResolver, type Resolver } from "./resolver.ts";
import { checkSpf } from "./spf.ts";

/** What the SMTP session told us. */
export interface SmtpIdentity {
  /** The client's address. */
  readonly ip: string;
  readonly helo: string;
  /** MAIL FROM without brackets; `""` is the null sender. */
  readonly mailFrom: string;
  /** Our own name, for SPF's `%{r}`. */
  readonly authserv: string;
}

export interface AuthenticateOptions {
  /** For all DNS questions of the message together. Default 8000; silence ends it after 1800 (`silenceMs`). */
  readonly budgetMs?: number;
  readonly silenceMs?: number;
  readonly signal?: AbortSignal;
  readonly now?: Date;
}

/** SPF's side notes, beside the stored result. */
export interface AuthenticationFinding extends Authentication {
  readonly spf: Authentication["spf"] & { readonly explanation?: string; readonly reason?: string };
}

/**
 * SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989) and ARC (RFC 8617) of one message. Never rejects for
 * what is in the mail or the DNS: an answer that cannot be had in time is `temperror`. Reads the message once, as a
 * stream; memory does not grow with it.
 *
 * @param raw - the message as received; `undefined` for SPF alone
 * @param resolver - shared by all messages; this call takes a bounded share of it
 */
export async function authenticate(
  raw: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  smtp: SmtpIdentity,
  resolver: Resolver,
  options: AuthenticateOptions = {},
): Promise<AuthenticationFinding> {
  const { budgetMs = 8000, silenceMs, signal, now = new Date() } = options;
  const dns = budgetResolver(resolver, {
    budgetMs,
    ...(silenceMs !== undefined && { silenceMs }),
    ...(signal && { signal }),
  });
  try {
    const spfCheck = checkSpf(
      { ip: smtp.ip, helo: smtp.helo, mailFrom: smtp.mailFrom, receiver: smtp.authserv, now },
      dns,
    );
    if (raw === undefined) {
      const none = { result: "none" } as const;
      return { spf: await spfCheck, dkim: [], dmarc: { ...none, domain: "" }, arc: none };
    }
    const [spf, message] = await Promise.all([spfCheck, boundHeaders(raw)]);
    return await judge(spf, message, dns, now);
  } finally {
    dns.close();
  }
}

async function judge(
  spf: AuthenticationFinding["spf"],
  message: BoundedMessage,
  dns: Resolver,
  now: Date,
): Promise<AuthenticationFinding> {
  const resolver = dns as DNSResolver;
  const verified = await dkimVerify(Readable.from(message.chunks(), { objectMode: false }), {
    resolver,
    strict: true,
    curTime: now,
    // An empty sender would make mailauth look for a Return-Path that a stranger wrote.
    sender: "unused@invalid",
  });
  const signatures = verified.results.filter((entry) => entry.status.result !== "none");
  const chain = await arc(verified.arc as ARCData, { resolver, strict: true });
  const policy = await dmarc({
    headerFrom: verified.headerFrom ?? [],
    ...(verified.fromFields !== undefined && { fromFields: verified.fromFields }),
    spfDomains: spf.result === "pass" ? [spf.domain] : [],
    dkimDomains: signatures.flatMap(({ status, signingDomain }) =>
      status.result === "pass" && signingDomain !== undefined ? [{ domain: signingDomain }] : [],
    ),
    resolver,
  });
  const dkim = signatures.map(
    (entry): DkimFinding => ({
      result: dkimResult(entry.status.result, entry.status.comment),
      domain: (entry.signingDomain ?? "").toLowerCase(),
      selector: entry.selector ?? "",
      aligned: policy !== false && entry.status.aligned !== undefined && entry.status.aligned !== false,
    }),
  );
  return {
    spf,
    dkim: [...dkim, ...message.unread],
    dmarc: dmarcOf(policy),
    arc: { result: chain.status.result === "pass" ? "pass" : chain.status.result === "none" ? "none" : "fail" },
  };
}

function dmarcOf(policy: Awaited<ReturnType<typeof dmarc>>): Authentication["dmarc"] {
  // RFC 9989 §5.3.1: no author domain, or several: there is nothing that could be checked.
  if (policy === false) return { result: "permerror", domain: "" };
  const domain = policy.status.header?.from ?? policy.domain ?? "";
  const { result } = policy.status;
  switch (result) {
    case "pass":
    case "fail":
      return { result, domain, ...(isPolicy(policy.policy) && { policy: policy.policy }) };
    case "none":
    case "temperror":
      return { result, domain };
    default:
      return { result: "permerror", domain };
  }
}

const isPolicy = (value: unknown): value is "none" | "quarantine" | "reject" =>
  value === "none" || value === "quarantine" || value === "reject";

/** mailauth says `neutral` for all of RFC 6376's PERMFAIL; only a header that cannot be read is `neutral` here. */
function dkimResult(result: string, comment: string | undefined): DkimResult {
  switch (result) {
    case "pass":
    case "fail":
    case "policy":
    case "temperror":
      return result;
    default:
      return comment !== undefined && unreadable.has(comment) ? "neutral" : "permerror";
  }
}

const unreadable: ReadonlySet<string> = new Set([
  "signature syntax error",
  "signature missing required tag",
  "incompatible version",
  "unknown algorithm",
  "unknown canonicalization",
  "unsupported query method",
]);
