import type { ResolvedRetention } from "../config/types.ts";
import { periodDays } from "./period.ts";

/** What periods would delete, that those before them still keep. */
export interface Shortened {
  readonly messages: number;
  /** ISO 8601, of the oldest of these messages. */
  readonly oldest?: string;
  /** Messages by stream (`-`: of none) and nature, as `ticket auto-reply`. */
  readonly byKind: Readonly<Record<string, number>>;
  readonly tickets: number;
  /** Nobody counted further: there may be more. */
  readonly atLeast?: true;
}

const dayMs = 86_400_000;

/** Periods as they are kept, to be compared with the next ones. */
export const retentionText = (retention: ResolvedRetention): string =>
  JSON.stringify(retention, (_, value: unknown) => (value === Number.POSITIVE_INFINITY ? "forever" : value));

/** What `retentionText` wrote; of nothing: everything was kept. */
export function readRetention(text: string | undefined): ResolvedRetention {
  const keepsAll: ResolvedRetention = { streamDays: {}, natureDays: {}, streamNatureDays: {} };
  return text === undefined ? keepsAll : { ...keepsAll, ...(JSON.parse(text, revive) as ResolvedRetention) };
}

const revive = (_: string, value: unknown) => (value === "forever" ? Number.POSITIVE_INFINITY : value);

/** Adds up what is over by the next periods and was not by those before. Pure. */
export function countShortened(before: ResolvedRetention, next: ResolvedRetention, now: Date) {
  let messages = 0;
  let oldest = Number.POSITIVE_INFINITY;
  const byKind = new Map<string, number>();
  return {
    /** One message: when it was received, in milliseconds, and stream and nature of each recipient (at least one). */
    add(receivedAt: number, kinds: readonly (readonly [stream: string | null, nature: string | null])[]): void {
      const isOver = (by: ResolvedRetention) =>
        receivedAt + Math.max(...kinds.map(([stream, nature]) => periodDays(by, stream, nature))) * dayMs <=
        now.getTime();
      if (!isOver(next) || isOver(before)) return;
      messages += 1;
      oldest = Math.min(oldest, receivedAt);
      for (const kind of new Set(kinds.map(([stream, nature]) => `${stream ?? "-"} ${nature ?? "-"}`)))
        byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
    },
    /** `undefined` when nothing that is stored is over any sooner. */
    sum(tickets: number, { atLeast = false }: { readonly atLeast?: boolean } = {}): Shortened | undefined {
      if (messages === 0 && tickets <= 0) return undefined;
      return {
        messages,
        ...(messages > 0 && { oldest: new Date(oldest).toISOString() }),
        byKind: Object.fromEntries([...byKind].toSorted(([a], [b]) => a.localeCompare(b))),
        tickets: Math.max(0, tickets),
        ...(atLeast && { atLeast: true }),
      };
    },
  };
}

/** As a sentence, for people. */
export function describeShortened({ messages, oldest, byKind, tickets, atLeast }: Shortened): string {
  const parts = [
    ...(messages > 0
      ? [
          `${messages} messages since ${oldest?.slice(0, 10)} (${Object.entries(byKind)
            .map(([kind, count]) => `${count} × ${kind.replace(" -", "").replace(/^-$/, "of no stream")}`)
            .join(", ")})`,
        ]
      : []),
    ...(tickets > 0 ? [`${tickets} closed tickets`] : []),
  ];
  return `${atLeast ? "at least " : ""}${parts.join(" and ")}`;
}
