import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { type Header, headerValue } from "../mail/headers.ts";
import type { StreamMessage } from "../streams/stream-message.ts";

export interface WhoInput {
  readonly message: Pick<StreamMessage, "nature" | "trust" | "envelope" | "headers">;
  /** The envelope recipient that was written to. */
  readonly recipient: string;
  /** All header fields of the mail: the claim check does not carry every sign of automatic mail. */
  readonly headers: readonly Header[];
}

/** Who asks to be left alone, or why nobody does. */
export type Who =
  | {
      readonly kind: "person";
      /** Normalised. */
      readonly address: string;
      /** A list's id, or `*` for everything. */
      readonly list: string;
      readonly reasons: readonly string[];
    }
  | {
      readonly kind: "nobody";
      readonly outcome: "automatic" | "list-copy" | "own-mail" | "not-a-request" | "not-authenticated" | "no-author";
      readonly reasons: readonly string[];
    };

/**
 * Who is meant by a mail to an unsubscribe address, in a fixed order: first whatever no stranger sent by hand, then whether
 * the person can be believed. The address is always the author's own, never one that stands in the text; a forged
 * `From` fails authentication and unsubscribes nobody.
 */
export function decideWho(config: Pick<ResolvedConfig, "bounceSender" | "streams">, input: WhoInput): Who {
  return ownMail(config, input) ?? automatic(input) ?? notARequest(input) ?? author(input);
}

function automatic({ message, headers }: WhoInput): Who | undefined {
  const { nature, envelope } = message;
  if (nature.kind !== "human" && nature.kind !== "unsubscribe-request") {
    const outcome = nature.kind === "list" ? "list-copy" : "automatic";
    return nobody(outcome, `nature ${nature.kind}`, ...nature.evidence.slice(0, 3));
  }
  if (envelope.from === "")
    return nobody("automatic", "the envelope sender is <>, which no person's mail program uses");
  // RFC 3834 §5: anything but "no" was made by a machine. `judge` knows these signs too; here a wrong yes would be final.
  const autoSubmitted = headerValue(headers, "auto-submitted");
  if (autoSubmitted !== undefined && !/^\s*no\s*(?:;|$)/i.test(autoSubmitted)) {
    return nobody("automatic", `Auto-Submitted: ${autoSubmitted.slice(0, 100)}`);
  }
  const answers = automaticSigns.find((name) => headerValue(headers, name) !== undefined);
  if (answers !== undefined) return nobody("automatic", `it has a header ${answers}`);
  const list = listSigns.find((name) => headerValue(headers, name) !== undefined);
  if (list !== undefined) return nobody("list-copy", `it has a header ${list}, so it is a copy of list mail`);
  const precedence = headerValue(headers, "precedence");
  if (precedence !== undefined && /^\s*(?:bulk|list|junk|auto[-_]reply)\s*$/i.test(precedence)) {
    return nobody("automatic", `Precedence: ${precedence.trim().slice(0, 20)}`);
  }
  const { author, subject } = message.headers;
  if (reportSubject.test((subject ?? "").slice(0, 500))) return nobody("automatic", "the subject is a DMARC report's");
  const localPart = (author?.address ?? "").toLowerCase().split("@")[0] ?? "";
  if (roles.test(localPart)) return nobody("automatic", "the author is an address that no person writes from");
  return undefined;
}

// RFC 7489 §7.2.1.1, in the spellings of those who send them.
const reportSubject = /\breport domain:|\bdmarc\b.*\breport\b/i;
// RFC 2142 and ses-receiving.md §11. "info", "sales" and the like are written from by people.
const roles =
  /^(?:mailer-daemon|postmaster|hostmaster|abuse|root|daemon|bounces?|no-?reply|do-?not-?reply|dmarc.*|owner-.*|.*-(?:request|owner|bounces?|noreply))$/;

const automaticSigns = ["x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "x-failed-recipients"];
const listSigns = ["list-id", "list-unsubscribe", "list-post", "mailing-list"];

/** Our own notices to ourselves: a suppression of our sending addresses would be a self-inflicted silence. */
function ownMail(
  { bounceSender, streams }: Pick<ResolvedConfig, "bounceSender" | "streams">,
  input: WhoInput,
): Who | undefined {
  const address = normaliseAddress(input.message.headers.author?.address ?? "");
  const requests = streams.filter(({ worker }) => worker === "unsubscribe").flatMap(({ recipients }) => recipients);
  const own = [bounceSender, input.recipient, ...requests].map(normaliseAddress);
  return own.includes(address) ? nobody("own-mail", "the author is one of our own role addresses") : undefined;
}

/**
 * A mail of its own to an unsubscribe address is a request, whatever it says. An answer to one of our mails may be an
 * out-of-office note that no sign gives away: it has to say what it wants, which makes its nature unsubscribe-request.
 */
function notARequest({ message }: WhoInput): Who | undefined {
  const { nature, headers } = message;
  if (nature.kind === "unsubscribe-request") return undefined;
  const answers = (headers.inReplyTo?.length ?? 0) > 0 || (headers.references?.length ?? 0) > 0;
  return answers ? nobody("not-a-request", "it answers another mail and does not ask to be unsubscribed") : undefined;
}

function author({ message }: WhoInput): Who {
  const written = message.headers.author?.address ?? "";
  const address = normaliseAddress(written);
  if (parseMailAddress(address) === undefined) return nobody("no-author", "From names no address");
  if (message.trust !== "aligned" && message.trust !== "token") {
    return nobody("not-authenticated", `trust is ${message.trust}: the author may be somebody else's invention`);
  }
  return {
    kind: "person",
    address,
    list: "*",
    reasons: [`the author, trust ${message.trust}`, ...message.nature.evidence.slice(0, 3)],
  };
}

function nobody(outcome: Extract<Who, { kind: "nobody" }>["outcome"], ...reasons: string[]): Who {
  return { kind: "nobody", outcome, reasons };
}
