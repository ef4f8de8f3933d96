import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Limits } from "../../shared/ports.ts";
import { freshId, type Opened, twenty } from "./opened.ts";

type OpenedLimits = Opened<{ readonly limits: Limits }>;

/** What a limit promises: never more than so many within its time, and a retry is not one more. */
export function limitsContract(name: string, open: () => Promise<OpenedLimits>): void {
  describe(`Limits: ${name}`, () => {
    let opened: OpenedLimits;
    let limits: Limits;
    beforeEach(async () => {
      opened = await open();
      ({ limits } = opened.ports);
    });
    afterEach(() => opened.close?.());
    const hour = 3_600_000;
    const once = { max: 1, windowMs: hour };

    test("the first one may, the second may not, the first may again", async () => {
      const key = `acknowledge ${freshId()}`;
      expect(await limits.take(key, "a", once)).toBe(true);
      expect(await limits.take(key, "b", once)).toBe(false);
      expect(await limits.take(key, "a", once)).toBe(true);
    });

    test("keys do not touch each other", async () => {
      expect(await limits.take(freshId(), "a", once)).toBe(true);
      expect(await limits.take(freshId(), "b", once)).toBe(true);
    });

    test("20 at once: as many as allowed", async () => {
      const key = freshId();
      let count = 0;
      const answers = await twenty(() => limits.take(key, `mail ${count++}`, { max: 3, windowMs: hour }));
      expect(answers.filter((answer) => answer)).toHaveLength(3);
    });

    test("20 times the same one at once: all of them, and it counts once", async () => {
      const key = freshId();
      const answers = await twenty(() => limits.take(key, "a", { max: 2, windowMs: hour }));
      expect(answers).not.toContain(false);
      expect(await limits.take(key, "b", { max: 2, windowMs: hour })).toBe(true);
      expect(await limits.take(key, "c", { max: 2, windowMs: hour })).toBe(false);
    });

    test("the time moves along with each of them", async (context) => {
      if (!opened.advance) return context.skip("time cannot be moved here");
      const key = freshId();
      const two = { max: 2, windowMs: hour };
      await limits.take(key, "a", two);
      opened.advance(hour / 2);
      await limits.take(key, "b", two);
      expect(await limits.take(key, "c", two)).toBe(false);
      opened.advance(hour / 2 + 1);
      expect(await limits.take(key, "c", two)).toBe(true);
      expect(await limits.take(key, "d", two)).toBe(false);
    });
  });
}
