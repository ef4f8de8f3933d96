import { expect, test } from "vitest";
import { listMessages } from "../../../local/console/list-messages.ts";
import type { ListedMessage } from "../../../local/store/engine-store.ts";
import { sesId } from "../store/store-fixture.ts";

/** A store of messages 1 to `count`; every `nth` went to the stream "ticket", the others to none. */
function storeOf(count: number, nth: number) {
  let asked = 0;
  return {
    asked: () => asked,
    async list({ limit, before = count + 1 }: { limit: number; before?: number }): Promise<ListedMessage[]> {
      const page: ListedMessage[] = [];
      for (let sequence = before - 1; sequence > 0 && page.length < limit; sequence--)
        page.push(message(sequence, nth));
      asked += page.length;
      return page;
    },
  };
}

function message(sequence: number, nth: number): ListedMessage {
  const stream = sequence % nth === 0 ? "ticket" : null;
  return {
    sequence,
    sesMessageId: sesId(sequence),
    receivedAt: "2026-08-04T09:15:02.417Z",
    envelope: { from: "", to: ["a@example.com"] },
    subject: null,
    author: null,
    recipients: [{ recipient: "a@example.com", state: "done", stream, outcome: null, cause: null, duplicateOf: null }],
  };
}

test.for<[string, number, number, Parameters<typeof listMessages>[1], number[], number | null]>([
  ["the newest first, and where to go on", 9, 2, { limit: 3 }, [9, 8, 7], 7],
  ["the last page says that it is the last", 4, 2, { limit: 3, before: 3 }, [2, 1], null],
  ["a page that ends with the first message is the last too", 3, 2, { limit: 3 }, [3, 2, 1], null],
  ["an empty store has one empty page", 0, 2, { limit: 3 }, [], null],
  ["one stream only", 9, 3, { limit: 2, stream: "ticket" }, [9, 6], 6],
  ["and its next page", 9, 3, { limit: 2, stream: "ticket", before: 6 }, [3], null],
  ["none stands for no stream", 5, 2, { limit: 2, stream: "none" }, [5, 3], 3],
  [
    "a stream that is rare: found within what one request looks at",
    1_500,
    1_000,
    { limit: 5, stream: "ticket" },
    [1_000],
    null,
  ],
  ["a stream that is rarer: nothing yet, and where to go on", 9_000, 10_000, { limit: 5, stream: "ticket" }, [], 7_001],
])("%s", async ([, count, nth, query, sequences, next]) => {
  const store = storeOf(count, nth);
  const page = await listMessages(store, query);
  expect({ sequences: page.messages.map(({ sequence }) => sequence), next: page.next }).toEqual({ sequences, next });
  expect(store.asked()).toBeLessThanOrEqual(2_250);
});
