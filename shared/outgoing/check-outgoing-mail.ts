import { MailweirError } from "../errors.ts";
import { parseMailAddress } from "../mail/address.ts";
import type { OutgoingMail } from "../ports.ts";

export class OutgoingMailError extends MailweirError {
  readonly code = "ERR_OUTGOING_MAIL";
  readonly retryable = false;
}

// SES takes at most 50 recipients and 40 MB in one call (SendEmail); one machine keeps to the same.
const maxRecipients = 50;
const maxBytes = 41_943_040;

/**
 * Whether a next hop could take the mail at all. Addresses are checked because they become SMTP commands: nothing in them
 * may end a line.
 *
 * @throws {OutgoingMailError} with the member that is wrong
 */
export function checkOutgoingMail({ id, envelopeSender, recipients, raw }: OutgoingMail): void {
  const wrong = (what: string) => new OutgoingMailError(`The mail ${JSON.stringify(id.slice(0, 200))} ${what}`);
  if (!/^\P{Cc}{1,500}$/u.test(id)) throw wrong("needs another id: 1 to 500 characters, no controls");
  if (envelopeSender !== "" && !parseMailAddress(envelopeSender)) {
    throw wrong(`has no valid envelope sender: ${JSON.stringify(envelopeSender)}; "" is the null sender`);
  }
  if (recipients.length === 0 || recipients.length > maxRecipients) {
    throw wrong(`has ${recipients.length} recipients: give it 1 to ${maxRecipients}`);
  }
  const stranger = recipients.find((recipient) => !parseMailAddress(recipient));
  if (stranger !== undefined) throw wrong(`has a recipient that is no address: ${JSON.stringify(stranger)}`);
  if (raw.length === 0 || raw.length > maxBytes) {
    throw wrong(`has ${raw.length} bytes: a mail has 1 to ${maxBytes}`);
  }
}
