import { expect, test } from "vitest";
import { joined } from "../../../../../local/console/page/messages/use-messages.ts";
import type { ListedMessage } from "../../../../../local/store/engine-store.ts";

const page = (sequences: readonly number[], next: number | null, state = "done") => ({
  messages: sequences.map((sequence) => ({ sequence, subject: state }) as unknown as ListedMessage),
  next,
  notIndexed: 0,
});

test.for<[string, ReturnType<typeof page>, ReturnType<typeof page>, number[], number | null]>([
  ["nothing was shown", page([], null), page([9, 8, 7], 7), [9, 8, 7], 7],
  [
    "new mail comes on top of what was scrolled to",
    page([9, 8, 7, 6, 5], 5),
    page([10, 9, 8], 8),
    [10, 9, 8, 7, 6, 5],
    5,
  ],
  [
    "more has come than a page holds: the list begins anew, without a gap",
    page([3, 2, 1], 1),
    page([9, 8, 7], 7),
    [9, 8, 7],
    7,
  ],
  ["the page is all there is", page([9, 8, 7], 7), page([9, 8], null), [9, 8], null],
  ["nothing is left", page([9, 8], 8), page([], null), [], null],
  ["nothing below the first page was asked for", page([9, 8, 7], 7), page([10, 9, 8], 8), [10, 9, 8, 7], 7],
])("%s", ([, shown, head, expected, next]) => {
  const result = joined(shown, head);
  expect(result.messages.map(({ sequence }) => sequence)).toEqual(expected);
  expect(result.next).toBe(next);
});

test("what changed on the first page is as the engine says now", () => {
  const result = joined(page([9, 8, 7, 6], 6, "working"), page([9, 8], 8, "done"));
  expect(result.messages.map(({ subject }) => subject)).toEqual(["done", "done", "working", "working"]);
});
