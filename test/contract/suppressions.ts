import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger, Suppression, Suppressions } from "../../shared/ports.ts";
import { claimAgain, claimed, freshAddress, type Opened, twenty } from "./opened.ts";

type OpenedSuppressions = Opened<{ readonly ledger: Ledger; readonly suppressions: Suppressions }>;

/** What every suppression list promises: once per claim, one row per (address, list), the first date stays. */
export function suppressionsContract(name: string, open: () => Promise<OpenedSuppressions>): void {
  describe(`Suppressions: ${name}`, () => {
    let opened: OpenedSuppressions;
    let ledger: Ledger;
    let suppressions: Suppressions;
    beforeEach(async () => {
      opened = await open();
      ({ ledger, suppressions } = opened.ports);
    });
    afterEach(() => opened.close?.());
    const suppression = (address: string, more: Partial<Suppression> = {}): Suppression => ({
      address,
      list: "*",
      reason: "mailto",
      since: "2026-08-04T09:15:02.417Z",
      evidence: { note: "wrote to unsubscribe@in.example" },
      ...more,
    });

    test("a suppression is found, for everything and for every list", async () => {
      const address = freshAddress();
      expect(await suppressions.check(address)).toBeUndefined();
      const claim = await claimed(ledger);
      const written = suppression(address, { evidence: { sesMessageId: claim.sesMessageId, note: "asked" } });
      expect(await suppressions.suppress(claim, written)).toBe("added");
      expect(await suppressions.check(address)).toEqual(written);
      expect(await suppressions.check(address, "news")).toEqual(written);
    });

    test("one list's suppression is not another's", async () => {
      const address = freshAddress();
      await suppressions.suppress(await claimed(ledger), suppression(address, { list: "news" }));
      expect(await suppressions.check(address, "news")).toMatchObject({ list: "news" });
      expect(await suppressions.check(address, "offers")).toBeUndefined();
      expect(await suppressions.check(address)).toBeUndefined();
    });

    test("the same mail again is repeated, another mail finds it suppressed and the date stays", async () => {
      const address = freshAddress();
      const first = await claimed(ledger);
      expect(await suppressions.suppress(first, suppression(address))).toBe("added");
      expect(await suppressions.suppress(await claimAgain(ledger, first), suppression(address))).toBe("repeated");
      const later = suppression(address, { since: "2026-09-01T00:00:00.000Z", reason: "complaint" });
      expect(await suppressions.suppress(await claimed(ledger), later)).toBe("already-suppressed");
      expect(await suppressions.check(address)).toEqual(suppression(address));
    });

    test("20 at once add it once", async () => {
      const address = freshAddress();
      const claims = await twenty(() => claimed(ledger));
      const results = await Promise.all(claims.map((claim) => suppressions.suppress(claim, suppression(address))));
      expect(results.filter((result) => result === "added")).toHaveLength(1);
      expect(results.filter((result) => result === "already-suppressed")).toHaveLength(19);
    });

    test("an attempt that was overtaken writes nothing", async () => {
      const address = freshAddress();
      const stale = await claimed(ledger);
      await claimAgain(ledger, stale);
      await expect(suppressions.suppress(stale, suppression(address))).rejects.toMatchObject({
        code: "ERR_STALE_CLAIM",
      });
      expect(await suppressions.check(address)).toBeUndefined();
    });

    test("the list can be read in pages, each behind the last one's `address list`", async () => {
      const mark = freshAddress("zz");
      for (let index = 0; index < 5; index++) {
        await suppressions.suppress(await claimed(ledger), suppression(`${mark}${index}`, { list: "news" }));
      }
      const found: string[] = [];
      let after = mark;
      for (;;) {
        const page = (await suppressions.list({ after, limit: 2 })).filter((entry) => entry.address.startsWith(mark));
        if (page.length === 0) break;
        found.push(...page.map((entry) => entry.address));
        const last = page.at(-1)!;
        after = `${last.address} ${last.list}`;
      }
      expect(found).toEqual([0, 1, 2, 3, 4].map((index) => `${mark}${index}`));
    });
  });
}
