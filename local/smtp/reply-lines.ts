import type { SmtpReply } from "../../shared/receipt/replies.ts";

/** Replies of our own server that SES's documentation and logs say nothing about. */
export const engineReplies = {
  // RFC 5321 §2.3.8: CR and LF MUST NOT stand alone. Postfix answers this with `smtpd_forbid_bare_newline = reject`
  // (www.postfix.org/smtp-smuggling.html), Exchange Online likewise; Postfix's default rewrites them instead, but what we
  // store has to be what was sent, and a stored bare LF would be a line end to the next server (SEC Consult, 2023).
  bareNewline: { code: 550, status: "5.5.2", text: "Bare CR or LF in message data is not allowed" },
  tooManyConnections: { code: 421, status: "4.3.2", text: "Too many connections, try again later" },
  tooSlow: { code: 421, status: "4.4.2", text: "Timeout, closing connection" },
  shuttingDown: { code: 421, status: "4.3.2", text: "Shutting down, try again later" },
  badSize: { code: 501, status: "5.5.4", text: "Bad SIZE value" },
  badBody: { code: 501, status: "5.5.4", text: "BODY must be 7BIT or 8BITMIME" },
  unknownParameter: { code: 555, status: "5.5.4", text: "Parameter not recognized" },
} as const satisfies Record<string, SmtpReply>;

/** Replies about the protocol itself, which SES's documentation does not show. */
export const protocolReplies = {
  bye: { code: 221, text: "Bye" },
  noop: { code: 250, text: "OK" },
  reset: { code: 250, text: "Flushed" },
  help: { code: 214, text: "See https://tools.ietf.org/html/rfc5321 for details" },
  unverified: { code: 252, text: "Try to send something. No promises though" },
  vrfySyntax: { code: 501, text: "Error: Syntax: VRFY address" },
  ehloSyntax: { code: 501, text: "Error: syntax: EHLO hostname" },
  heloSyntax: { code: 501, text: "Error: Syntax: HELO hostname" },
  badHost: { code: 501, text: "Error: Bad hostname syntax" },
  startTls: { code: 220, text: "Ready to start TLS" },
  startTlsSyntax: { code: 501, text: "Error: syntax: STARTTLS" },
  tlsAlready: { code: 503, text: "Error: TLS already active" },
  helloFirst: { code: 503, text: "Error: send HELO/EHLO first" },
  nestedMail: { code: 503, text: "Error: nested MAIL command" },
  needMail: { code: 503, text: "Error: need MAIL command" },
  unknownCommand: { code: 500, text: "Error: command not recognized" },
  tooManyUnknown: { code: 421, text: "Error: too many unrecognized commands" },
  lineTooLong: { code: 421, text: "Error: Command line too long" },
  noHttp: { code: 421, text: "HTTP requests not allowed" },
} as const satisfies Record<string, SmtpReply>;
