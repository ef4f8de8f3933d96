import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Propagations } from "../../shared/ports.ts";
import { freshAddress, freshId, type Opened, twenty } from "./opened.ts";

/** What every adapter promises: attempts are counted, the newest one counts, what has ended stays ended. */
export function propagationsContract(
  name: string,
  open: () => Promise<Opened<{ readonly propagations: Propagations }>>,
): void {
  describe(`Propagations: ${name}`, () => {
    let opened: Opened<{ readonly propagations: Propagations }>;
    let propagations: Propagations;
    beforeEach(async () => {
      opened = await open();
      ({ propagations } = opened.ports);
    });
    afterEach(() => opened.close?.());
    const item = () => ({ change: freshAddress("chg"), target: "webhook:crm" });
    const lease = 60_000;
    const begun = (attempt: number) => ({ kind: "begun", attempt });

    test("an attempt is drawn, waits with its cause, and ends with the next one", async () => {
      const sesMessageId = freshId();
      const key = item();
      expect(await propagations.begin({ ...key, sesMessageId }, lease)).toEqual(begun(1));
      const waiting = { state: "waiting", cause: "HTTP 503", dueAt: "2026-08-04T09:15:00.000Z" } as const;
      expect(await propagations.note({ ...key, attempt: 1, ...waiting })).toBe(true);
      expect(await propagations.of(sesMessageId)).toMatchObject([{ ...key, sesMessageId, attempts: 1, ...waiting }]);
      expect(await propagations.begin({ ...key, sesMessageId }, lease)).toEqual(begun(2));
      expect(await propagations.note({ ...key, attempt: 2, state: "done" })).toBe(true);
      const record = await propagations.get(key.change, key.target);
      expect(record).toMatchObject({ ...key, state: "done", attempts: 2 });
      expect(record).not.toHaveProperty("dueAt");
      expect(record).not.toHaveProperty("cause");
      expect(await propagations.begin({ ...key, sesMessageId }, lease)).toEqual({ kind: "ended" });
    });

    test("what is not due yet is not begun", async () => {
      const key = item();
      await propagations.begin(key, lease);
      const dueAt = "2999-01-01T00:00:00.000Z";
      await propagations.note({ ...key, attempt: 1, state: "waiting", cause: "HTTP 503", dueAt });
      expect(await propagations.begin(key, lease)).toEqual({ kind: "early", dueAt });
      expect(await propagations.get(key.change, key.target)).toMatchObject({ attempts: 1 });
    });

    test("an attempt that died is followed by the next one when its lease is over, and can note nothing any more", async () => {
      const key = item();
      await propagations.begin(key, lease);
      expect(await propagations.begin(key, lease)).toEqual({ kind: "busy" });
      expect(await propagations.begin(key, 0)).toEqual(begun(2));
      expect(await propagations.note({ ...key, attempt: 1, state: "failed", cause: "late" })).toBe(false);
      expect(await propagations.get(key.change, key.target)).toMatchObject({ state: "waiting", attempts: 2 });
    });

    test("stopped is the end, failed is not: a redrive tries again", async () => {
      const [stopped, failed] = [item(), item()];
      for (const key of [stopped, failed]) await propagations.begin(key, lease);
      await propagations.note({ ...stopped, attempt: 1, state: "stopped", cause: "HTTP 410" });
      await propagations.note({ ...failed, attempt: 1, state: "failed", cause: "HTTP 500" });
      expect(await propagations.begin(stopped, lease)).toEqual({ kind: "ended" });
      expect(await propagations.begin(failed, lease)).toEqual(begun(2));
    });

    test("of 20 at once one begins", async () => {
      const key = item();
      const drawn = await twenty(() => propagations.begin(key, lease));
      expect(drawn.filter(({ kind }) => kind === "begun")).toEqual([begun(1)]);
      expect(drawn.filter(({ kind }) => kind === "busy")).toHaveLength(19);
    });

    test("what never began is not there", async () => {
      expect(await propagations.get("chg_none", "webhook:crm")).toBeUndefined();
      expect(await propagations.of(freshId())).toEqual([]);
      expect(await propagations.note({ ...item(), attempt: 1, state: "done" })).toBe(false);
    });
  });
}
