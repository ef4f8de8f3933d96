import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim, Ledger, MailRecord, Records } from "../../shared/ports.ts";
import { claimAgain, claimed, type Opened, twenty } from "./opened.ts";

type OpenedRecords = Opened<{ readonly ledger: Ledger; readonly records: Records }>;

/** What recording promises: once per (SES message id, recipient, kind). */
export function recordsContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`Records: ${name}`, () => {
    let opened: OpenedRecords;
    let ledger: Ledger;
    let records: Records;
    beforeEach(async () => {
      opened = await open();
      ({ ledger, records } = opened.ports);
    });
    afterEach(() => opened.close?.());
    const recordOf = ({ sesMessageId, recipient }: Claim, more: Partial<MailRecord> = {}): MailRecord => ({
      kind: "bounce",
      sesMessageId,
      recipient,
      facts: { recipients: [{ address: "bob@away.example", status: "5.1.1" }] },
      at: "2026-08-04T09:15:04.000Z",
      ...more,
    });
    const mine = async (claim: Claim, kind?: MailRecord["kind"]) =>
      (await records.list({ ...(kind && { kind }), after: "2026-08-04T09:15:04", limit: 1000 })).filter(
        (record) => record.sesMessageId === claim.sesMessageId,
      );

    test("a record comes back with its facts, also by kind", async () => {
      const claim = await claimed(ledger);
      expect(await records.record(claim, recordOf(claim))).toBe("recorded");
      expect(await mine(claim)).toEqual([recordOf(claim)]);
      expect(await mine(claim, "bounce")).toEqual([recordOf(claim)]);
      expect(await mine(claim, "complaint")).toEqual([]);
    });

    test("the same kind again is repeated, another kind is a second record", async () => {
      const claim = await claimed(ledger);
      await records.record(claim, recordOf(claim));
      const again = await claimAgain(ledger, claim);
      expect(await records.record(again, recordOf(claim, { at: "2026-09-01T00:00:00.000Z" }))).toBe("repeated");
      expect(await records.record(again, recordOf(claim, { kind: "list" }))).toBe("recorded");
      expect((await mine(claim)).map((record) => record.kind).sort()).toEqual(["bounce", "list"]);
    });

    test("20 at once record it once", async () => {
      const claim = await claimed(ledger);
      const results = await twenty(() => records.record(claim, recordOf(claim)));
      expect(results.filter((result) => result === "recorded")).toHaveLength(1);
    });

    test("an attempt that was overtaken records nothing", async () => {
      const stale = await claimed(ledger);
      await claimAgain(ledger, stale);
      await expect(records.record(stale, recordOf(stale))).rejects.toMatchObject({ code: "ERR_STALE_CLAIM" });
      expect(await mine(stale)).toEqual([]);
    });

    test("an attempt behind the record's end records nothing", async () => {
      const claim = await claimed(ledger);
      await ledger.finish(claim, { state: "done", outcome: "recorded" });
      await expect(records.record(claim, recordOf(claim))).rejects.toMatchObject({ code: "ERR_STALE_CLAIM" });
    });
  });
}
