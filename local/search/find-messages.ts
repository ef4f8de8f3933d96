import type { Condition } from "./parse-query.ts";
import { allMessages, factSource, isWordCondition, type Readers, type Source, wordSource } from "./sources.ts";

export interface FoundMessages {
  /** Newest first. */
  readonly sequences: readonly number[];
  /** Where to go on: everything from here up was looked at. Null at the end. */
  readonly next: number | null;
}

// Steps of one search: what is not found by then is left to the next page.
const maxSteps = 1_000;

/**
 * The next messages below `before` for which all conditions hold: each condition says where it holds next, and the lowest
 * of them tells the others how far they may skip.
 */
export function findMessages(
  readers: Readers,
  conditions: readonly Condition[],
  { limit, before }: { readonly limit: number; readonly before: number },
): FoundMessages {
  const wanted = conditions.filter(({ negated }) => !negated);
  const words = wanted.filter(isWordCondition);
  const sources: Source[] = [
    ...(words.length > 0 ? [wordSource(readers, words)] : []),
    ...wanted.flatMap((condition) => (isWordCondition(condition) ? [] : [factSource(readers, condition)])),
  ];
  if (sources.length === 0) sources.push(allMessages(readers));
  const excluded = conditions
    .filter(({ negated }) => negated)
    .map((condition) =>
      isWordCondition(condition) ? wordSource(readers, [condition]) : factSource(readers, condition),
    );

  const sequences: number[] = [];
  let seq = before - 1;
  for (let step = 0; step < maxSteps; step++) {
    const found = meet(sources, seq);
    if (found.kind === "end") return { sequences, next: null };
    seq = found.seq;
    if (found.kind === "all" && !excluded.some((source) => source.atMost(seq) === seq)) {
      sequences.push(seq);
      if (sequences.length === limit) return { sequences, next: seq > 1 ? seq : null };
    }
    if (found.kind === "all") seq -= 1;
    if (seq < 1) return { sequences, next: null };
  }
  return { sequences, next: seq + 1 };
}

/** One round through the conditions from `seq` down: all of them hold there, or how far down they may hold. */
function meet(
  sources: readonly Source[],
  start: number,
): { readonly kind: "end" } | { readonly kind: "all" | "lower"; readonly seq: number } {
  let seq = start;
  for (const [index, source] of sources.entries()) {
    const found = source.atMost(seq);
    if (found === undefined) return { kind: "end" };
    // The first one only proposes.
    if (found < seq && index > 0) return { kind: "lower", seq: found };
    seq = found;
  }
  return { kind: "all", seq };
}
