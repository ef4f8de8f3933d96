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
export function endsAnyMail(retention: ResolvedRetention): boolean {
  return periodsOf(retention).some(Number.isFinite);
}

/** Whether any mail or ticket could ever expire. */
export function endsAnything(retention: ResolvedRetention): boolean {
  return endsAnyMail(retention) || Number.isFinite(retention.ticketDays ?? Number.POSITIVE_INFINITY);
}

/** Days that no mail is younger than when it expires, and those after which whatever may expire has. */
export function extremeDays(retention: ResolvedRetention): { readonly shortest: number; readonly longest: number } {
  const periods = periodsOf(retention);
  return { shortest: Math.min(...periods), longest: Math.max(...periods) };
}

/** Of mail, the default among them. */
export function periodsOf(retention: ResolvedRetention): readonly number[] {
  const { defaultDays, streamDays, natureDays, streamNatureDays } = retention;
  return [
    defaultDays ?? Number.POSITIVE_INFINITY,
    ...Object.values(streamDays),
    ...Object.values(natureDays),
    ...Object.values(streamNatureDays).flatMap((natures) => Object.values(natures)),
  ];
}
