import type { BounceTemplateName } from "./types.ts";

export interface BounceTemplate {
  readonly smtpReplyCode: string;
  readonly statusCode: string;
  readonly message: string;
}

/** The six templates of the SES console (ses-receiving.md §5.4); 500 for refused content is really what AWS documents. */
export const bounceTemplates: Readonly<Record<BounceTemplateName, BounceTemplate>> = {
  "mailbox-does-not-exist": { smtpReplyCode: "550", statusCode: "5.1.1", message: "Mailbox does not exist" },
  "message-too-large": { smtpReplyCode: "552", statusCode: "5.3.4", message: "Message too large" },
  "mailbox-full": { smtpReplyCode: "552", statusCode: "5.2.2", message: "Mailbox full" },
  "content-rejected": { smtpReplyCode: "500", statusCode: "5.6.1", message: "Message content rejected" },
  "unknown-failure": { smtpReplyCode: "554", statusCode: "5.0.0", message: "Unknown failure" },
  "temporary-failure": { smtpReplyCode: "450", statusCode: "4.0.0", message: "Temporary failure" },
};
