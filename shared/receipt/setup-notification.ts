import { parseHeaderSection } from "../mail/headers.ts";
import { setupNotificationId } from "../ses-message-id.ts";
import { buildNotification } from "./build-notification.ts";
import { formatMailDate } from "./dates.ts";
import type { SnsAction } from "./model.ts";
import type { SesNotification } from "./notification.ts";

/**
 * The object that SES writes to prove that it may, when a rule with an S3 action is created or updated
 * (ses-receiving.md §5.3): four headers and a text, no Received and no block. Its key is `objectKey(prefix, setupNotificationId)`.
 */
export function setupNotificationBytes(target: "bucket" | "topic", now: Date): Uint8Array {
  const lines = [
    `Date: ${formatMailDate(now)}`,
    "To: recipient@example.com",
    "From: Amazon Web Services <no-reply-aws@amazon.com>",
    "Subject: Amazon SES Setup Notification",
    "",
    "Hello,",
    "",
    `You received this message because receiving mail with Amazon SES was set up for this ${target}.`,
    "",
  ];
  return new TextEncoder().encode(lines.join("\r\n"));
}

/** The same proof for a topic: published when a rule that names the topic is created or updated. */
export function buildSetupNotification(action: SnsAction, now: Date): SesNotification {
  const stored = setupNotificationBytes("topic", now);
  return buildNotification(
    {
      sesMessageId: setupNotificationId,
      receivedAt: now,
      envelopeFrom: "no-reply-aws@amazon.com",
      headers: parseHeaderSection(stored).headers,
      recipients: ["recipient@example.com"],
      verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" },
      action,
      processingTimeMs: 0,
    },
    stored,
  );
}
