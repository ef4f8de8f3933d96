import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Tallies } from "../../shared/ports.ts";
import { freshId, type Opened, twenty } from "./opened.ts";

type OpenedTallies = Opened<{ readonly tallies: Tallies }> & {
  /** Moves the clock on; absent where it is the world's. */
  readonly advance?: (ms: number) => void;
};

/** Counts by the hour, whoever counts at the same moment. */
export function talliesContract(name: string, open: () => Promise<OpenedTallies>): void {
  describe(`Tallies: ${name}`, () => {
    let opened: OpenedTallies;
    let tallies: Tallies;
    beforeEach(async () => {
      opened = await open();
      tallies = opened.ports.tallies;
    });
    afterEach(() => opened.close?.());

    test("what nobody counted is none", async () => {
      expect(await tallies.sum(`t-${freshId()}`, 24)).toBe(0);
    });

    test("20 at once are 20, and each name is counted by itself", async () => {
      const one = `t-${freshId()}`;
      const other = `t-${freshId()}`;
      await twenty(() => tallies.add(one));
      await tallies.add(other);
      expect(await tallies.sum(one, 2)).toBe(20);
      expect(await tallies.sum(other, 2)).toBe(1);
    });

    test("hours that are over count no more", async ({ skip }) => {
      const { advance } = opened;
      if (advance === undefined) return skip("its clock is the world's");
      const one = `t-${freshId()}`;
      await tallies.add(one);
      advance(2 * 3_600_000);
      await tallies.add(one);
      expect(await tallies.sum(one, 24)).toBe(2);
      expect(await tallies.sum(one, 2)).toBe(1);
      advance(46 * 3_600_000);
      await tallies.add(one);
      expect(await tallies.sum(one, 48)).toBe(2);
    });
  });
}
