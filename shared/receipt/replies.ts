/** What an SMTP client is told. Public: no rule names, no paths, no reasons. */
export interface SmtpReply {
  readonly code: number;
  /** Enhanced status (RFC 3463); absent where SES sends none. */
  readonly status?: string;
  readonly text: string;
}

/**
 * Every reply of the receiving endpoint (ses-receiving.md §1.2; RFC 5321 where SES's text is unknown). Which of them
 * are not established is listed in `choices.ts`.
 */
export const replies = {
  ok: { code: 250, text: "Ok" },
  dataStart: { code: 354, text: "End data with <CR><LF>.<CR><LF>" },
  noSuchRecipient: { code: 550, status: "5.1.1", text: "Requested action not taken: mailbox unavailable" },
  clientBlocked: { code: 550, status: "5.7.1", text: "IP address blacklisted by recipient" },
  tlsRequired: { code: 530, status: "5.7.0", text: "Must issue a STARTTLS command first" },
  noRecipients: { code: 503, text: "Error: need RCPT command" },
  tooLarge: { code: 552, status: "5.3.4", text: "Message too large" },
  tooManyHops: { code: 554, status: "5.4.6", text: "Too many hops" },
  nonAsciiLocalPart: { code: 553, status: "5.6.7", text: "Non-ASCII addresses not permitted for that recipient" },
  badRecipientSyntax: { code: 501, status: "5.1.3", text: "Bad recipient address syntax" },
  badSenderSyntax: { code: 501, status: "5.1.7", text: "Bad sender's mailbox address syntax" },
  tooManyRecipients: { code: 452, status: "4.5.3", text: "Too many recipients" },
  tryLater: { code: 451, status: "4.3.0", text: "Try again later" },
  storageFull: { code: 452, status: "4.3.1", text: "Insufficient system storage" },
} as const satisfies Record<string, SmtpReply>;

/** The reply to the end of DATA: the sender's log then holds the SES id. */
export function acceptedReply(sesMessageId: string): SmtpReply {
  return { code: 250, text: `OK ${sesMessageId}` };
}

/** One reply line without CRLF. */
export function formatReply({ code, status, text }: SmtpReply): string {
  return status === undefined ? `${code} ${text}` : `${code} ${status} ${text}`;
}
