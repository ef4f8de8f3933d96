import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { type Header, headerValue, headerValues } from "../mail/headers.ts";
import { parseMailboxes } from "../mail/mailboxes.ts";
import type { StreamMessage } from "../streams/stream-message.ts";
import { type Tokens, tokenIn } from "../tokens/tokens.ts";
import { everything, parseListId } from "./list-id.ts";
import {
  hasAnswerPrefix,
  type RequestReading,
  type RequestText,
  readConfirmation,
  readRequest,
} from "./read-request.ts";
import { type ReadToken, readUnsubscribeToken, type UnsubscribePurpose } from "./unsubscribe-token.ts";

export interface WhoInput {
  readonly message: Pick<StreamMessage, "nature" | "trust" | "envelope" | "headers">;
  /** The envelope recipient that was written to. */
  readonly recipient: string;
  /** All header fields of the mail: the claim check does not carry every sign of automatic mail. */
  readonly headers: readonly Header[];
  /** Decoded subject, and what the author wrote without quotes and signature. */
  readonly subject: string;
  readonly text: string;
  /** The message is mainly somebody else's mail, passed on. */
  readonly isForward: boolean;
  /** It carries files, signatures apart: whatever they say, a mail without words is not an empty one then. */
  readonly hasFiles: boolean;
}

export interface WhoTools {
  readonly config: Pick<ResolvedConfig, "bounceSender" | "domains" | "streams" | "unsubscribe">;
  readonly tokens: Tokens;
  readonly personOf: (address: string) => string;
  readonly now: Date;
}

export type NobodyOutcome =
  | "automatic"
  | "list-copy"
  | "own-mail"
  | "not-a-request"
  | "not-authenticated"
  | "no-author"
  | "other-address"
  | "unknown-list"
  | "parked";

/** Who asks to be left alone, or why nobody does. */
export type Who =
  | {
      readonly kind: "person";
      readonly person: string;
      /** Normalised; absent when only a token says who it is. */
      readonly address?: string;
      /** A list's id or key, or `*` for everything. */
      readonly list: string;
      /** What proves it. */
      readonly by: "token" | "confirmation" | "author";
      readonly reasons: readonly string[];
    }
  /** Somebody may have asked: the person is to be asked by mail. */
  | { readonly kind: "ask"; readonly address: string; readonly list: string; readonly reasons: readonly string[] }
  | { readonly kind: "nobody"; readonly outcome: NobodyOutcome; readonly reasons: readonly string[] };

/**
 * Who is meant by a mail to an unsubscribe address, in a fixed order (docs/unsubscribe.md). First whatever no stranger sent
 * by hand. Then a valid token: it names its person and list, whoever sent it. Then the author, for their own address only,
 * and only if authentication proves the author and the words ask for nothing else. Whatever is less than that may lead to a
 * question, or is parked; it never suppresses anybody.
 */
export function decideWho(tools: WhoTools, input: WhoInput): Who {
  return ownMail(tools, input) ?? automatic(input) ?? byToken(tools, input) ?? byAuthor(tools, input);
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
  const senders = [author?.address ?? "", envelope.from].map((address) => address.toLowerCase().split("@")[0] ?? "");
  if (senders.some((localPart) => roles.test(localPart))) {
    return nobody("automatic", "the sender is an address that no person writes from");
  }
  return undefined;
}

// RFC 7489 §7.2.1.1, in the spellings of those who send them.
const reportSubject = /\breport domain:|\bdmarc\b.*\breport\b/i;
// RFC 2142 and ses-receiving.md §11. "info", "sales" and the like are written from by people.
const roles =
  /^(?:mailer-daemon|postmaster|hostmaster|abuse|root|daemon|bounces?|no-?reply|do-?not-?reply|dmarc.*|owner-.*|.*-(?:request|owner|bounces?|noreply))$/;

const automaticSigns = [
  ...["x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "x-failed-recipients", "x-vacation"],
  ...["x-auto-reply", "x-mail-autoreply", "x-away-message", "x-loop", "feedback-id"],
];
const listSigns = ["list-id", "list-unsubscribe", "list-post", "mailing-list", "x-mailing-list", "x-mailman-version"];

/** Our own notices to ourselves: a suppression of our sending addresses would be a self-inflicted silence. */
function ownMail({ config }: WhoTools, input: WhoInput): Who | undefined {
  const { bounceSender, streams } = config;
  const requests = streams.filter(({ worker }) => worker === "unsubscribe").flatMap(({ recipients }) => recipients);
  const own = new Set(
    [bounceSender, input.recipient, ...requests].map((address) => withoutLabel(normaliseAddress(address))),
  );
  const authors = authorsOf(input.headers).map((address) => withoutLabel(normaliseAddress(address)));
  const sender = withoutLabel(normaliseAddress(input.message.envelope.from));
  return [...authors, sender].some((address) => address.includes("@") && own.has(address))
    ? nobody("own-mail", "it comes from one of our own role addresses")
    : undefined;
}

function withoutLabel(address: string): string {
  return address.replace(/\+[^@]*@/, "@");
}

function authorsOf(headers: readonly Header[]): string[] {
  return headerValues(headers, "from")
    .flatMap((value) => parseMailboxes(value))
    .map(({ address }) => address);
}

// ---- a token ----

function byToken(tools: WhoTools, input: WhoInput): Who | undefined {
  const found = findToken(tools, input);
  if (found === undefined || found.token.kind !== "valid") return undefined;
  const { purpose, token } = found;
  const said = requestText(tools, input);
  const reading = readRequest(said);
  const { list, person, keyId } = token;
  const known = { person, list, ...addressOf(tools, input, person) };
  if (purpose === "confirm") {
    // Our question comes back with the answer; somebody who writes something else has not said yes.
    return readConfirmation(said)
      ? { kind: "person", ...known, by: "confirmation", reasons: [`the answer to our question, token of key ${keyId}`] }
      : nobody("not-a-request", `it holds the token of our question, but ${reading.because}`);
  }
  // The programs that send these mails write a subject of ours, or none, and at most a line of their own. Relays change both.
  const empty = reading.kind === "empty" && !said.isAnswer;
  const unsaid = reading.kind === "else" && !said.isAnswer && !input.isForward && isBlank(input);
  const strangers = reading.addresses.filter((named) => tools.personOf(normaliseAddress(named)) !== person);
  if (strangers.length > 0) {
    return nobody("other-address", `a token of key ${keyId} stands in the address, but the words name somebody else`);
  }
  if (reading.kind === "asks" || empty || unsaid) {
    return { kind: "person", ...known, by: "token", reasons: [`a token of key ${keyId}`, reading.because] };
  }
  // Whoever wrote more than a request is asked what they want, if it is the token's person who wrote.
  if (reading.kind === "mentions" && known.address !== undefined && tools.config.unsubscribe.unverified === "confirm") {
    return { kind: "ask", address: known.address, list, reasons: [`a token of key ${keyId}`, reading.because] };
  }
  return nobody(
    reading.kind === "denies" ? "not-a-request" : "parked",
    `a token of key ${keyId} stands in the address, but ${reading.because}`,
  );
}

/** Subject and text hold no word at all, only what a gateway adds. */
function isBlank({ subject, text }: WhoInput): boolean {
  return !/\p{L}{3}|@/u.test(subject.replace(/[[({<][^\])}>@]{0,60}[\])}>]/g, "")) && !/\p{L}/u.test(text);
}

interface FoundToken {
  readonly purpose: Exclude<UnsubscribePurpose, "bounce">;
  readonly token: ReadToken;
}

/**
 * The token in the address that was written to; where a relay took it out of the envelope, the one in `To` or `Cc`. Text and
 * attachments are not looked at: what is quoted or passed on there may belong to somebody else.
 */
function findToken({ config, tokens, now }: WhoTools, { recipient, headers }: WhoInput): FoundToken | undefined {
  const named = ["to", "cc"]
    .flatMap((name) => headerValues(headers, name))
    .flatMap((value) => parseMailboxes(value.slice(0, 10_000)));
  const ours = named.map(({ address }) => address).filter((address) => isOurs(config, address));
  let best: FoundToken | undefined;
  for (const address of [recipient, ...ours.slice(0, 20)]) {
    const text = tokenIn(address);
    if (text === undefined) continue;
    for (const purpose of ["unsubscribe", "confirm"] as const) {
      const token = readUnsubscribeToken(tokens, purpose, text, now, Object.keys(config.unsubscribe.lists));
      if (token.kind === "valid") return { purpose, token };
      if (best === undefined || token.kind === "expired") best = { purpose, token };
    }
  }
  return best;
}

/** The author's address, if it is the token's person and the author is proven. */
function addressOf(
  { personOf }: WhoTools,
  { message, headers }: WhoInput,
  person: string,
): { readonly address?: string } {
  const [author, ...others] = authorsOf(headers);
  if (author === undefined || others.length > 0 || message.trust !== "aligned" || personOf(author) !== person)
    return {};
  return { address: normaliseAddress(author) };
}

// ---- the author ----

function byAuthor(tools: WhoTools, input: WhoInput): Who {
  const { config } = tools;
  const { message, headers } = input;
  const authors = authorsOf(headers);
  const address = normaliseAddress(authors[0] ?? "");
  if (authors.length !== 1 || parseMailAddress(address) === undefined) {
    return nobody("no-author", authors.length > 1 ? "From names several addresses" : "From names no address");
  }
  const said = requestText(tools, input);
  const reading = readRequest(said);
  const found = findToken(tools, input);
  const wish = listOf(tools, input, reading, found);
  if (reading.kind === "denies") return nobody("not-a-request", reading.because);
  if (reading.kind === "else" && !input.isForward) return nobody("not-a-request", reading.because);
  if (reading.kind === "empty" && !input.isForward && (said.isAnswer || !isRequestAddress(config, input.recipient))) {
    return nobody("not-a-request", "it says nothing, and an empty answer asks for nothing");
  }
  const others = reading.addresses.map(normaliseAddress).filter((named) => named !== address);
  if (others.length > 0) return nobody("other-address", "it names an address that is not the author's own");
  if (wish.kind === "unknown") {
    return nobody(
      "unknown-list",
      `there is no list "${wish.name.slice(0, 70)}": name it in unsubscribe.lists if there is`,
    );
  }
  const { list } = wish;

  if (message.trust === "failed") {
    return nobody("not-authenticated", "DMARC failed: the author's domain says that it did not send this");
  }
  const ask = (...reasons: string[]): Who =>
    config.unsubscribe.unverified === "confirm"
      ? { kind: "ask", address, list, reasons }
      : nobody("parked", ...reasons);
  if (message.trust !== "aligned") {
    return ask(`trust is ${message.trust}: the author may be somebody else's invention`);
  }
  if (reading.kind !== "asks" && reading.kind !== "empty") return ask(reading.because);
  if (reading.kind === "empty" && input.hasFiles) return ask("it says nothing, but it carries a file");
  if (input.isForward) return ask("it passes on somebody's mail, so it may be meant for another list or person");
  if (found !== undefined) {
    const { token } = found;
    if (token.kind === "expired" && token.person === tools.personOf(address)) {
      const reasons = [`the author, trust aligned, whom a token of the expired key ${token.keyId} names too`];
      return { kind: "person", person: token.person, address, list: token.list, by: "author", reasons };
    }
    return ask(`the token in the address is not valid (${token.kind === "invalid" ? token.reason : "expired key"})`);
  }
  if (!namesUs(tools, headers)) {
    // A signed request to another sender can be sent on to us by anybody, and its signature still holds.
    return ask("neither To nor Cc names us, so it may have been written to somebody else");
  }
  if (said.isAnswer) {
    if (config.unsubscribe.replies === "park") return nobody("parked", "an answer, and unsubscribe.replies says park");
    if (config.unsubscribe.replies === "confirm") return ask("an answer, and unsubscribe.replies says confirm");
  }
  const reasons = ["the author, trust aligned", reading.because];
  return { kind: "person", person: tools.personOf(address), address, list, by: "author", reasons };
}

type Wish = { readonly kind: "list"; readonly list: string } | { readonly kind: "unknown"; readonly name: string };

/** Which list is meant: the address's, else the one that the words name, else everything. */
function listOf(
  { config }: WhoTools,
  { recipient }: WhoInput,
  reading: RequestReading,
  found: FoundToken | undefined,
): Wish {
  const known = config.unsubscribe.lists;
  const addressed = listInAddress(config, recipient);
  if (addressed !== undefined) return addressed;
  if (found?.token.kind === "expired") return { kind: "list", list: found.token.list };
  if (reading.list === undefined) return { kind: "list", list: everything };
  const list = parseListId(reading.list);
  if (list !== undefined && Object.hasOwn(known, list)) return { kind: "list", list };
  // Without lists there is one kind of mail, whatever people call it.
  return Object.keys(known).length === 0 ? { kind: "list", list: everything } : { kind: "unknown", name: reading.list };
}

const requestSuffix = /^(.+)-(?:unsubscribe|unsub|leave|signoff|abmelden|desinscription|baja)$/;

/** `<list>-unsubscribe@`: the list, if it is configured or this very address is in the stream. */
function listInAddress({ unsubscribe, streams }: WhoTools["config"], recipient: string): Wish | undefined {
  const address = withoutLabel(normaliseAddress(recipient));
  const name = requestSuffix.exec(address.slice(0, address.lastIndexOf("@")))?.[1];
  if (name === undefined) return undefined;
  const list = parseListId(name);
  const named = streams.some(({ worker, recipients }) => worker === "unsubscribe" && recipients.includes(address));
  if (list !== undefined && (Object.hasOwn(unsubscribe.lists, list) || named)) return { kind: "list", list };
  return { kind: "unknown", name };
}

/** Whether mail to this address alone is a request: it is called so. */
function isRequestAddress(config: WhoTools["config"], recipient: string): boolean {
  const address = withoutLabel(normaliseAddress(recipient));
  const localPart = address.slice(0, address.lastIndexOf("@"));
  return (
    /^(?:unsubscribe|unsub|leave|optout|opt-out|signoff|abmelden|desinscription|baja)$/.test(localPart) ||
    listInAddress(config, recipient)?.kind === "list"
  );
}

function isOurs({ domains }: Pick<ResolvedConfig, "domains">, address: string): boolean {
  const domain = parseMailAddress(address.trim())?.domain;
  return domain !== undefined && domains.some((own) => domain === own || domain.endsWith(`.${own}`));
}

function namesUs({ config }: WhoTools, headers: readonly Header[]): boolean {
  return ["to", "cc"]
    .flatMap((name) => headerValues(headers, name))
    .flatMap((value) => parseMailboxes(value.slice(0, 100_000)))
    .some(({ address }) => isOurs(config, address));
}

function requestText({ config }: WhoTools, { message, subject, text }: WhoInput): RequestText {
  const { inReplyTo, references } = message.headers;
  const isAnswer = (inReplyTo?.length ?? 0) > 0 || (references?.length ?? 0) > 0 || hasAnswerPrefix(subject);
  const authorName = message.headers.author?.name ?? "";
  return { subject, text, isAnswer, lists: Object.keys(config.unsubscribe.lists), authorName };
}

function nobody(outcome: NobodyOutcome, ...reasons: string[]): Who {
  return { kind: "nobody", outcome, reasons };
}
