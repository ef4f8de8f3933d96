import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger, Queues, Suppression, Suppressions } from "../../shared/ports.ts";
import { decodePropagation, type SuppressionPropagation } from "../../shared/propagation/message.ts";
import { listKeys } from "../../shared/unsubscribe/list-id.ts";
import { createPersonOf } from "../../shared/unsubscribe/person.ts";
import { claimAgain, claimed, freshAddress, type Opened, twenty } from "./opened.ts";

interface OpenedSuppressions
  extends Opened<{ readonly ledger: Ledger; readonly suppressions: Suppressions; readonly queues: Queues }> {
  /** The queue to which changes are handed over. */
  readonly propagateQueue: string;
  /** The adapter's clock, as ISO 8601; default: the machine's. */
  readonly now?: () => Date;
}

const personOf = createPersonOf({ keys: [{ id: "a", secret: "an example secret of the first key" }] });

/** What every suppression list promises: once per effect, one row per person and list, the first date stays. */
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
      person: personOf(address),
      address,
      list: "*",
      reason: "mailto",
      since: "2026-08-04T09:15:02.417Z",
      evidence: { note: "wrote to unsubscribe@in.example" },
      ...more,
    });
    const byMail = async () => ({ claim: await claimed(ledger) });
    const effect = () => ({ effect: freshAddress("event") });
    /** What was handed over about these people, once each, in any order. */
    const handedOver = async (...people: readonly string[]): Promise<SuppressionPropagation["change"][]> => {
      const changes = new Map<string, SuppressionPropagation["change"]>();
      for (;;) {
        const messages = await opened.ports.queues.receive(opened.propagateQueue, { max: 10 });
        if (messages.length === 0) return [...changes.values()];
        for (const { body } of messages) {
          const message = decodePropagation(body);
          if ("ticket" in message) continue;
          const { change } = message;
          if (people.includes(change.person)) changes.set(change.id, change);
        }
        await opened.ports.queues.delete(
          opened.propagateQueue,
          messages.map(({ receiptHandle }) => receiptHandle),
        );
      }
    };

    test("a suppression is found, for everything and for every list", async () => {
      const address = freshAddress();
      const person = personOf(address);
      expect(await suppressions.check(person)).toBeUndefined();
      const by = await byMail();
      const written = suppression(address, { evidence: { sesMessageId: by.claim.sesMessageId, note: "asked" } });
      expect(await suppressions.suppress(by, written)).toBe("added");
      expect(await suppressions.check(person)).toEqual(written);
      expect(await suppressions.check(person, "news")).toEqual(written);
    });

    test("one list's suppression is not another's", async () => {
      const address = freshAddress();
      await suppressions.suppress(effect(), suppression(address, { list: "news" }));
      expect(await suppressions.check(personOf(address), "news")).toMatchObject({ list: "news" });
      expect(await suppressions.check(personOf(address), "offers")).toBeUndefined();
      expect(await suppressions.check(personOf(address))).toBeUndefined();
    });

    test("a list that a token could name by its key only is found by its id, and removed by it", async () => {
      const address = freshAddress();
      const person = personOf(address);
      const key = listKeys("product.updates")[1]!;
      await suppressions.suppress(effect(), suppression(address, { list: key }));
      expect(await suppressions.check(person, "product.updates")).toMatchObject({ list: key });
      expect(await suppressions.check(person, "product.downdates")).toBeUndefined();
      const removal = {
        person,
        list: "product.updates",
        at: "2026-09-01T00:00:00.000Z",
        evidence: { note: "came back" },
      };
      expect(await suppressions.remove(effect(), removal)).toBe("removed");
      expect(await suppressions.check(person, "product.updates")).toBeUndefined();
    });

    test("the same mail again is repeated, another mail finds it suppressed and the date stays", async () => {
      const address = freshAddress();
      const first = await claimed(ledger);
      expect(await suppressions.suppress({ claim: first }, suppression(address))).toBe("added");
      const again = { claim: await claimAgain(ledger, first) };
      expect(await suppressions.suppress(again, suppression(address))).toBe("repeated");
      const later = suppression(address, { since: "2026-09-01T00:00:00.000Z", reason: "complaint" });
      expect(await suppressions.suppress(await byMail(), later)).toBe("already-suppressed");
      expect(await suppressions.check(personOf(address))).toEqual(suppression(address));
      expect((await suppressions.history(personOf(address))).map(({ kind, reason }) => `${kind} ${reason}`)).toEqual([
        "suppressed mailto",
        "noted complaint",
      ]);
    });

    test("an effect without a mail counts once as well", async () => {
      const address = freshAddress();
      const by = effect();
      expect(await suppressions.suppress(by, suppression(address))).toBe("added");
      expect(await suppressions.suppress(by, suppression(address))).toBe("repeated");
      expect(await suppressions.history(personOf(address))).toHaveLength(1);
    });

    test("20 at once add it once, and one change is handed over", async () => {
      const address = freshAddress();
      const claims = await twenty(() => byMail());
      const results = await Promise.all(claims.map((by) => suppressions.suppress(by, suppression(address))));
      expect(results.filter((result) => result === "added")).toHaveLength(1);
      expect(results.filter((result) => result === "already-suppressed")).toHaveLength(19);
      expect(await handedOver(personOf(address))).toMatchObject([
        { kind: "suppressed", person: personOf(address), address, list: "*", reason: "mailto" },
      ]);
    });

    test("an attempt that was overtaken writes nothing and hands nothing over", async () => {
      const address = freshAddress();
      const stale = await claimed(ledger);
      await claimAgain(ledger, stale);
      await expect(suppressions.suppress({ claim: stale }, suppression(address))).rejects.toMatchObject({
        code: "ERR_STALE_CLAIM",
      });
      expect(await suppressions.check(personOf(address))).toBeUndefined();
      expect(await handedOver(personOf(address))).toEqual([]);
    });

    test("a soft one ends by itself, and one for good takes its place before that", async () => {
      const now = opened.now?.() ?? new Date();
      const at = (hours: number) => new Date(now.getTime() + hours * 3_600_000).toISOString();
      const [ended, running] = [freshAddress(), freshAddress()];
      const soft = { reason: "soft-bounce", since: at(-48) } as const;
      await suppressions.suppress(effect(), suppression(ended, { ...soft, until: at(-1) }));
      await suppressions.suppress(effect(), suppression(running, { ...soft, until: at(24) }));
      expect(await suppressions.check(personOf(ended))).toBeUndefined();
      expect(await suppressions.check(personOf(running))).toMatchObject({ until: at(24) });
      for (const address of [ended, running]) {
        expect(await suppressions.suppress(effect(), suppression(address, { since: at(0) }))).toBe("added");
        expect(await suppressions.check(personOf(address))).toEqual(suppression(address, { since: at(0) }));
        expect(await suppressions.suppress(effect(), suppression(address, { ...soft, until: at(24) }))).toBe(
          "already-suppressed",
        );
      }
    });

    test("soft bounces suppress when there are enough of them in one window, whatever their order", async () => {
      const now = opened.now?.() ?? new Date();
      const day = (days: number) => new Date(now.getTime() + days * 86_400_000).toISOString();
      const limit = { count: 3, windowMs: 14 * 86_400_000 };
      const bounce = (address: string, since: string) => {
        const { reason: _, ...rest } = suppression(address, { since });
        return suppressions.softBounce(effect(), { ...rest, until: day(30) }, limit);
      };
      const [often, seldom] = [freshAddress(), freshAddress()];
      expect(await bounce(often, day(-10))).toBe("noted");
      expect(await bounce(often, day(-1))).toBe("noted");
      expect(await suppressions.check(personOf(often))).toBeUndefined();
      expect(await bounce(often, day(-5))).toBe("added");
      expect(await suppressions.check(personOf(often))).toMatchObject({ reason: "soft-bounce", until: day(30) });
      for (const days of [-40, -30, -16, -1]) expect(await bounce(seldom, day(days))).toBe("noted");
      expect(await suppressions.check(personOf(seldom))).toBeUndefined();
    });

    test("removing brings mail back, once, and the history keeps both", async () => {
      const address = freshAddress();
      const person = personOf(address);
      await suppressions.suppress(effect(), suppression(address, { list: "news", reason: "one-click" }));
      const removal = { person, list: "news", at: "2026-09-01T00:00:00.000Z", evidence: { note: "came back" } };
      const by = effect();
      expect(await suppressions.remove(by, removal)).toBe("removed");
      expect(await suppressions.remove(by, removal)).toBe("repeated");
      expect(await suppressions.remove(effect(), removal)).toBe("not-suppressed");
      expect(await suppressions.check(person, "news")).toBeUndefined();
      expect((await suppressions.history(person)).map(({ kind, at }) => [kind, at])).toEqual([
        ["suppressed", "2026-08-04T09:15:02.417Z"],
        ["removed", "2026-09-01T00:00:00.000Z"],
      ]);
      expect((await handedOver(person)).map(({ kind }) => kind).sort()).toEqual(["removed", "suppressed"]);
    });

    test("a suppression for another reason is kept", async () => {
      const address = freshAddress();
      const person = personOf(address);
      await suppressions.suppress(effect(), suppression(address, { reason: "complaint" }));
      const removal = { person, list: "*", at: "2026-09-01T00:00:00.000Z", evidence: { note: "came back" } };
      expect(await suppressions.remove(effect(), { ...removal, reasons: ["mailto", "one-click"] })).toBe("kept");
      expect(await suppressions.check(person)).toMatchObject({ reason: "complaint" });
    });

    test("an import adds what is not there, again and again, and hands nothing over", async () => {
      const addresses = await twenty(async () => freshAddress());
      const asked = suppression(addresses[0]!);
      await suppressions.suppress(effect(), asked);
      const rows = addresses.map((address) => suppression(address, { reason: "import" }));
      expect(await suppressions.importAll(rows)).toBe(19);
      expect(await suppressions.importAll(rows)).toBe(0);
      expect(await suppressions.check(asked.person)).toEqual(asked);
      expect(await suppressions.check(personOf(addresses[19]!))).toEqual(rows[19]);
      expect(await handedOver(...addresses.slice(1).map(personOf))).toEqual([]);
    });

    test("forgetting leaves the hash, which still suppresses; no import brings the address back", async () => {
      const [asked, stranger] = [freshAddress(), freshAddress()];
      await suppressions.suppress(effect(), suppression(asked, { list: "news" }));
      for (const address of [asked, stranger]) {
        const person = personOf(address);
        await suppressions.forget(person, "2026-09-01T00:00:00.000Z");
        await suppressions.forget(person, "2026-09-02T00:00:00.000Z");
        await suppressions.importAll([suppression(address, { reason: "import", list: "offers" })]);
        await suppressions.suppress(effect(), suppression(address, { list: "weekly" }));
        expect(await suppressions.check(person, "anything")).toMatchObject({ list: "*", reason: "forgotten" });
        const rows = await suppressions.of(person);
        expect(rows.map(({ list }) => list).sort()).toEqual(
          ["*", "offers", "weekly", ...(address === asked ? ["news"] : [])].sort(),
        );
        expect(JSON.stringify([...rows, ...(await suppressions.history(person))])).not.toContain(address);
        const removal = { person, list: "*", at: "2026-09-03T00:00:00.000Z", evidence: { note: "x" } };
        expect(await suppressions.remove(effect(), removal)).toBe("kept");
      }
    });

    test("the list can be read in pages, each behind the last one's person and list", async () => {
      const addresses = Array.from({ length: 5 }, () => freshAddress());
      for (const address of addresses) await suppressions.suppress(effect(), suppression(address, { list: "news" }));
      const found: { readonly person: string; readonly cursor: string }[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await suppressions.list({ limit: 2, ...(after !== undefined && { after }) });
        const last = page.at(-1);
        if (last === undefined) break;
        found.push(...page.map(({ person, list }) => ({ person, cursor: `${person} ${list}` })));
        after = `${last.person} ${last.list}`;
      }
      const people = found.map(({ person }) => person);
      expect(people.filter((person) => addresses.map(personOf).includes(person)).sort()).toEqual(
        addresses.map(personOf).sort(),
      );
      expect(new Set(found.map(({ cursor }) => cursor)).size).toBe(found.length);
    });
  });
}
