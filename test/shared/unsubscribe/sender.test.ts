import { describe, expect, test } from "vitest";
import { createLinks } from "../../../shared/unsubscribe/link.ts";
import { listKeys, packList, parseListId, unpackList } from "../../../shared/unsubscribe/list-id.ts";
import { createUnsubscriber } from "../../../shared/unsubscribe/sender.ts";
import { fc } from "../../property.ts";

const secret = "an example secret of the first key";
const options = {
  secret,
  mailto: "unsubscribe@example.com",
  url: "https://mail.example.com/u",
  bounces: "bounce@example.com",
};
const now = new Date("2026-08-04T09:15:02.417Z");

const parts = (headers: Readonly<Record<string, string>>) => {
  const [, link, mail] = /^<(https:[^<>, ]+)>, <mailto:([^<>, ]+)\?subject=unsubscribe>$/.exec(
    headers["List-Unsubscribe"]!,
  )!;
  return { link: link!, mail: mail! };
};

test("the headers of one mail, and what they say when they come back", () => {
  const sender = createUnsubscriber(options);
  const headers = sender.headersFor({ address: "Ann@Sender.example", list: "news", listName: "Weekly news" });
  expect(Object.keys(headers)).toEqual(["List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"]);
  expect(headers["List-Unsubscribe-Post"]).toBe("List-Unsubscribe=One-Click");
  expect(headers["List-Id"]).toBe('"Weekly news" <news.example.com>');
  const { link, mail } = parts(headers);
  expect(mail).toMatch(/^unsubscribe\+a[a-z2-7]{50}@example\.com$/);
  expect(mail.indexOf("@")).toBe(63);
  const ann = sender.personOf("ann@sender.example");
  expect(sender.verify(mail, { now })).toEqual({ kind: "valid", keyId: "a", person: ann, list: "news" });
  expect(sender.verify(mail.toUpperCase(), { now })).toMatchObject({ kind: "valid", person: ann, list: "news" });
  expect(sender.openLink(link, { now })).toEqual({
    kind: "valid",
    keyId: "a",
    address: "ann@sender.example",
    list: "news",
  });
});

test("nothing in the headers shows the address", () => {
  const written = JSON.stringify(
    createUnsubscriber(options).headersFor({ address: "ann@sender.example", list: "news" }),
  );
  for (const part of ["ann@", "sender", Buffer.from("ann@sender.example").toString("base64url").slice(0, 20)]) {
    expect(written).not.toContain(part);
  }
});

test("one mailbox is one person, however it is spelt", () => {
  const { personOf } = createUnsubscriber(options);
  expect(personOf(" Ann@BÜCHER.example ")).toBe(personOf("ann@xn--bcher-kva.example"));
  expect(personOf("ann+news@sender.example")).not.toBe(personOf("ann@sender.example"));
  expect(personOf("ann@sender.example")).toMatch(/^[a-z2-7]{26}$/);
});

test("the envelope sender tells whose mail bounced, and is no unsubscribe token", () => {
  const sender = createUnsubscriber(options);
  const path = sender.envelopeSenderFor({ address: "ann@sender.example", list: "news" });
  expect(path).toMatch(/^bounce\+a[a-z2-7]{50}@example\.com$/);
  const person = sender.personOf("ann@sender.example");
  expect(sender.verify(path, { purpose: "bounce", now })).toMatchObject({ kind: "valid", person, list: "news" });
  expect(sender.verify(path, { now })).toEqual({ kind: "invalid", reason: "bad-signature" });
});

test("after a rotation old headers still count and hash to the same person, until the old key's time is over", () => {
  const old = createUnsubscriber(options);
  const { link, mail } = parts(old.headersFor({ address: "ann@sender.example", list: "news" }));
  const ring = (verifyUntil?: string) => ({
    keys: [
      { id: "b", secret: "an example secret of the second key" },
      { id: "a", secret, ...(verifyUntil !== undefined && { verifyUntil }) },
    ],
    addressSecret: secret,
  });
  const rotated = createUnsubscriber({ ...options, secret: ring() });
  expect(rotated.verify(mail, { now })).toMatchObject({ kind: "valid", keyId: "a", list: "news" });
  expect(rotated.openLink(link, { now })).toMatchObject({ kind: "valid", address: "ann@sender.example" });
  expect(rotated.personOf("ann@sender.example")).toBe(old.personOf("ann@sender.example"));
  expect(parts(rotated.headersFor({ address: "ann@sender.example", list: "news" })).mail).toMatch(/^unsubscribe\+b/);
  const ended = createUnsubscriber({ ...options, secret: ring("2026-08-01T00:00:00Z") });
  expect(ended.verify(mail, { now })).toMatchObject({ kind: "expired", list: "news" });
  expect(ended.openLink(link, { now })).toEqual({ kind: "invalid", reason: "expired-key" });
});

test("a link is the same every time, and no changed octet opens", () => {
  const links = createLinks({ keys: [{ id: "a", secret }] });
  const sealed = links.seal({ address: "ann@sender.example", list: "news" });
  expect(links.seal({ address: "Ann@sender.example", list: "news" })).toBe(sealed);
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice(0, at) + (sealed[at] === "b" ? "c" : "b") + sealed.slice(at + 1);
    expect(links.open(changed, now).kind, changed).toBe("invalid");
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      expect(links.open(text, now).kind).toBe("invalid");
    }),
  );
});

describe("lists", () => {
  test.for(["*", "a", "news", "a-b-c-9", "zzzzzzz", "9999999"])("%s fits into a token", (list) => {
    expect(unpackList(packList(list))).toBe(list);
    expect(listKeys(list)).toEqual([list]);
  });

  test("a long list is named where it is known, and found by its key where it is not", () => {
    const key = unpackList(packList("product.updates"));
    expect(key).toMatch(/^~[a-z2-7]{8}$/);
    expect(unpackList(packList("product.updates"), ["news", "product.updates"])).toBe("product.updates");
    expect(listKeys("product.updates")).toEqual(["product.updates", key]);
  });

  test("any list id and any octets", () => {
    const ids = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(ids, (id) => {
        expect(parseListId(id)).toBe(id);
        expect(listKeys(id)).toContain(unpackList(packList(id)));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 5, maxLength: 5 }), (octets) => {
        const list = unpackList(octets);
        if (list !== undefined && !list.startsWith("~")) expect(new Uint8Array(packList(list))).toEqual(octets);
      }),
    );
  });
});

test("any addresses and lists come back from their headers", () => {
  const sender = createUnsubscriber({ ...options, lists: ["product.updates"] });
  const address = fc.emailAddress();
  const list = fc.constantFrom("*", "news", "offers", "product.updates");
  fc.assert(
    fc.property(address, list, (who, which) => {
      const headers = sender.headersFor({ address: who, list: which });
      const { link, mail } = parts(headers);
      expect(sender.verify(mail, { now })).toMatchObject({ kind: "valid", person: sender.personOf(who), list: which });
      expect(sender.openLink(link, { now })).toMatchObject({ kind: "valid", list: which });
      for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]+$/);
    }),
  );
});

test("a list's name in any script is one line of ASCII", () => {
  const sender = createUnsubscriber(options);
  const name = "Новости\r\nBcc: eve@other.example 週刊ニュース — every week and then some more words";
  const id = sender.headersFor({ address: "ann@sender.example", list: "news", listName: name })["List-Id"]!;
  expect(id).toMatch(/^(?:=\?UTF-8\?B\?[\w+/=]+\?= )+<news\.example\.com>$/);
  for (const word of id.split(" ").slice(0, -1)) expect(word.length).toBeLessThanOrEqual(75);
});

test.for<[string, Partial<typeof options>]>([
  ["a page without TLS", { url: "http://mail.example.com/u" }],
  ["a page with a query", { url: "https://mail.example.com/u?x=1" }],
  ["a page that is no URL", { url: "mail.example.com/u" }],
  ["an address with a label already", { mailto: "unsubscribe+news@example.com" }],
  ["an address that leaves no room", { mailto: "unsubscribe-me@example.com" }],
  ["no address", { mailto: "unsubscribe" }],
])("refused: %s", ([, wrong]) => {
  expect(() => createUnsubscriber({ ...options, ...wrong })).toThrow(
    expect.objectContaining({ code: "ERR_UNSUBSCRIBE_HEADER" }),
  );
});

test.for([
  { address: "ann@sender.example>\r\nBcc: eve@other.example", list: "news" },
  { address: "ann", list: "news" },
  { address: "ann@sender.example", list: "weekly news" },
  { address: "ann@sender.example", list: "" },
])("refused: %j", (recipient) => {
  expect(() => createUnsubscriber(options).headersFor(recipient)).toThrow(
    expect.objectContaining({ code: "ERR_UNSUBSCRIBE_HEADER" }),
  );
});
