import { showConfusables } from "../../../../shared/mail/confusable.ts";

/** A stranger's text as it may be shown: characters that turn, hide or break text are a dot, letters that pretend to be others named. */
export function safe(text: unknown): string {
  return showConfusables(String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·"));
}

/** The same for text of many lines: line ends and tabs stay. */
export function safeLines(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
}

export const subjectOf = (subject: string | null): string => safe(subject).trim() || "(no subject)";

export function count(quantity: number, noun: string): string {
  return `${quantity.toLocaleString()} ${noun}${quantity === 1 ? "" : "s"}`;
}

export function bytes(quantity: number): string {
  if (quantity < 1024) return `${quantity} B`;
  if (quantity < 1_048_576) return `${(quantity / 1024).toFixed(1)} KB`;
  return `${(quantity / 1_048_576).toFixed(1)} MB`;
}

/** How long, in the two words that people use. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}
