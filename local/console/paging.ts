import type { Context } from "hono";

/** The cursor of a full page's last item; null where the list ends. */
export function nextOf<Item, Cursor>(
  items: readonly Item[],
  limit: number,
  cursor: (item: Item) => Cursor,
): Cursor | null {
  const last = items.at(-1);
  return last !== undefined && items.length === limit ? cursor(last) : null;
}

/** 50 unless the query says otherwise; never more than `max`. */
export function limitOf(c: Context, max: number): number {
  return Math.min(wholeNumber(c.req.query("limit")) ?? 50, max);
}

export function wholeNumber(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
