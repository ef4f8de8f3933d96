import type { SmtpReply } from "../../shared/receipt/replies.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Client, GivenReceipt, Reception } from "./reception.ts";

export interface Submission {
  /** Whom the engine takes the sender for: `mailweir send --ip …` and the console. */
  readonly client: Client;
  /** Without angle brackets; `""` is the null sender. */
  readonly from: string;
  readonly to: readonly string[];
  /** CRLF line ends, no dot-stuffing. */
  readonly raw: AsyncIterable<Uint8Array>;
  /** Mail that was received before, here or elsewhere. */
  readonly given?: GivenReceipt;
}

export interface SubmissionResult {
  /** There when the message was accepted for at least one recipient. */
  readonly sesMessageId?: SesMessageId;
  /** The last reply: to the end of data, or the one that ended the attempt. */
  readonly reply: SmtpReply;
  readonly recipients: readonly { readonly recipient: string; readonly reply: SmtpReply }[];
}

/**
 * Sends a message through the very acceptance that SMTP runs, as if it came from `client`. For the HTTP API of this machine
 * only: there is no such command in the SMTP server, because whoever reached its port could pose as anybody.
 */
export async function submit(
  reception: Reception,
  { client, from, to, raw, given }: Submission,
): Promise<SubmissionResult> {
  const transaction = await reception.begin(client, from);
  if (!("addRecipient" in transaction)) return { reply: transaction, recipients: [] };
  const recipients: { recipient: string; reply: SmtpReply }[] = [];
  for (const recipient of to) recipients.push({ recipient, reply: await transaction.addRecipient(recipient) });
  if (transaction.recipients.length === 0) {
    const reply = recipients.at(-1)?.reply ?? { code: 503, text: "Error: need RCPT command" };
    return { reply, recipients };
  }
  const received = await transaction.receive(raw, given);
  if (received.kind === "gone")
    return { reply: { code: 451, status: "4.3.0", text: "The message ended early" }, recipients };
  return {
    reply: received.reply,
    recipients,
    ...(received.kind === "accepted" && { sesMessageId: received.sesMessageId }),
  };
}
