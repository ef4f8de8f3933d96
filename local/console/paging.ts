import type { Context } from "hono";
import type { ListOrder } from "../../shared/ports.ts";
import { problem } from "./problem.ts";

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

/** `order` of the query, or the answer that it is wrong. */
export function orderOf(c: Context): { readonly order: ListOrder } | { readonly refused: Response } {
  const order = c.req.query("order") ?? "oldest";
  return order === "oldest" || order === "newest"
    ? { order }
    : { refused: problem(c, 400, "order is one of oldest, newest: what comes first.") };
}

export function wholeNumber(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
