import { expect, test } from "vitest";
import { createSrs, isSrs } from "../../../shared/delivery/srs.ts";
import { parseMailAddress } from "../../../shared/mail/address.ts";
import { fc } from "../../property.ts";

const now = new Date("2026-08-04T09:15:02Z");
const ring = { keys: [{ id: "a", secret: "0123456789abcdef-secret" }] };
const srs = createSrs(ring, "example.com");
const days = (count: number) => new Date(now.getTime() + count * 86_400_000);
const forward = (sender: string, by = srs) => {
  const address = by.forward(sender, now);
  if (address === undefined) throw new Error("not rewritten");
  return address;
};

test("an envelope sender comes back as it was, also when its case was folded on the way", () => {
  const address = forward("ann.lee+x=y@sender.example");
  expect(address).toMatch(/^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=sender\.example=ann\.lee\+x=y@example\.com$/);
  expect(srs.reverse(address, days(5))).toEqual({ kind: "valid", address: "ann.lee+x=y@sender.example" });
  expect(srs.reverse(address.toLowerCase(), now)).toMatchObject({ kind: "valid" });
  expect(isSrs(address.toLowerCase())).toBe(true);
});

test("any address that is rewritten is an address, and comes back", () => {
  const local = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,40}$/).filter((text) => !isSrs(text));
  fc.assert(
    fc.property(local, (text) => {
      const address = forward(`${text}@sender.example`);
      expect(parseMailAddress(address)?.localPart.toUpperCase()).toMatch(/^SRS0[=+-]/);
      expect(srs.reverse(address, now)).toEqual({ kind: "valid", address: `${text}@sender.example` });
    }),
  );
});

test("what another forwarder rewrote becomes SRS1, and its bounce goes to the first forwarder", () => {
  const second = createSrs({ keys: [{ id: "b", secret: "another-secret-0123" }] }, "second.example");
  const third = createSrs({ keys: [{ id: "c", secret: "a-third-secret-01234" }] }, "third.example");
  const first = forward("ann@sender.example");
  const through = forward(forward(first, second), third);
  expect(through).toMatch(/^SRS1=[a-z2-7]{8}=example\.com==/);
  const answer = third.reverse(through, now);
  expect(answer).toEqual({ kind: "valid", address: first });
  expect(srs.reverse(first, now)).toEqual({ kind: "valid", address: "ann@sender.example" });
});

test.for<[string, (address: string) => string]>([
  ["another address", (address) => address.replace("=ann@", "=bob@")],
  ["another domain", (address) => address.replace("sender.example", "victim.example")],
  ["another day", (address) => address.replace(/(SRS0=[^=]+=)../, "$1aa")],
  ["another hash", (address) => address.replace(/=[a-z2-7]{8}=/, "=aaaaaaaa=")],
  ["no hash", (address) => address.replace(/=[a-z2-7]{8}=/, "==")],
  ["nothing that we wrote", () => "srs0@example.com"],
])("%s is no address of ours", ([, change]) => {
  expect(srs.reverse(change(forward("ann@sender.example")), now)).toEqual({ kind: "invalid" });
});

test("it ends after three weeks, also where the day counter begins anew", () => {
  const late = new Date(1023 * 86_400_000 + 1024 * 86_400_000 * 20);
  const address = srs.forward("ann@sender.example", late) ?? "";
  const after = (count: number) => srs.reverse(address, new Date(late.getTime() + count * 86_400_000)).kind;
  expect([after(0), after(1), after(21), after(22)]).toEqual(["valid", "valid", "valid", "expired"]);
});

test("a key that was rotated out of the first place still verifies, until its time is over", () => {
  const address = forward("ann@sender.example");
  const keys = [
    { id: "b", secret: "the-new-secret-0123" },
    { ...ring.keys[0], verifyUntil: days(3).toISOString() },
  ] as const;
  const rotated = createSrs({ keys: keys as never, addressSecret: "0123456789abcdef-secret" }, "example.com");
  expect(rotated.reverse(address, days(2)).kind).toBe("valid");
  expect(rotated.reverse(address, days(4)).kind).toBe("invalid");
});

test("a bounce's null sender stays null; what cannot be rewritten is said", () => {
  expect(srs.forward("", now)).toBe("");
  expect(srs.forward('"a b"@sender.example', now)).toBeUndefined();
  expect(srs.forward(`${"a".repeat(120)}@sender.example`, now)).toBeUndefined();
});
