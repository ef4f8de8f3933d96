import type { ResolvedRetention } from "../config/types.ts";

/**
 * How many days mail of a recipient stays from its receipt; `Infinity` is for ever. A period of this nature in this stream
 * counts alone; otherwise the longer one of the stream's and the nature's, so that no named period is cut short; otherwise the
 * default.
 *
 * @param stream - `null`: of no stream
 * @param nature - `null`: nobody judged it
 */
export function periodDays(retention: ResolvedRetention, stream: string | null, nature: string | null): number {
  const { defaultDays, streamDays, natureDays, streamNatureDays } = retention;
  const own = <T>(of: Readonly<Record<string, T>>, name: string | null) =>
    name !== null && Object.hasOwn(of, name) ? of[name] : undefined;
  const both = own<number>(own(streamNatureDays, stream) ?? {}, nature);
  if (both !== undefined) return both;
  const named = [own(streamDays, stream), own<number>(natureDays, nature)].filter((days) => days !== undefined);
  return named.length > 0 ? Math.max(...named) : (defaultDays ?? Number.POSITIVE_INFINITY);
}

/** Whether any mail could ever expire. */
export function endsAnyMail({ defaultDays, streamDays, natureDays, streamNatureDays }: ResolvedRetention): boolean {
  return [
    defaultDays ?? Number.POSITIVE_INFINITY,
    ...Object.values(streamDays),
    ...Object.values(natureDays),
    ...Object.values(streamNatureDays).flatMap((natures) => Object.values(natures)),
  ].some(Number.isFinite);
}
