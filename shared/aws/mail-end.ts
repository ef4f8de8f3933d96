import type { ResolvedRetention } from "../config/types.ts";
import type { Decision, ReceiptMeta } from "../ports.ts";
import { periodDays } from "../retention/period.ts";
import { type Item, jsonOf, numberOf, textOf } from "./dynamo.ts";

/** When a message is over, by everything that the ledger keeps of it. */
export type MailEnd =
  /** It was deleted, or a deletion of it was begun. */
  | { readonly kind: "gone" }
  /** Something is still to be done with it. */
  | { readonly kind: "open" }
  /** Nothing is known of it: it went past the pipeline, or so long ago that the ledger has forgotten it. */
  | { readonly kind: "unknown" }
  /** `changed` of each recipient: whoever works on the message again changes one of these. */
  | {
      readonly kind: "ends";
      /** Milliseconds since the epoch; `Infinity`: never. */
      readonly at: number;
      readonly changed: readonly { readonly sk: string; readonly up: string }[];
    };

const dayMs = 86_400_000;

/**
 * Pure.
 *
 * @param items - the message's whole partition of the ledger table
 */
export function mailEnd(items: readonly Item[], retention: ResolvedRetention): MailEnd {
  const meta = items.find((item) => textOf(item, "sk") === "meta");
  if (meta && numberOf(meta, "gone") === 1) return { kind: "gone" };
  const recipients = items.filter((item) => textOf(item, "sk")?.startsWith("r#"));
  // The pipeline took it over, but nobody has been told yet whose it is.
  if (recipients.length === 0) return meta ? { kind: "open" } : { kind: "unknown" };
  // Who is held in quarantine has a period of their own, and may still be let through.
  const isEnded = recipients.every((item) => ["done", "failed"].includes(textOf(item, "s") ?? ""));
  if (!isEnded) return { kind: "open" };
  const days = recipients.map((item) =>
    periodDays(retention, textOf(item, "st") ?? null, jsonOf<Decision>(item, "d")?.nature.kind ?? null),
  );
  const receipt = (meta && jsonOf<ReceiptMeta>(meta, "m"))?.receivedAt;
  const times = [receipt, ...recipients.map((item) => textOf(item, "at"))].map((at) => Date.parse(at ?? ""));
  const receivedAt = Math.max(...times.filter(Number.isFinite));
  return {
    kind: "ends",
    at: receivedAt + Math.max(...days) * dayMs,
    changed: recipients.map((item) => ({ sk: textOf(item, "sk") ?? "", up: textOf(item, "up") ?? "" })),
  };
}
