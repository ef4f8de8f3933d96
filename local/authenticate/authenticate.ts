import type { Authentication } from "../../shared/receipt/authentication.ts";
import { BodyLineTooLongError, type BoundedMessage, boundHeaders } from "./bound-headers.ts";
import type { SignatureFinding, Signatures } from "./mailauth.ts";
import { verifyPlain } from "./plain-signatures.ts";
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

/** The stored result, with side notes for the journey. */
export interface AuthenticationFinding extends Authentication {
  readonly dkim: readonly SignatureFinding[];
  readonly spf: Authentication["spf"] & { readonly explanation?: string; readonly reason?: string };
}

/**
 * SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989) and ARC (RFC 8617) of one message. Never rejects for
 * what is in the mail or the DNS: an answer that cannot be had in time is `temperror`. Reads the message once, as a
 * stream; memory does not grow with it. Rejects when the message cannot be read, and with the reason of an abort.
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
    try {
      const finding = await judge(spf, message, dns, now);
      // What a cancelled check found is not what is true of the message, and would be stored for good.
      signal?.throwIfAborted();
      return finding;
    } finally {
      await message.close();
    }
  } finally {
    dns.close();
  }
}

/** 65 MB and 0.1 s: not for a start, nor for SPF alone. */
const loadMailauth = () => {
  // Node looks for the module again at each `import()`.
  mailauth ??= import("./mailauth.ts");
  return mailauth;
};
let mailauth: Promise<typeof import("./mailauth.ts")> | undefined;

async function judge(
  spf: AuthenticationFinding["spf"],
  message: BoundedMessage,
  dns: Resolver,
  now: Date,
): Promise<AuthenticationFinding> {
  const { checkDmarc, isAligned } = await loadMailauth();
  const { dkim, arc, author } = await signaturesOf(message, dns, now);
  const counted = dkim.filter(({ result, reason }) => result === "pass" && reason === undefined);
  const { dkimAligned, oneAuthor, ...dmarc } = await checkDmarc(
    author,
    spf.result === "pass" ? [spf.domain] : [],
    counted.map(({ domain }) => domain),
    dns,
  );
  // Without one author domain nothing is aligned. DMARC's tree walk may find more than the public suffix list.
  const findings = dkim.map((finding) => ({
    ...finding,
    aligned: oneAuthor && (finding.aligned || (finding.result === "pass" && finding.domain === dkimAligned)),
  }));
  const couldHavePassed =
    (oneAuthor && spf.result === "temperror" && isAligned(dmarc.domain, spf.domain)) ||
    findings.some(({ result, aligned }) => result === "temperror" && aligned);
  return {
    spf,
    dkim: findings,
    // A name server's bad minute must not send a good message to quarantine: only the author's own DNS can do this.
    dmarc: dmarc.result === "fail" && couldHavePassed ? { result: "temperror", domain: dmarc.domain } : dmarc,
    arc: { result: arc },
  };
}

async function signaturesOf(message: BoundedMessage, dns: Resolver, now: Date): Promise<Signatures> {
  const { isAligned, verifySignatures } = await loadMailauth();
  const unread = (reason: string): SignatureFinding => ({
    result: "neutral",
    domain: "",
    selector: "",
    aligned: false,
    reason,
  });
  let failure: unknown;
  async function* watched() {
    try {
      yield* message.chunks();
    } catch (error) {
      if (!(error instanceof BodyLineTooLongError)) failure = error;
      throw error;
    }
  }
  try {
    const { octets, whole, rest } = await beginningOf(watched());
    const plain = whole ? await verifyPlain(octets, dns, now) : undefined;
    if (plain && message.leftOut.length === 0) {
      const { author, signers } = plain;
      const authorDomain = author.slice(author.lastIndexOf("@") + 1);
      return {
        dkim: signers.map(({ domain, selector }) => ({
          result: "pass",
          domain: domain.toLowerCase(),
          selector,
          aligned: isAligned(authorDomain, domain),
        })),
        arc: "none",
        author: { mailboxes: [author], fromFields: 1 },
      };
    }
    const verified = await verifySignatures(rest, dns, now);
    return { ...verified, dkim: [...verified.dkim, ...message.leftOut.map(unread)] };
  } catch (error) {
    // The spool cannot be read: that is no property of the mail.
    if (failure !== undefined) throw failure;
    const reason = error instanceof Error ? error.message : String(error);
    const { author } = await verifySignatures(only(message.unsigned), dns, now);
    return { dkim: [unread(reason)], arc: "fail", author };
  }
}

// A larger message goes to the verifier that reads a stream.
const maxPlainBytes = 131_072;

/** What a message begins with, whether that is all of it, and the message from its beginning. */
async function beginningOf(chunks: AsyncGenerator<Uint8Array>) {
  const read: Uint8Array[] = [];
  let size = 0;
  let whole = false;
  while (!whole && size <= maxPlainBytes) {
    const next = await chunks.next();
    if (next.done) whole = true;
    else {
      read.push(next.value);
      size += next.value.length;
    }
  }
  async function* rest() {
    yield* read;
    yield* chunks;
  }
  const octets = whole ? Buffer.concat(read, size) : Buffer.alloc(0);
  return { octets, whole, rest: rest() };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
