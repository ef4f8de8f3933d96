import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Senders } from "../../shared/ports.ts";
import { freshAddress, type Opened } from "./opened.ts";

type OpenedSenders = Opened<{ readonly senders: Senders }>;

/** What a list of allowed senders promises. */
export function sendersContract(name: string, open: () => Promise<OpenedSenders>): void {
  describe(`Senders: ${name}`, () => {
    let opened: OpenedSenders;
    let senders: Senders;
    beforeEach(async () => {
      opened = await open();
      ({ senders } = opened.ports);
    });
    afterEach(() => opened.close?.());
    const at = "2026-08-04T09:15:04.000Z";

    test("who was allowed is, until they are not; the first word stays", async () => {
      const address = freshAddress();
      expect(await senders.isAllowed(address)).toBe(false);
      await senders.allow({ address, by: "carol", at });
      await senders.allow({ address, by: "dan", at: "2027-01-01T00:00:00.000Z" });
      expect(await senders.isAllowed(address)).toBe(true);
      const before = address.slice(0, -1);
      expect(await senders.list({ after: before, limit: 1 })).toEqual([{ address, by: "carol", at }]);
      await senders.disallow(address);
      await senders.disallow(address);
      expect(await senders.isAllowed(address)).toBe(false);
    });

    test("they are listed by address, in pages", async () => {
      const prefix = freshAddress("list").split("@")[0];
      const all = ["a", "b", "c"].map((letter) => `${prefix}-${letter}@in.example`);
      for (const address of [...all].reverse()) await senders.allow({ address, by: "carol", at });
      const first = await senders.list({ after: `${prefix}-`, limit: 2 });
      expect(first.map(({ address }) => address)).toEqual(all.slice(0, 2));
      const [next] = await senders.list({ after: all[1] ?? "", limit: 1 });
      expect(next?.address).toBe(all[2]);
    });
  });
}
