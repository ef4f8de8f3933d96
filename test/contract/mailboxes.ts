import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger, Mailboxes } from "../../shared/ports.ts";
import { claimAgain, claimed, inPieces, type Opened, twenty } from "./opened.ts";

export interface OpenedMailboxes extends Opened<{ readonly ledger: Ledger; readonly mailboxes: Mailboxes }> {
  /** Every message that a mailbox holds now, as its owner would see them. */
  contents(mailbox: string): Promise<readonly string[]>;
  /** What a mail reader does: takes a message out of the new ones and marks it as read. */
  readNew(mailbox: string): Promise<void>;
}

const at = new Date("2026-08-04T09:15:02.417Z");
const ann = { kind: "maildir", name: "ann" } as const;

/** What delivery promises: once per (SES message id, recipient, mailbox), because the mailbox is asked first. */
export function mailboxesContract(name: string, open: () => Promise<OpenedMailboxes>): void {
  describe(`Mailboxes: ${name}`, () => {
    let opened: OpenedMailboxes;
    let ledger: Ledger;
    let mailboxes: Mailboxes;
    beforeEach(async () => {
      opened = await open();
      ({ ledger, mailboxes } = opened.ports);
    });
    afterEach(() => opened.close?.());
    const deliver = (claim: Parameters<Mailboxes["deliver"]>[0], body = "Subject: x\r\n\r\nHello\r\n", target = ann) =>
      mailboxes.deliver(claim, target, inPieces(body.slice(0, 5), body.slice(5)), at);

    test("the mailbox holds exactly the octets", async () => {
      const body = `Subject: ü\r\n\r\n${"x".repeat(100_000)}\r\n`;
      expect(await deliver(await claimed(ledger), body)).toMatchObject({ repeated: false });
      expect(await opened.contents("ann")).toEqual([body]);
    });

    test("a second attempt finds it and says where", async () => {
      const claim = await claimed(ledger);
      const { path } = await deliver(claim);
      expect(await deliver(await claimAgain(ledger, claim))).toEqual({ path, repeated: true });
      expect(await opened.contents("ann")).toHaveLength(1);
    });

    test("also when its owner has read it meanwhile", async () => {
      const claim = await claimed(ledger);
      await deliver(claim);
      await opened.readNew("ann");
      expect(await deliver(await claimAgain(ledger, claim))).toMatchObject({ repeated: true });
      expect(await opened.contents("ann")).toHaveLength(1);
    });

    test("20 deliveries of one mail at once leave one", async () => {
      const claim = await claimed(ledger);
      const results = await twenty(() => deliver(claim));
      expect(results.filter((result) => !result.repeated)).toHaveLength(1);
      expect(await opened.contents("ann")).toHaveLength(1);
    });

    test("two recipients of one mail get a copy each in the same mailbox", async () => {
      const first = await claimed(ledger, "ann@in.example");
      const second = await claimed(ledger, "sales@in.example", first.sesMessageId);
      await deliver(first);
      expect(await deliver(second)).toMatchObject({ repeated: false });
      expect(await opened.contents("ann")).toHaveLength(2);
    });

    test("an attempt that was overtaken delivers nothing", async () => {
      const stale = await claimed(ledger);
      await claimAgain(ledger, stale);
      await expect(deliver(stale)).rejects.toMatchObject({ code: "ERR_STALE_CLAIM" });
      expect(await opened.contents("ann")).toEqual([]);
    });

    test("one that is overtaken while it reads the body delivers nothing", async () => {
      const stale = await claimed(ledger);
      const slow = async function* () {
        yield Buffer.from("Subject: x\r\n\r\n");
        await claimAgain(ledger, stale);
        yield Buffer.from("Hello\r\n");
      };
      await expect(mailboxes.deliver(stale, ann, slow(), at)).rejects.toMatchObject({ code: "ERR_STALE_CLAIM" });
      expect(await opened.contents("ann")).toEqual([]);
    });

    test("a body that breaks off delivers nothing, and the next attempt delivers", async () => {
      const claim = await claimed(ledger);
      const broken = async function* () {
        yield Buffer.from("Subject: x\r\n");
        throw new Error("the object could not be read");
      };
      await expect(mailboxes.deliver(claim, ann, broken(), at)).rejects.toThrow("the object could not be read");
      expect(await opened.contents("ann")).toEqual([]);
      expect(await deliver(claim)).toMatchObject({ repeated: false });
    });
  });
}
