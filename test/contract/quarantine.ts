import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim, HeldMessage, Ledger, Quarantine } from "../../shared/ports.ts";
import { claimAgain, claimed, type Opened, streamMessage } from "./opened.ts";

type OpenedQuarantine = Opened<{ readonly ledger: Ledger; readonly quarantine: Quarantine }>;

/** What holding promises: once per (SES message id, recipient), and all that a release needs. */
export function quarantineContract(name: string, open: () => Promise<OpenedQuarantine>): void {
  describe(`Quarantine: ${name}`, () => {
    let opened: OpenedQuarantine;
    let ledger: Ledger;
    let quarantine: Quarantine;
    beforeEach(async () => {
      opened = await open();
      ({ ledger, quarantine } = opened.ports);
    });
    afterEach(() => opened.close?.());
    const held = ({ sesMessageId, recipient }: Claim, more: Partial<HeldMessage> = {}): HeldMessage => ({
      sesMessageId,
      recipient,
      intendedStream: "ticket",
      reasons: ["virus FAIL"],
      message: streamMessage(sesMessageId, [recipient]),
      heldAt: "2026-08-04T09:15:04.000Z",
      ...more,
    });

    test("a held message comes back with its reasons and its stream message", async () => {
      const claim = await claimed(ledger);
      expect(await quarantine.get(claim.sesMessageId, claim.recipient)).toBeUndefined();
      await quarantine.hold(claim, held(claim));
      expect(await quarantine.get(claim.sesMessageId, claim.recipient)).toEqual(held(claim));
    });

    test("holding it again keeps the first", async () => {
      const claim = await claimed(ledger);
      await quarantine.hold(claim, held(claim));
      const again = await claimAgain(ledger, claim);
      await quarantine.hold(again, held(claim, { heldAt: "2027-01-01T00:00:00.000Z", reasons: ["other"] }));
      expect(await quarantine.get(claim.sesMessageId, claim.recipient)).toEqual(held(claim));
    });

    test("an attempt that was overtaken holds nothing", async () => {
      const stale = await claimed(ledger);
      await claimAgain(ledger, stale);
      await expect(quarantine.hold(stale, held(stale))).rejects.toMatchObject({ code: "ERR_STALE_CLAIM" });
      expect(await quarantine.get(stale.sesMessageId, stale.recipient)).toBeUndefined();
    });

    test("a released one is gone; removing it again is a success", async () => {
      const claim = await claimed(ledger);
      await quarantine.hold(claim, held(claim));
      await quarantine.remove(claim.sesMessageId, claim.recipient);
      await quarantine.remove(claim.sesMessageId, claim.recipient);
      expect(await quarantine.get(claim.sesMessageId, claim.recipient)).toBeUndefined();
    });

    test("the list comes by time, in pages behind `heldAt sesMessageId recipient`", async () => {
      const claims = [];
      for (let index = 0; index < 3; index++) {
        const claim = await claimed(ledger);
        claims.push(claim);
        await quarantine.hold(claim, held(claim, { heldAt: `1999-01-0${3 - index}T00:00:00.000Z` }));
      }
      const [first] = await quarantine.list({ after: "1999", limit: 1 });
      expect(first?.sesMessageId).toBe(claims[2]?.sesMessageId);
      const after = `${first?.heldAt} ${first?.sesMessageId} ${first?.recipient}`;
      const rest = await quarantine.list({ after, limit: 2 });
      expect(rest.map((entry) => entry.sesMessageId)).toEqual([claims[1]?.sesMessageId, claims[0]?.sesMessageId]);

      const newest = await quarantine.list({ order: "newest", limit: 2 });
      const [, second] = newest;
      expect(newest.map(({ heldAt }) => heldAt)).toEqual(
        newest
          .map(({ heldAt }) => heldAt)
          .toSorted()
          .reverse(),
      );
      const cursor = `${second?.heldAt} ${second?.sesMessageId} ${second?.recipient}`;
      const older = await quarantine.list({ order: "newest", after: cursor, limit: 100 });
      expect(older.map((entry) => entry.sesMessageId)).not.toContain(second?.sesMessageId);
      expect(older.at(-1)?.sesMessageId).toBe(claims[2]?.sesMessageId);
    });
  });
}
