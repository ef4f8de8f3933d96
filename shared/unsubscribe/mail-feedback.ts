import { normaliseAddress } from "../mail/address.ts";
import { readComplaint } from "../mail/arf.ts";
import { readDsn } from "../mail/dsn.ts";
import { headerValues } from "../mail/headers.ts";
import type { ParsedMail } from "../mail/parsed-mail.ts";
import type { KeyRing } from "../tokens/key-ring.ts";
import { createTokens, tokenIn } from "../tokens/tokens.ts";
import type { Feedback } from "./feedback.ts";
import { createLinks } from "./link.ts";
import { createPersonOf } from "./person.ts";
import { readUnsubscribeToken } from "./unsubscribe-token.ts";

export type MailFeedback =
  | {
      readonly kind: "feedback";
      readonly feedback: Pick<Feedback, "kind" | "person" | "address">;
      readonly because: string;
    }
  | { readonly kind: "none"; readonly because: string };

/**
 * What a bounce or complaint that came as mail says about whom. Anybody can write such a mail, so it counts only when it
 * proves that it is about a mail of ours: by our token in the address that it came to (VERP), else by our token or link in
 * the header fields of the mail that it returns. Nobody else's word, and no address in it, is taken for that.
 */
export function readMailFeedback(
  { ring, now }: { readonly ring: KeyRing; readonly now: Date },
  nature: "bounce" | "complaint",
  recipient: string,
  mail: ParsedMail,
): MailFeedback {
  const subject = subjectOf(ring, now, recipient, mail);
  if (subject.kind !== "one") {
    return none(
      subject.kind === "many" ? "it returns mails to several people" : "nothing in it proves that the mail was ours",
    );
  }
  const { person, because } = subject;
  const personOf = createPersonOf(ring);
  const addressed = (address: string) => (personOf(address) === person ? { address: normaliseAddress(address) } : {});
  if (nature === "complaint") {
    const complaint = readComplaint(mail);
    if (complaint === undefined) return none("it holds no report");
    // RFC 5965 §7.3, RFC 6591: of these, nobody complains.
    if (/^(?:not-spam|auth-failure|dmarc|policy)$/.test(complaint.feedbackType ?? ""))
      return none(`the report says ${complaint.feedbackType}`);
    const address = subject.address ?? addressed(complaint.originalRecipient ?? "").address;
    return {
      kind: "feedback",
      feedback: { kind: "complaint", person, ...(address !== undefined && { address }) },
      because,
    };
  }
  const recipients = readDsn(mail)?.recipients ?? [];
  // A forwarding mailbox bounces under another name: then the report must speak of that one alone.
  const about =
    recipients.find(({ address }) => personOf(address) === person) ??
    (recipients.length === 1 ? recipients[0] : undefined);
  if (about === undefined) return none("it is not clear of whom the report speaks");
  if (about.kind !== "hard" && about.kind !== "soft") return none(`the report says ${about.kind}`);
  const address = subject.address ?? addressed(about.address).address;
  return {
    kind: "feedback",
    feedback: {
      kind: about.kind === "hard" ? "hard-bounce" : "soft-bounce",
      person,
      ...(address !== undefined && { address }),
    },
    because: `${because}; ${about.reason}${about.status === undefined ? "" : ` ${about.status}`}`,
  };
}

type Found =
  | { readonly kind: "one"; readonly person: string; readonly address?: string; readonly because: string }
  | { readonly kind: "none" | "many" };

function subjectOf(ring: KeyRing, now: Date, recipient: string, mail: ParsedMail): Found {
  const tokens = createTokens(ring);
  const personIn = (address: string, purposes: readonly ("bounce" | "unsubscribe")[]) => {
    const text = tokenIn(address);
    if (text === undefined) return undefined;
    for (const purpose of purposes) {
      const token = readUnsubscribeToken(tokens, purpose, text, now);
      // Bounces of mail that was sent before a rotation come days behind it: an expired key says whom all the same.
      if (token.kind !== "invalid") return token.person;
    }
    return undefined;
  };
  const own = personIn(recipient, ["bounce"]);
  if (own !== undefined) return { kind: "one", person: own, because: "our token in the address" };

  const found = new Map<string, string | undefined>();
  const links = createLinks(ring);
  const personOf = createPersonOf(ring);
  for (const value of returnedFields(mail).slice(0, 50)) {
    for (const [address] of value.slice(0, 4000).matchAll(/[^\s<>,;:?"]+\+[A-Za-z2-7]{17,90}@[^\s<>,;:?"]+/g)) {
      const person = personIn(address, ["bounce", "unsubscribe"]);
      if (person !== undefined && !found.has(person)) found.set(person, undefined);
    }
    for (const [, sealed = ""] of value
      .slice(0, 4000)
      .matchAll(/https?:\/\/[^\s<>]*\/([a-z2-7][\w-]{40,800})(?=[>\s]|$)/g)) {
      const link = links.open(sealed, now);
      if (link.kind === "valid") found.set(personOf(link.address), link.address);
    }
  }
  if (found.size !== 1) return { kind: found.size === 0 ? "none" : "many" };
  const [[person, address]] = [...found] as [[string, string | undefined]];
  return {
    kind: "one",
    person,
    ...(address !== undefined && { address }),
    because: "our token in the returned mail's header",
  };
}

/** The fields in which our own mail carries a token, of the mails that this one returns, and of its report. */
function returnedFields(mail: ParsedMail): string[] {
  const embedded = mail.parts.flatMap(({ embedded: headers, path }) =>
    headers !== undefined && path !== "" ? [headers] : [],
  );
  const fields = embedded
    .slice(0, 10)
    .flatMap((headers) => ["list-unsubscribe", "return-path"].flatMap((name) => headerValues(headers, name)));
  const reports = mail.parts
    .filter(({ contentType }) => contentType === "message/feedback-report")
    .flatMap(({ text }) => /^original-mail-from:.*$/im.exec((text ?? "").slice(0, 50_000))?.[0] ?? []);
  return [...fields, ...reports];
}

function none(because: string): MailFeedback {
  return { kind: "none", because };
}
