/** Whether a text names one of the SES ids. They are letters and digits, and long. */
export function namesMessage(text: string, ids: ReadonlySet<string>): boolean {
  return ids.size > 0 && (text.match(/[A-Za-z0-9]{20,}/g) ?? []).some((word) => ids.has(word));
}
