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
