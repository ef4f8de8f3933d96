import { createHmac, hkdfSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decodeBase32, encodeBase32 } from "../../../shared/tokens/base32.ts";
import type { KeyRing } from "../../../shared/tokens/key-ring.ts";
import { createTokens, tokenIn } from "../../../shared/tokens/tokens.ts";
import { fc } from "../../property.ts";

const now = new Date("2026-08-04T09:15:02.417Z");
const one: KeyRing = { keys: [{ id: "a", secret: "an example secret of the first key" }] };
const rotated: KeyRing = {
  keys: [
    { id: "b", secret: "an example secret of the second key" },
    { id: "a", secret: "an example secret of the first key" },
  ],
  addressSecret: "an example secret of the first key",
};
const payload = Uint8Array.from({ length: 21 }, (_, index) => 37 * index + 5);

describe("base32", () => {
  // RFC 4648 §10.
  test.for([
    ["", ""],
    ["f", "my"],
    ["fo", "mzxq"],
    ["foo", "mzxw6"],
    ["foob", "mzxw6yq"],
    ["fooba", "mzxw6ytb"],
    ["foobar", "mzxw6ytboi"],
  ])("%s is %s", ([plain, encoded]) => {
    expect(encodeBase32(Buffer.from(plain!))).toBe(encoded);
    expect(decodeBase32(encoded!.toUpperCase())).toEqual(new Uint8Array(Buffer.from(plain!)));
  });

  test("one value has one spelling", () => {
    for (const text of ["mz", "a", "mzxw6y", "mzxw6ytbo", "m1", "m=", "mý", "ſ", "mzxw6ytb\u212a"]) {
      expect(decodeBase32(text), text).toBeUndefined();
    }
  });

  test("any octets come back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes);
      }),
    );
  });
});

describe("tokens", () => {
  test("the format, computed again by hand", () => {
    const key = hkdfSync("sha256", "an example secret of the first key", "", "mailweir token unsubscribe", 32);
    const mac = createHmac("sha256", new Uint8Array(key)).update("a").update(payload).digest().subarray(0, 10);
    expect(createTokens(one).sign("unsubscribe", payload)).toBe(`a${encodeBase32(Buffer.concat([payload, mac]))}`);
  });

  test("a token says again what was signed, in either case", () => {
    const tokens = createTokens(one);
    const token = tokens.sign("unsubscribe", payload);
    expect(token).toMatch(/^[a-z2-7]+$/);
    const valid = { kind: "valid", payload, keyId: "a" };
    expect(tokens.verify("unsubscribe", token, now)).toEqual(valid);
    expect(tokens.verify("unsubscribe", token.toUpperCase(), now)).toEqual(valid);
  });

  test("what is signed for one purpose is worth nothing for another", () => {
    const tokens = createTokens(one);
    expect(tokens.verify("unsubscribe", tokens.sign("confirm", payload), now)).toEqual({
      kind: "invalid",
      reason: "bad-signature",
    });
  });

  test("every changed character is found", () => {
    const tokens = createTokens(one);
    const token = tokens.sign("reply", payload);
    for (let at = 0; at < token.length; at++) {
      for (const other of "ab2q") {
        if (token[at] === other) continue;
        const changed = token.slice(0, at) + other + token.slice(at + 1);
        expect(tokens.verify("reply", changed, now).kind, changed).toBe("invalid");
      }
    }
  });

  test("after a rotation the old key still verifies, and the new one signs", () => {
    const old = createTokens(one).sign("bounce", payload);
    const tokens = createTokens(rotated);
    expect(tokens.verify("bounce", old, now)).toMatchObject({ kind: "valid", keyId: "a" });
    expect(tokens.sign("bounce", payload)[0]).toBe("b");
  });

  test("a key that was taken away, or whose time is over, verifies nothing", () => {
    const old = createTokens(one).sign("bounce", payload);
    const removed = createTokens({ ...rotated, keys: rotated.keys.slice(0, 1) });
    expect(removed.verify("bounce", old, now)).toEqual({ kind: "invalid", reason: "unknown-key" });
    const [newer, older] = rotated.keys;
    const ending = (verifyUntil: string) =>
      createTokens({ ...rotated, keys: [newer!, { ...older!, verifyUntil }] }).verify("bounce", old, now);
    expect(ending("2026-08-04T09:15:02.417Z")).toEqual({ kind: "expired", payload, keyId: "a" });
    expect(ending("2026-08-04T09:15:02.418Z")).toMatchObject({ kind: "valid" });
  });

  test("a line end behind the secret, as in a file, changes nothing", () => {
    const token = createTokens(one).sign("reply", payload);
    const fromFile = createTokens({
      keys: [{ id: "a", secret: Buffer.from("an example secret of the first key\r\n") }],
    });
    expect(fromFile.verify("reply", token, now).kind).toBe("valid");
  });

  test("whatever a stranger writes is refused, never an error", () => {
    const tokens = createTokens(one);
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: "binary" }), (text) => {
        expect(tokens.verify("unsubscribe", text, now).kind).toBe("invalid");
      }),
    );
    expect(tokens.verify("unsubscribe", "a".repeat(1_000_000), now)).toEqual({ kind: "invalid", reason: "malformed" });
  });

  test.for<[string, KeyRing]>([
    ["no key", { keys: [] }],
    ["an id of two characters", { keys: [{ id: "aa", secret: "0123456789abcdef" }] }],
    ["an id in capitals", { keys: [{ id: "A", secret: "0123456789abcdef" }] }],
    ["a short secret", { keys: [{ id: "a", secret: "0123456789abcde\n" }] }],
    ["the same id twice", { ...rotated, keys: [rotated.keys[0]!, rotated.keys[0]!] }],
    ["two keys and no address secret", { keys: rotated.keys }],
    ["an end that is no time", { keys: [{ id: "a", secret: "0123456789abcdef", verifyUntil: "soon" }] }],
  ])("a ring that cannot be used: %s", ([, ring]) => {
    expect(() => createTokens(ring)).toThrow(expect.objectContaining({ code: "ERR_KEY_RING" }));
  });

  test("found in an address", () => {
    const token = createTokens(one).sign("unsubscribe", payload);
    expect(tokenIn(`unsubscribe+${token}@example.com`)).toBe(token);
    expect(tokenIn(`Unsubscribe+${token.toUpperCase()}@EXAMPLE.COM`)).toBe(token.toUpperCase());
    for (const address of [token, `${token}@example.com`, "unsubscribe+news@example.com", `"u+${token}"@example.com`]) {
      expect(tokenIn(address), address).toBeUndefined();
    }
  });
});
