import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { domainToASCII } from "node:url";
import type { DKIMResult, DNSResolver } from "mailauth";
import { arc } from "mailauth/lib/arc/index.js";
import { DkimVerifier, type SignatureHeader } from "mailauth/lib/dkim/dkim-verifier.js";
import { dmarc } from "mailauth/lib/dmarc/index.js";
import { getAlignment } from "mailauth/lib/tools.js";
import { isClearAuthor, possibleAuthors } from "../../shared/mail/clear-author.ts";
import { repeatedFields } from "../../shared/mail/signed-whole.ts";
import type { Authentication, DkimFinding, DkimResult } from "../../shared/receipt/authentication.ts";
import type { Resolver } from "./resolver.ts";

/** One signature; `reason` says why it is not, or does not count as, a pass. */
export interface SignatureFinding extends DkimFinding {
  readonly reason?: string;
}

export interface Signatures {
  readonly dkim: readonly SignatureFinding[];
  readonly arc: "none" | "pass" | "fail";
  readonly author: Author;
}

/** What the From fields say, for DMARC. */
export interface Author {
  readonly mailboxes: readonly string[];
  readonly fromFields: number;
}

/** RFC 6376 §3.3.3 lets verifiers go down to 512 bits; RFC 8301 §3.2 counts nothing under 1024. */
const minKeyBits = 512;
const minCountedKeyBits = 1024;

/**
 * Verifies DKIM signatures and the ARC chain in one pass over the message. The only file that knows mailauth, which is
 * run in its strict mode: RFC 6376 to the letter, with three exceptions, so that what old signers write is told apart
 * from what is broken. SHA-1, keys under 1024 bits, and signatures from before RFC 4871 (no `v=`, `q=dns`) are verified,
 * and a valid one is a `pass` with a reason, but never `aligned`: it gives no DKIM verdict PASS, no DMARC pass and no
 * trust (RFC 8301 §3.1, §3.2). The same holds of one that leaves a part of the body, or one of two equal fields, to whoever
 * passed the message on (RFC 6376 §8.2, §8.15; docs/decisions/021).
 */
export async function verifySignatures(
  chunks: AsyncIterable<Uint8Array>,
  dns: Resolver,
  now: Date,
): Promise<Signatures> {
  const resolver = dns as DNSResolver;
  const verifier = new LenientVerifier(resolver, now);
  await pipeline(Readable.from(chunks, { objectMode: false }), verifier);
  const chain = await arc(verifier.arc, { resolver, strict: true });
  const dkim = verifier.results
    .filter(({ status }) => status.result !== "none")
    .map((entry): SignatureFinding => {
      const tooLong = entry.status.result === "pass" && coversMoreThanThereIs(entry);
      const result = tooLong ? "permerror" : dkimResult(entry.status.result, entry.status.comment);
      const reason =
        result === "pass" ? notCounted(entry, verifier) : tooLong ? "l= is larger than the body" : entry.status.comment;
      return {
        result,
        domain: nameOf(entry.signingDomain).toLowerCase(),
        selector: nameOf(entry.selector),
        aligned: Boolean(entry.status.aligned) && !(result === "pass" && reason !== undefined),
        ...(result === "pass" && reason !== undefined && { weak: true }),
        ...(reason !== undefined && { reason }),
      };
    });
  const { result } = chain.status;
  return {
    dkim,
    arc: result === "pass" || result === "none" ? result : "fail",
    author: { mailboxes: authorsOf(verifier), fromFields: verifier.fromFields },
  };
}

/** Where readers may differ in whom a From field names, everybody whom one of them could find: DMARC passes for none of them then. */
function authorsOf({ headers, headerFrom }: LenientVerifier): readonly string[] {
  const unclear = (headers?.parsed ?? [])
    .filter(({ key }) => key === "from")
    .map(({ line }) =>
      Buffer.from(line)
        .toString("utf8")
        .replace(/^[^:]*:/, ""),
    )
    .filter((value) => !isClearAuthor(value));
  return [...headerFrom, ...unclear.flatMap(possibleAuthors)];
}

/** `oneAuthor`: From names exactly one domain; only then can anything be aligned. */
export type DmarcFinding = Authentication["dmarc"] & { readonly oneAuthor: boolean; readonly dkimAligned?: string };

/**
 * DMARC (RFC 9989). Without exactly one author domain nothing can pass (§5.3.1). RFC 7489 §6.6.1 has the way that does
 * not reward a second From: every domain named there is asked, and the strictest policy is the one that failed.
 *
 * @param dkimDomains - of valid signatures; one that does not count must not be in it
 */
export async function checkDmarc(
  author: Author,
  spfDomains: readonly string[],
  dkimDomains: readonly string[],
  dns: Resolver,
): Promise<DmarcFinding> {
  const finding = await evaluate(author, spfDomains, dkimDomains, dns);
  if (finding) return { ...finding, oneAuthor: true };
  const domains = new Set(author.mailboxes.map((mailbox) => mailbox.slice(mailbox.lastIndexOf("@") + 1).toLowerCase()));
  let strictest: Authentication["dmarc"] = { result: "permerror", domain: "" };
  for (const domain of [...domains].slice(0, maxAuthorDomains)) {
    const one = await evaluate({ mailboxes: [`author@${domain}`], fromFields: 1 }, [], [], dns);
    if (one?.result === "fail" && policies.indexOf(one.policy) > policies.indexOf(strictest.policy)) strictest = one;
  }
  return { ...strictest, oneAuthor: false };
}

const maxAuthorDomains = 5;
const policies: readonly (string | undefined)[] = [undefined, "none", "quarantine", "reject"];

async function evaluate(
  author: Author,
  spfDomains: readonly string[],
  dkimDomains: readonly string[],
  dns: Resolver,
): Promise<(Authentication["dmarc"] & { readonly dkimAligned?: string }) | undefined> {
  const answer = await dmarc({
    headerFrom: [...author.mailboxes],
    fromFields: author.fromFields,
    spfDomains: [...spfDomains],
    dkimDomains: dkimDomains.map((domain) => ({ domain })),
    resolver: dns as DNSResolver,
  });
  if (answer === false) return undefined;
  const domain = nameOf(answer.status.header?.from ?? answer.domain).toLowerCase();
  const { result } = answer.status;
  switch (result) {
    case "pass":
    case "fail": {
      const dkimAligned = answer.alignment?.dkim?.result;
      return {
        result,
        domain,
        ...(isPolicy(answer.policy) && { policy: answer.policy }),
        ...(typeof dkimAligned === "string" && { dkimAligned }),
      };
    }
    case "none":
    case "temperror":
      return { result, domain };
    default:
      return { result: "permerror", domain };
  }
}

/** A name as a stranger wrote it, fit to be stored and to stand in a header; `""` when it can be no name in the DNS. */
function nameOf(written: string | undefined): string {
  const name = written ?? "";
  // Not for ASCII: domainToASCII would read "1.2.3" as an address.
  const ascii = /^[\x00-\x7f]*$/.test(name) ? name : domainToASCII(name);
  return ascii.length <= 253 && /^[a-z0-9._[\]:-]*$/i.test(ascii) ? ascii : "";
}

/** Whether both domains belong to one organisation by the Public Suffix List. */
export function isAligned(author: string, domain: string): boolean {
  return author !== "" && domain !== "" && getAlignment(author, [domain]) !== false;
}

class LenientVerifier extends DkimVerifier {
  /** `b=` of signatures older than RFC 4871. */
  readonly outdated = new Set<unknown>();

  constructor(resolver: DNSResolver, now: Date) {
    // An empty sender would make mailauth look for a Return-Path, which a stranger may have written.
    super({ resolver, strict: true, minBitLength: minKeyBits, curTime: now, sender: "unused@invalid" });
    this.rejectRsaSha1 = false;
  }

  override prepareSignature(header: SignatureHeader): void {
    const { parsed, tags } = header;
    if (header.type === "DKIM" && parsed && tags) {
      if (!parsed["v"]) {
        parsed["v"] = { value: 1 };
        tags.push({ name: "v", value: "1" });
        this.outdated.add(parsed["b"]?.value);
      }
      if (parsed["q"]?.value === "dns") {
        parsed["q"] = { value: "dns/txt" };
        this.outdated.add(parsed["b"]?.value);
      }
    }
    super.prepareSignature(header);
  }

  /** RFC 6376 §3.5: a signature never covers its own field, though h= may name others of that name. */
  override verifySignature(header: SignatureHeader, fallback?: boolean): Promise<DKIMResult> {
    const { headers } = this;
    if (header.type !== "DKIM" || !headers || !/dkim-signature/i.test(String(header.parsed?.["h"]?.value))) {
      return super.verifySignature(header, fallback);
    }
    this.headers = { ...headers, parsed: headers.parsed.filter(({ line }) => line !== header.original) };
    try {
      return super.verifySignature(header, fallback);
    } finally {
      this.headers = headers;
    }
  }
}

/** RFC 6376 §3.5: l= must not be larger than the canonicalised body, or a body could grow under it. */
function coversMoreThanThereIs({ canonBodyLengthLimit: limit, canonBodyLengthTotal: total }: DKIMResult): boolean {
  return limit !== undefined && total !== undefined && limit > total;
}

function notCounted(
  entry: DKIMResult & { readonly signature?: string },
  { outdated, headers }: LenientVerifier,
): string | undefined {
  if (/sha1$/i.test(entry.algo ?? "")) return `${entry.algo} does not count (RFC 8301 §3.1)`;
  if (entry.modulusLength !== undefined && entry.modulusLength < minCountedKeyBits) {
    return `a key of ${entry.modulusLength} bits does not count (RFC 8301 §3.2)`;
  }
  if (entry.canonBodyLengthLimited && (entry.canonBodyLengthTotal ?? 0) > (entry.canonBodyLength ?? 0))
    return "text behind the signed length (l=) may be anybody's (RFC 6376 §8.2)";
  const names = (headers?.parsed ?? []).map(({ key }) => key);
  const covered = (entry.signingHeaders?.headers ?? []).map((line) =>
    line.slice(0, line.indexOf(":")).trim().toLowerCase(),
  );
  for (const name of repeatedFields(names)) {
    const times = (all: readonly string[]) => all.filter((one) => one === name).length;
    if (times(covered) < times(names)) return `a second ${name} field is not signed (RFC 6376 §8.15)`;
  }
  return outdated.has(entry.signature) ? "a signature from before RFC 4871 does not count" : undefined;
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
