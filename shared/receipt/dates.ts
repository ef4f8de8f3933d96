/** `Tue, 04 Aug 2026 09:15:02 +0000 (UTC)`: the date of SES's Received header. */
export function formatReceivedDate(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000 (UTC)");
}

/** `Tue, 04 Aug 2026 09:15:02 +0000` (RFC 5322 §3.3). */
export function formatMailDate(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}
