import * as z from "zod";
import { MailweirError } from "../errors.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { parseMailboxes } from "../mail/mailboxes.ts";
import type { Feedback } from "./feedback.ts";

export class SesFeedbackError extends MailweirError {
  readonly code = "ERR_SES_FEEDBACK";
  readonly retryable = false;
}

/** What SES tells about mail that it sent: bounces and complaints, one entry a recipient; everything else is none. */
export interface SesFeedback {
  /** The same when SES tells it again. */
  readonly id: string;
  readonly kind: Feedback["kind"];
  /** Normalised. */
  readonly address: string;
  /** ISO 8601. */
  readonly at: string;
  readonly note: string;
  /** SES's id of the mail. */
  readonly messageId: string;
  /** Who sent the mail, normalised, when SES says so. */
  readonly source?: string;
}

const recipients = z.array(z.object({ emailAddress: z.string() }));
const mail = z.object({ messageId: z.string(), source: z.string().optional() });
// Notifications of an identity say notificationType, events of a configuration set eventType; the rest is the same.
const bounce = z.object({
  bounce: z.object({
    bounceType: z.string(),
    bounceSubType: z.string().default("General"),
    bouncedRecipients: recipients,
    timestamp: z.iso.datetime(),
    feedbackId: z.string(),
  }),
  mail,
});
const complaint = z.object({
  complaint: z.object({
    complainedRecipients: recipients,
    timestamp: z.iso.datetime(),
    feedbackId: z.string(),
    complaintFeedbackType: z.string().nullish(),
    complaintSubType: z.string().nullish(),
  }),
  mail,
});
const typed = z.object({ notificationType: z.string().optional(), eventType: z.string().optional() });

/**
 * Reads a feedback notification or event of SES.
 *
 * @param event - parsed JSON
 * @throws {SesFeedbackError} when it says that it is one and is not
 */
export function readSesFeedback(event: unknown): readonly SesFeedback[] {
  const types = typed.safeParse(event);
  const type = types.success ? (types.data.eventType ?? types.data.notificationType) : undefined;
  if (type === undefined) {
    throw new SesFeedbackError(
      "This is no feedback of SES: subscribe the queue to the topic of its notifications or events",
    );
  }
  if (type === "Bounce") {
    const { bounce: told, mail: about } = checked(bounce, event, type);
    const { bounceType, bounceSubType, bouncedRecipients, timestamp, feedbackId } = told;
    // "Undetermined" and "Transient" may go away; only "Permanent" is said of an address.
    const kind = bounceType === "Permanent" ? "hard-bounce" : "soft-bounce";
    const note = `SES bounce ${bounceType}/${bounceSubType} of message ${about.messageId}`.slice(0, 300);
    return addressesOf(bouncedRecipients).map((address) => ({
      id: `${feedbackId} ${address}`,
      kind,
      address,
      at: timestamp,
      note,
      messageId: about.messageId,
      ...sourceOf(about),
    }));
  }
  if (type === "Complaint") {
    const { complaint: told, mail: about } = checked(complaint, event, type);
    const { complainedRecipients, timestamp, feedbackId, complaintFeedbackType, complaintSubType } = told;
    // Nobody complains by these.
    if (/^(?:not-spam|auth-failure)$/.test(complaintFeedbackType ?? "")) return [];
    // SES names everybody at the complaining domain who got the mail when the report does not say who it was.
    const named = addressesOf(complainedRecipients);
    if (named.length !== 1) return [];
    const note =
      `SES complaint ${complaintFeedbackType ?? complaintSubType ?? "without type"} of message ${about.messageId}`.slice(
        0,
        300,
      );
    return named.map((address) => ({
      id: `${feedbackId} ${address}`,
      kind: "complaint",
      address,
      at: timestamp,
      note,
      messageId: about.messageId,
      ...sourceOf(about),
    }));
  }
  return [];
}

/** As written: with or without a name. */
function sourceOf({ source }: z.infer<typeof mail>): Pick<SesFeedback, "source"> {
  const address = source === undefined ? undefined : parseMailboxes(source)[0]?.address;
  return address === undefined ? {} : { source: normaliseAddress(address) };
}

function addressesOf(list: z.infer<typeof recipients>): readonly string[] {
  // With or without a name: SES repeats what the sender wrote.
  const addresses = list
    .flatMap(({ emailAddress }) => parseMailboxes(emailAddress))
    .map(({ address }) => normaliseAddress(address));
  return [...new Set(addresses.filter((address) => parseMailAddress(address) !== undefined))];
}

function checked<T extends z.ZodType>(schema: T, event: unknown, type: string): z.infer<T> {
  const result = schema.safeParse(event);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new SesFeedbackError(`A ${type} of SES has a wrong ${issue?.path.join(".") || "shape"} (${issue?.code})`);
}
