import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger, ReceiptMeta } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { claimAgain, claimed, decisionFor, freshAddress, freshId, type Opened, twenty } from "./opened.ts";

/** What every ledger promises (design §5): decisions once, states only forward, attempts by conditional increment. */
export function ledgerContract(name: string, open: () => Promise<Opened<{ readonly ledger: Ledger }>>): void {
  describe(`Ledger: ${name}`, () => {
    let opened: Opened<{ readonly ledger: Ledger }>;
    let ledger: Ledger;
    beforeEach(async () => {
      opened = await open();
      ledger = opened.ports.ledger;
    });
    afterEach(() => opened.close?.());

    const stateOf = async (id: SesMessageId, recipient: string) =>
      (await ledger.recipients(id)).find((record) => record.recipient === recipient)?.state;

    describe("META", () => {
      const meta = (sesMessageId: SesMessageId, more: Partial<ReceiptMeta> = {}): ReceiptMeta => ({
        sesMessageId,
        receivedAt: "2026-08-04T09:15:02.417Z",
        from: "",
        recipients: ["ann@in.example"],
        verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "GRAY", dmarc: "FAIL", dmarcPolicy: "reject" },
        ...more,
      });

      test("comes back as it was written, and is unknown before", async () => {
        const id = freshId();
        expect(await ledger.meta(id)).toBeUndefined();
        await ledger.putMeta(meta(id));
        expect(await ledger.meta(id)).toEqual(meta(id));
      });

      test("is written once: a second one changes nothing", async () => {
        const id = freshId();
        await ledger.putMeta(meta(id));
        await ledger.putMeta(meta(id, { from: "other@sender.example", recipients: ["bob@in.example"] }));
        expect(await ledger.meta(id)).toEqual(meta(id));
      });

      test("whose recipients are incomplete is completed, and never made incomplete again", async () => {
        const id = freshId();
        await ledger.putMeta(meta(id, { recipientsIncomplete: true }));
        const whole = meta(id, { recipients: ["ann@in.example", "bob@in.example"] });
        await ledger.putMeta(whole);
        await ledger.putMeta(meta(id, { recipientsIncomplete: true }));
        expect(await ledger.meta(id)).toEqual(whole);
      });
    });

    describe("deciding", () => {
      test("a decision with a stream is decided, one without is done with its outcome", async () => {
        const id = freshId();
        const [routed, dropped] = await ledger.decide([
          decisionFor(id, "ann@in.example"),
          decisionFor(id, "bob@in.example", { stream: null, outcome: "dropped" }),
        ]);
        expect(routed).toMatchObject({ ...decisionFor(id, "ann@in.example"), state: "decided", attempts: 0 });
        expect(dropped).toMatchObject({ state: "done", stream: null, outcome: "dropped", attempts: 0 });
      });

      test("is put-if-absent: the stored decision is answered, in the order given", async () => {
        const id = freshId();
        await ledger.decide([decisionFor(id, "bob@in.example", { stream: "personal" })]);
        const answers = await ledger.decide([
          decisionFor(id, "ann@in.example"),
          decisionFor(id, "bob@in.example", { stream: "ticket", configVersion: "fedcba9876543210" }),
        ]);
        expect(answers.map(({ recipient, stream }) => [recipient, stream])).toEqual([
          ["ann@in.example", "ticket"],
          ["bob@in.example", "personal"],
        ]);
      });

      test("by 20 at once leaves one decision that all of them are told", async () => {
        const id = freshId();
        const answers = await twenty((index) =>
          ledger.decide([decisionFor(id, "ann@in.example", { stream: `stream-${index}` })]),
        );
        expect(new Set(answers.map(([record]) => record?.stream)).size).toBe(1);
      });

      test("again does not set back what went further: send unless it is routed or more", async () => {
        const id = freshId();
        await ledger.decide([decisionFor(id, "ann@in.example")]);
        // A crash before the send: the decision is there, the state says that it must still be sent.
        expect((await ledger.decide([decisionFor(id, "ann@in.example")]))[0]?.state).toBe("decided");
        await ledger.routed(id, ["ann@in.example"]);
        expect((await ledger.decide([decisionFor(id, "ann@in.example")]))[0]?.state).toBe("routed");
      });
    });

    describe("states", () => {
      test("routed moves only what is decided", async () => {
        const claim = await claimed(ledger);
        await ledger.routed(claim.sesMessageId, [claim.recipient, "nobody@in.example"]);
        expect(await stateOf(claim.sesMessageId, claim.recipient)).toBe("working");
      });

      test.for([
        "done",
        "quarantined",
        "failed",
      ] as const)("finish %s ends the record with what the worker said", async (state) => {
        const claim = await claimed(ledger);
        const finish = { state, outcome: "ticket-opened", detail: { ticket: "7" }, cause: "as told" } as const;
        expect(await ledger.finish(claim, finish)).toBe(true);
        expect((await ledger.recipients(claim.sesMessageId))[0]).toMatchObject({ ...finish, attempts: 1 });
        expect(await ledger.finish(claim, { state: "failed", outcome: "late" })).toBe(false);
        expect(await stateOf(claim.sesMessageId, claim.recipient)).toBe(state);
      });

      test("a duplicate ends done and names its original", async () => {
        const claim = await claimed(ledger);
        const duplicateOf = freshId();
        await ledger.finish(claim, { state: "done", outcome: "duplicate", duplicateOf });
        expect((await ledger.recipients(claim.sesMessageId))[0]).toMatchObject({ duplicateOf });
      });

      test("fail ends what has not ended and leaves the rest", async () => {
        const open = await claimed(ledger);
        const done = await claimed(ledger);
        await ledger.finish(done, { state: "done", outcome: "delivered" });
        for (const claim of [open, done]) await ledger.fail(claim.sesMessageId, claim.recipient, "dead letter");
        expect((await ledger.recipients(open.sesMessageId))[0]).toMatchObject({
          state: "failed",
          cause: "dead letter",
        });
        expect(await stateOf(done.sesMessageId, done.recipient)).toBe("done");
      });

      test("fail ends a recipient that nobody decided for, and a later decision still counts", async () => {
        const id = freshId();
        await ledger.fail(id, "ann@in.example", "no rule told the router");
        expect((await ledger.recipients(id))[0]).toMatchObject({ state: "failed", cause: "no rule told the router" });
        expect(await ledger.claim(id, "ann@in.example")).toEqual({ kind: "unknown" });
        expect((await ledger.decide([decisionFor(id, "ann@in.example")]))[0]).toMatchObject({
          state: "decided",
          stream: "ticket",
        });
      });

      test("reopen sends a quarantined record to another stream, and only a quarantined one", async () => {
        const claim = await claimed(ledger);
        expect(await ledger.reopen(claim.sesMessageId, claim.recipient, "personal")).toBe(false);
        await ledger.finish(claim, { state: "quarantined", outcome: "held" });
        expect(await ledger.reopen(claim.sesMessageId, claim.recipient, "personal")).toBe(true);
        expect((await ledger.recipients(claim.sesMessageId))[0]).toMatchObject({
          state: "decided",
          stream: "personal",
        });
        expect((await claimAgain(ledger, claim)).attempt).toBe(2);
        expect(await ledger.reopen(freshId(), claim.recipient, "personal")).toBe(false);
      });

      test("redecide puts a new decision in the place of one that has ended, and the next attempt counts on", async () => {
        const claim = await claimed(ledger);
        const { sesMessageId, recipient } = claim;
        const again = decisionFor(sesMessageId, recipient, { stream: "personal", reasons: ["replayed"] });
        expect(await ledger.redecide(again)).toBeUndefined();
        await ledger.finish(claim, { state: "done", outcome: "ticket-opened", detail: { ticket: "1" } });
        const changed = await ledger.redecide(again);
        expect(changed).toMatchObject({ state: "decided", stream: "personal", reasons: ["replayed"], attempts: 1 });
        expect(changed).not.toHaveProperty("outcome");
        expect(changed).not.toHaveProperty("detail");
        expect((await ledger.recipients(sesMessageId))[0]).toEqual(changed);
        // Not sent yet: it may be decided anew.
        expect(await ledger.redecide(again)).toMatchObject({ state: "decided" });
        expect(await ledger.finish(claim, { state: "done", outcome: "late" })).toBe(false);
        const next = await claimAgain(ledger, claim);
        expect(next.attempt).toBe(2);
        expect(await ledger.redecide(again)).toBeUndefined();
        await ledger.finish(next, { state: "quarantined", outcome: "held" });
        expect(await ledger.redecide({ ...again, stream: null, outcome: "dropped" })).toMatchObject({
          state: "done",
          stream: null,
          outcome: "dropped",
        });
        expect(await ledger.redecide(decisionFor(freshId(), recipient))).toBeUndefined();
      });

      test("endHeld ends a quarantined record, once, and only a quarantined one", async () => {
        const claim = await claimed(ledger);
        expect(await ledger.endHeld(claim.sesMessageId, claim.recipient, "discarded")).toBe(false);
        await ledger.finish(claim, { state: "quarantined", outcome: "held" });
        expect(await ledger.endHeld(claim.sesMessageId, claim.recipient, "expired")).toBe(true);
        expect(await ledger.endHeld(claim.sesMessageId, claim.recipient, "discarded")).toBe(false);
        expect(await ledger.reopen(claim.sesMessageId, claim.recipient, "personal")).toBe(false);
        expect((await ledger.recipients(claim.sesMessageId))[0]).toMatchObject({ state: "done", outcome: "expired" });
      });
    });

    describe("claims", () => {
      test("draw attempts from 1 and go on after a failure (a redrive)", async () => {
        const first = await claimed(ledger);
        expect(first.attempt).toBe(1);
        await ledger.fail(first.sesMessageId, first.recipient, "dead letter");
        expect((await claimAgain(ledger, first)).attempt).toBe(2);
        expect(await stateOf(first.sesMessageId, first.recipient)).toBe("working");
      });

      test("by 20 at once get 20 different numbers", async () => {
        const { sesMessageId, recipient } = await claimed(ledger);
        const claims = await twenty(() => claimAgain(ledger, { sesMessageId, recipient }));
        expect(claims.map((claim) => claim.attempt).sort((a, b) => a - b)).toEqual(
          Array.from({ length: 20 }, (_, index) => index + 2),
        );
      });

      test("go ahead of `routed`: a message may be received before its sender noted that", async () => {
        const id = freshId();
        await ledger.decide([decisionFor(id, "ann@in.example")]);
        expect(await ledger.claim(id, "ann@in.example")).toMatchObject({ kind: "claimed", claim: { attempt: 1 } });
      });

      test.for(["done", "quarantined"] as const)("are refused once the record is %s", async (state) => {
        const claim = await claimed(ledger);
        await ledger.finish(claim, { state, outcome: "over" });
        expect(await ledger.claim(claim.sesMessageId, claim.recipient)).toMatchObject({
          kind: "ended",
          record: { state },
        });
      });

      test("of a message that nobody decided for are unknown", async () => {
        expect(await ledger.claim(freshId(), "ann@in.example")).toEqual({ kind: "unknown" });
      });

      test("that a later one overtook change nothing", async () => {
        const stale = await claimed(ledger);
        const fresh = await claimAgain(ledger, stale);
        expect(await ledger.finish(stale, { state: "done", outcome: "late" })).toBe(false);
        await ledger.setback(stale, "late");
        const [record] = await ledger.recipients(stale.sesMessageId);
        expect(record).toMatchObject({ state: "working", attempts: 2 });
        expect(record?.cause).toBeUndefined();
        expect(await ledger.finish(fresh, { state: "done", outcome: "on time" })).toBe(true);
      });

      test("of a setback keep working and tell the cause", async () => {
        const claim = await claimed(ledger);
        await ledger.setback(claim, "the disk of the IMAP server is full");
        expect((await ledger.recipients(claim.sesMessageId))[0]).toMatchObject({
          state: "working",
          cause: "the disk of the IMAP server is full",
        });
      });
    });

    describe("what is unfinished", () => {
      test("comes oldest first, younger and ended ones left out", async () => {
        const at = (day: number) => `2020-01-0${day}T00:00:00.000Z`;
        const ids = [freshId(), freshId(), freshId(), freshId()] as const;
        const recipient = freshAddress();
        const order = [2, 1, 3, 8];
        for (const [index, id] of ids.entries()) {
          await ledger.decide([decisionFor(id, recipient, { receivedAt: at(order[index]!) })]);
        }
        const ended = await claimAgain(ledger, { sesMessageId: ids[2], recipient });
        await ledger.finish(ended, { state: "done", outcome: "delivered" });
        const found = await ledger.unfinished({ olderThan: new Date(at(5)), limit: 1000 });
        const mine = found.filter((record) => record.recipient === recipient).map((record) => record.sesMessageId);
        expect(mine).toEqual([ids[1], ids[0]]);
      });

      test("stops at the limit", async () => {
        for (let index = 0; index < 3; index++) await ledger.decide([decisionFor(freshId(), "ann@in.example")]);
        expect(await ledger.unfinished({ olderThan: new Date("2100-01-01"), limit: 2 })).toHaveLength(2);
      });
    });

    describe("transport duplicates", () => {
      const print = (sesMessageId: SesMessageId, receivedAt: string, mark: string) => ({
        bodySha256: mark.padEnd(64, "0"),
        headerMessageId: `<${mark}@sender.example>`,
        recipient: "ann@in.example",
        sesMessageId,
        receivedAt,
      });
      const mark = () => freshId().slice(0, 20);

      test("within 24 hours are told their first, whoever asks and how often", async () => {
        const [first, second, same] = [freshId(), freshId(), mark()];
        expect(await ledger.firstOf(print(first, "2026-08-04T09:00:00.000Z", same))).toBe(first);
        expect(await ledger.firstOf(print(second, "2026-08-05T08:59:59.000Z", same))).toBe(first);
        expect(await ledger.firstOf(print(second, "2026-08-05T08:59:59.000Z", same))).toBe(first);
        expect(await ledger.firstOf(print(first, "2026-08-04T09:00:00.000Z", same))).toBe(first);
      });

      test("after more than 24 hours are a first themselves", async () => {
        const [first, second, same] = [freshId(), freshId(), mark()];
        await ledger.firstOf(print(first, "2026-08-04T09:00:00.000Z", same));
        expect(await ledger.firstOf(print(second, "2026-08-05T09:00:00.001Z", same))).toBe(second);
        expect(await ledger.firstOf(print(first, "2026-08-04T09:00:00.000Z", same))).toBe(first);
      });

      test.for<[string, Partial<ReturnType<typeof print>>]>([
        ["another body", { bodySha256: "f".repeat(64) }],
        ["another Message-ID", { headerMessageId: "<other@sender.example>" }],
        ["another recipient", { recipient: "bob@in.example" }],
      ])("are none with %s", async ([, change]) => {
        const [first, second, same] = [freshId(), freshId(), mark()];
        await ledger.firstOf(print(first, "2026-08-04T09:00:00.000Z", same));
        const other = { ...print(second, "2026-08-04T09:00:01.000Z", same), ...change };
        expect(await ledger.firstOf(other)).toBe(second);
      });

      test("that ask at the same time agree on one", async () => {
        const same = mark();
        const answers = await twenty((index) =>
          ledger.firstOf(print(freshId(), `2026-08-04T09:00:${String(59 - index)}.000Z`, same)),
        );
        expect(new Set(answers).size).toBe(1);
      });
    });

    describe("a message that is forgotten", () => {
      const meta = (id: SesMessageId) => ({
        sesMessageId: id,
        receivedAt: "2026-08-04T09:15:02.417Z",
        from: "gone@sender.example",
        recipients: ["ann@in.example"],
        verdicts: { spf: "PASS", dkim: "PASS", dmarc: "PASS", spam: "PASS", virus: "PASS" } as const,
      });

      test("leaves nothing but its id, whatever state its recipients were in", async () => {
        const claim = await claimed(ledger);
        const id = claim.sesMessageId;
        await ledger.putMeta(meta(id));
        await ledger.decide([decisionFor(id, "bob@in.example"), decisionFor(id, "eve@in.example", { stream: null })]);
        expect(await ledger.isForgotten(id)).toBe(false);
        await ledger.forget(id);
        await ledger.forget(id);
        expect(await ledger.isForgotten(id)).toBe(true);
        expect([await ledger.meta(id), await ledger.recipients(id)]).toEqual([undefined, []]);
      });

      test("does not come back by what was under way", async () => {
        const claim = await claimed(ledger);
        const { sesMessageId: id, recipient } = claim;
        await ledger.forget(id);
        await ledger.putMeta(meta(id));
        expect(await ledger.decide([decisionFor(id, recipient), decisionFor(id, "new@in.example")])).toMatchObject([
          { recipient, state: "done", stream: null, outcome: "forgotten" },
          { recipient: "new@in.example", state: "done", stream: null, outcome: "forgotten" },
        ]);
        await ledger.routed(id, [recipient]);
        expect(await ledger.claim(id, recipient)).toMatchObject({ kind: "ended", record: { outcome: "forgotten" } });
        await ledger.setback(claim, "as told");
        expect(await ledger.finish(claim, { state: "done", outcome: "delivered" })).toBe(false);
        await ledger.fail(id, recipient, "as told");
        expect(await ledger.redecide(decisionFor(id, recipient))).toBeUndefined();
        expect(await ledger.reopen(id, recipient, "ticket")).toBe(false);
        expect([await ledger.meta(id), await ledger.recipients(id)]).toEqual([undefined, []]);
      });

      test("is not kept by decisions that are made at the same moment", async () => {
        const ids = Array.from({ length: 10 }, () => freshId());
        await Promise.all(ids.flatMap((id) => [ledger.decide([decisionFor(id, "ann@in.example")]), ledger.forget(id)]));
        for (const id of ids) expect(await ledger.recipients(id)).toEqual([]);
      });
    });
  });
}
