import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { dkimSign } from "mailauth";
import { describe, expect, test } from "vitest";
import { authenticate } from "../../../local/authenticate/authenticate.ts";
import { type Resolver, zoneResolver } from "../../../local/authenticate/resolver.ts";
import { loadZone } from "../../../local/authenticate/zone.ts";
import { verdictsFrom } from "../../../shared/receipt/authentication.ts";
import { fc } from "../../property.ts";

interface Signer {
  readonly domain: string;
  readonly selector: string;
  readonly key: KeyObject;
  readonly algorithm?: string;
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const weak = generateKeyPairSync("rsa", { modulusLength: 768 });
const ed = generateKeyPairSync("ed25519");
const publish = (key: KeyObject) =>
  `v=DKIM1; k=rsa; p=${key.export({ type: "spki", format: "der" }).toString("base64")}`;

const zone = {
  "example.org": { TXT: ["v=spf1 ip4:192.0.2.10 -all"] },
  "rsa._domainkey.example.org": { TXT: [publish(rsa.publicKey)] },
  "weak._domainkey.example.org": { TXT: [publish(weak.publicKey)] },
  "ed._domainkey.example.org": {
    TXT: [
      `v=DKIM1; k=ed25519; p=${ed.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64")}`,
    ],
  },
  "revoked._domainkey.example.org": { TXT: ["v=DKIM1; p="] },
  "slow._domainkey.example.org": "TIMEOUT",
  "rsa._domainkey.esp.example": { TXT: [publish(rsa.publicKey)] },
  "_dmarc.example.org": { TXT: ["v=DMARC1; p=reject; sp=quarantine"] },
  "_dmarc.lax.example": { TXT: ["v=DMARC1; p=none"] },
  "_dmarc.slow.example": "TIMEOUT",
};
const dns = zoneResolver(loadZone(JSON.stringify(zone)));
const smtp = { ip: "203.0.113.5", helo: "mx.esp.example", mailFrom: "bounce@esp.example", authserv: "rx.example.com" };

const mail = (from = "Ann <ann@example.org>", body = "hello\r\n") =>
  `From: ${from}\r\nTo: bob@example.com\r\nSubject: greeting\r\nDate: Tue, 04 Aug 2026 09:15:02 +0000\r\n\r\n${body}`;

async function signed(message: string, signers: readonly Partial<Signer>[], change = (text: string) => text) {
  let out = message;
  for (const { domain = "example.org", selector = "rsa", key = rsa.privateKey, algorithm = "rsa-sha256" } of signers) {
    const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
    const by = { signingDomain: domain, selector, privateKey };
    const { signatures } = await dkimSign(out, {
      canonicalization: "relaxed/relaxed",
      algorithm,
      ...by,
      signatureData: [by],
    });
    out = signatures + out;
  }
  return Buffer.from(change(out));
}

describe("DKIM, one signature", () => {
  test.for<[string, Partial<Signer>, (text: string) => string, Record<string, unknown>, string]>([
    ["valid and aligned", {}, (text) => text, { result: "pass", aligned: true }, "PASS"],
    [
      "valid, ed25519",
      { selector: "ed", key: ed.privateKey, algorithm: "ed25519-sha256" },
      (text) => text,
      { result: "pass", aligned: true },
      "PASS",
    ],
    [
      "valid, by another domain",
      { domain: "esp.example" },
      (text) => text,
      { result: "pass", aligned: false, domain: "esp.example" },
      "GRAY",
    ],
    ["the body changed", {}, (text) => text.replace("hello", "hallo"), { result: "fail" }, "FAIL"],
    ["the subject changed", {}, (text) => text.replace("greeting", "threat"), { result: "fail" }, "FAIL"],
    ["stored with LF line ends", {}, (text) => text.replaceAll("\r\n", "\n"), { result: "pass" }, "PASS"],
    ["a revoked key", { selector: "revoked" }, (text) => text, { result: "permerror" }, "FAIL"],
    ["no key", { selector: "gone" }, (text) => text, { result: "permerror" }, "FAIL"],
    [
      "a key that cannot be looked up",
      { selector: "slow" },
      (text) => text,
      { result: "temperror" },
      "PROCESSING_FAILED",
    ],
    ["the wrong key type", { selector: "ed" }, (text) => text, { result: "permerror" }, "FAIL"],
    [
      "a key of 768 bits: valid, but it does not count",
      { selector: "weak", key: weak.privateKey },
      (text) => text,
      { result: "pass", aligned: false, reason: expect.stringContaining("768") },
      "GRAY",
    ],
    [
      "SHA-1: valid, but it does not count",
      { algorithm: "rsa-sha1" },
      (text) => text,
      { result: "pass", aligned: false, reason: expect.stringContaining("8301") },
      "GRAY",
    ],
    ["version 2", {}, (text) => text.replace("v=1;", "v=2;"), { result: "neutral" }, "PROCESSING_FAILED"],
    ["a tag twice", {}, (text) => text.replace("v=1;", "v=1; v=1;"), { result: "neutral" }, "PROCESSING_FAILED"],
    [
      "an unknown algorithm",
      {},
      (text) => text.replace("a=rsa-sha256", "a=rsa-md5"),
      { result: "neutral" },
      "PROCESSING_FAILED",
    ],
  ])("%s", async ([, signer, change, expected, verdict]) => {
    const raw = await signed(mail(), [signer], change);
    const finding = await authenticate(raw, smtp, dns);
    expect(finding.dkim).toMatchObject([{ selector: signer.selector ?? "rsa", ...expected }]);
    expect(verdictsFrom(finding, undefined, undefined).dkim).toBe(verdict);
  });
});

test("every signature is reported, from the top", async () => {
  const raw = await signed(mail(), [{}, { domain: "esp.example" }]);
  const { dkim } = await authenticate(raw, smtp, dns);
  expect(dkim.map(({ domain, result }) => `${domain} ${result}`)).toEqual(["esp.example pass", "example.org pass"]);
});

test("of a hundred signatures ten are verified and some of the rest reported", async () => {
  const raw = await signed(
    mail(),
    [{}],
    (text) => "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=x; h=from; bh=AA==; b=AA==\r\n".repeat(99) + text,
  );
  const { dkim } = await authenticate(raw, smtp, dns);
  expect(dkim).toHaveLength(20);
  expect(dkim.at(-1)).toMatchObject({ result: "neutral", reason: "more than 10 signatures" });
});

describe("DMARC", () => {
  const own = { ...smtp, ip: "192.0.2.10", mailFrom: "ann@example.org" };
  test.for<[string, string, typeof smtp, Record<string, unknown>]>([
    ["passes by SPF", "ann@example.org", own, { result: "pass", policy: "reject", domain: "example.org" }],
    ["fails without either", "ann@example.org", smtp, { result: "fail", policy: "reject", domain: "example.org" }],
    [
      "takes sp= for a subdomain",
      "ann@sub.example.org",
      smtp,
      { result: "fail", policy: "quarantine", domain: "sub.example.org" },
    ],
    ["no record", "ann@nothing.example", smtp, { result: "none", domain: "nothing.example" }],
    ["a record that cannot be looked up", "ann@slow.example", smtp, { result: "temperror", domain: "slow.example" }],
    ["no author", "undisclosed:;", smtp, { result: "permerror", domain: "" }],
    [
      "several authors of one domain",
      "a@example.org, b@example.org",
      own,
      { result: "pass", policy: "reject", domain: "example.org" },
    ],
    [
      "several domains: none passes, the strictest policy has failed",
      "a@lax.example, b@example.org",
      own,
      { result: "fail", policy: "reject", domain: "example.org" },
    ],
    [
      "an author in the display name only is none",
      '"ceo@example.org" <x@nothing.example>',
      own,
      { result: "none", domain: "nothing.example" },
    ],
  ])("%s", async ([, from, session, expected]) => {
    const finding = await authenticate(Buffer.from(mail(from)), session, dns);
    expect(finding.dmarc).toEqual(expected);
  });

  test("a second From field takes the pass away", async () => {
    const raw = await signed(mail(), [{}], (text) => `From: ceo@lax.example\r\n${text}`);
    const { dmarc, dkim } = await authenticate(raw, own, dns);
    expect(dmarc).toMatchObject({ result: "fail", policy: "reject" });
    expect(dkim).toMatchObject([{ aligned: false }]);
  });

  test("also one below the first, which the signature is aligned with", async () => {
    const raw = await signed(mail(), [{}], (text) => text.replace("\r\nTo:", "\r\nFrom: ceo@lax.example\r\nTo:"));
    expect((await authenticate(raw, own, dns)).dkim).toMatchObject([{ aligned: false }]);
  });

  test("a signature of the author that could not be looked up leaves it open", async () => {
    const { dmarc } = await authenticate(await signed(mail(), [{ selector: "slow" }]), smtp, dns);
    expect(dmarc).toEqual({ result: "temperror", domain: "example.org" });
  });

  test("one of a stranger does not", async () => {
    const zoneWithSlowStranger = zoneResolver(
      loadZone(JSON.stringify({ ...zone, "slow._domainkey.esp.example": "TIMEOUT" })),
    );
    const raw = await signed(mail(), [{ domain: "esp.example", selector: "slow" }]);
    expect((await authenticate(raw, smtp, zoneWithSlowStranger)).dmarc).toMatchObject({
      result: "fail",
      policy: "reject",
    });
  });

  test("signatures that do not count give no pass", async () => {
    const raw = await signed(mail(), [{ selector: "weak", key: weak.privateKey }, { algorithm: "rsa-sha1" }]);
    expect((await authenticate(raw, smtp, dns)).dmarc).toMatchObject({ result: "fail" });
  });
});

// Sets as anybody can write them; who sealed says that DMARC passed.
const arcSet = (instance: number | string, cv: string) =>
  `ARC-Seal: i=${instance}; a=rsa-sha256; cv=${cv}; d=evil.example; s=s; b=AAAA\r\n` +
  `ARC-Message-Signature: i=${instance}; a=rsa-sha256; c=relaxed/relaxed; d=evil.example; s=s; h=from; bh=AAAA; b=AAAA\r\n` +
  `ARC-Authentication-Results: i=${instance}; evil.example; dmarc=pass header.from=example.org; spf=pass\r\n`;
const arcChain = (length: number) =>
  Array.from({ length }, (_, at) => arcSet(length - at, at === length - 1 ? "none" : "pass")).join("");

test.for<[string, string]>([
  ["of an unknown sealer that begins with cv=pass", arcSet(1, "pass")],
  ["of an unknown sealer", arcSet(1, "none")],
  ["with a gap", arcSet(3, "pass") + arcSet(1, "none")],
  ["with a doubled instance", arcSet(1, "none") + arcSet(1, "none")],
  ["without an end", arcChain(2_000)],
  ["one set too long", arcChain(51)],
  ["that counts from nought", arcSet(0, "none")],
  ["that does not count", arcSet("x", "none")],
])("a forged ARC chain %s changes nothing about the author", async ([, chain]) => {
  const { arc, dkim, dmarc } = await authenticate(Buffer.from(chain + mail()), smtp, dns);
  expect(arc).toEqual({ result: "fail" });
  expect(dkim).toEqual([]);
  expect(dmarc).toMatchObject({ result: "fail", policy: "reject" });
});

describe("hostile messages get an answer", () => {
  const signature =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=rsa; h=from; bh=AA==; b=AA==\r\n";
  test.for<[string, string]>([
    ["nothing at all", ""],
    ["an empty line", "\r\n"],
    ["no header section", "\r\nFrom: ann@example.org\r\n"],
    ["binary", "\0\u0001\u0002\xff".repeat(1000)],
    ["10,000 header fields", signature + Array.from({ length: 10_000 }, (_, at) => `X-${at}: x\r\n`).join("") + mail()],
    ["a header field of 100,000 lines", `${signature}X: x\r\n${" \r\n".repeat(100_000)}${mail()}`],
    ["header fields that never end", "a: b\r\n".repeat(300_000)],
    [
      "a list of signed fields without end",
      signature.replace("h=from", `h=${"x:".repeat(5000)}from`) + "a:\r\n".repeat(5000) + mail(),
    ],
    ["a line of 2 MB", signature + mail("a@example.org", "x".repeat(2_000_000))],
    [
      "an ARC set without end",
      "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.org; s=rsa; b=AA==\r\n".repeat(200) + mail(),
    ],
    ["nested groups as author", mail("a:".repeat(20_000))],
  ])("%s", async ([, text]) => {
    const finding = await authenticate(Buffer.from(text, "latin1"), smtp, dns);
    expect(finding.dkim.every(({ result }) => result !== "pass")).toBe(true);
    expect(finding.dmarc.result).not.toBe("pass");
  });

  test("a header section that is too large keeps its author's policy", async () => {
    const finding = await authenticate(
      Buffer.from(`${signature}From: ann@example.org\r\n${"a:\r\n".repeat(60_000)}\r\n`),
      smtp,
      dns,
    );
    expect(finding.dmarc).toMatchObject({ result: "fail", policy: "reject" });
    expect(finding.dkim).toMatchObject([{ result: "neutral", reason: expect.stringContaining("50000 lines") }]);
  });

  test("whatever is written, there is an answer, and its names can stand in a header", async () => {
    const field = fc.constantFrom(
      "From",
      "DKIM-Signature",
      "ARC-Seal",
      "ARC-Message-Signature",
      "ARC-Authentication-Results",
      "Subject",
      "",
    );
    const piece = fc.oneof(
      fc.constantFrom(
        "i=1; ",
        "v=1; ",
        "a=rsa-sha256; ",
        "d=example.org; ",
        "s=rsa; ",
        "h=from; ",
        "b=AA==; ",
        "bh=AA==; ",
        "cv=none; ",
        "<",
        ">",
        "@",
        ",",
        ":",
        '"',
        "\r\n ",
        "\n",
        "ann@example.org",
      ),
      fc.string({ unit: "binary", maxLength: 12 }),
    );
    const line = fc
      .tuple(field, fc.array(piece, { maxLength: 12 }))
      .map(([name, parts]) => `${name}: ${parts.join("")}\r\n`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 8 }),
        fc.string({ maxLength: 40 }),
        fc.string(),
        async (lines, body, helo) => {
          const finding = await authenticate(
            Buffer.from(`${lines.join("")}\r\n${body}`),
            { ...smtp, helo, mailFrom: "" },
            dns,
          );
          const names = [
            finding.spf.domain,
            finding.dmarc.domain,
            ...finding.dkim.flatMap(({ domain, selector }) => [domain, selector]),
          ];
          for (const name of names) expect(name).toMatch(/^[\x21-\x7e]{0,255}$/);
          expect(finding.dkim.every(({ result }) => result !== "pass")).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a signature that names more fields than can be looked for is left out", async () => {
    const greedy = signature.replace("h=from", `h=${"x:".repeat(4000)}from`);
    const { dkim } = await authenticate(Buffer.from(`${greedy}${"a:\r\n".repeat(6000)}${mail()}`), smtp, dns);
    expect(dkim).toMatchObject([{ result: "neutral", reason: "too many header fields to look for" }]);
  });

  test("a field name with a folded colon is the field", async () => {
    const finding = await authenticate(Buffer.from(`From\r\n : ann@example.org\r\n\r\n`), smtp, dns);
    expect(finding.dmarc.domain).toBe("example.org");
  });
});

describe("reading and time", () => {
  test("any cut into chunks gives the same answer", async () => {
    const raw = await signed(mail(undefined, "line one\r\nline two \r\n\r\n\r\n"), [{}]);
    async function* cut(size: number) {
      for (let at = 0; at < raw.length; at += size) yield raw.subarray(at, at + size);
    }
    for (const size of [1, 2, 7, 100]) {
      const { dkim, dmarc } = await authenticate(cut(size), smtp, dns);
      expect({ size, dkim: dkim[0]?.result, dmarc: dmarc.result }).toEqual({ size, dkim: "pass", dmarc: "pass" });
    }
  });

  test("CRLF and LF mixed, and a CRLF cut in two", async () => {
    const raw = await signed(mail(undefined, "one\r\ntwo\r\nthree\r\n"), [{}], (text) =>
      text.replace("two\r\n", "two\n"),
    );
    async function* cut() {
      const at = raw.indexOf("one\r\n") + 4;
      yield raw.subarray(0, at);
      yield raw.subarray(at);
    }
    expect((await authenticate(cut(), smtp, dns)).dkim).toMatchObject([{ result: "pass" }]);
  });

  test("a message that cannot be read is no property of the mail", async () => {
    const raw = await signed(mail(), [{}]);
    async function* broken() {
      yield raw.subarray(0, -5);
      throw new Error("EIO: spool");
    }
    await expect(authenticate(broken(), smtp, dns)).rejects.toThrow("EIO: spool");
  });

  test("without a message, SPF alone", async () => {
    const finding = await authenticate(undefined, { ...smtp, ip: "192.0.2.10", mailFrom: "ann@example.org" }, dns);
    expect(finding).toEqual({
      spf: { result: "pass", domain: "example.org" },
      dkim: [],
      dmarc: { result: "none", domain: "" },
      arc: { result: "none" },
    });
  });

  test("DNS out of reach: all checks fail for now, and nobody waits", async () => {
    const silent: Resolver = () => new Promise(() => {});
    const raw = await signed(mail(), [{}]);
    const finding = await authenticate(raw, { ...smtp, mailFrom: "ann@example.org" }, silent, { silenceMs: 20 });
    expect(verdictsFrom(finding, undefined, undefined)).toMatchObject({
      spf: "PROCESSING_FAILED",
      dkim: "PROCESSING_FAILED",
      dmarc: "PROCESSING_FAILED",
    });
  });

  test("an abort ends it without a finding", async () => {
    const controller = new AbortController();
    const silent: Resolver = () => new Promise(() => {});
    const finding = authenticate(Buffer.from(mail()), smtp, silent, { signal: controller.signal });
    controller.abort(new Error("stopping"));
    await expect(finding).rejects.toThrow("stopping");
  });

  test("the source is let go of, read to its end or not", async () => {
    const raw = await signed(mail(), [{}]);
    for (const octets of [raw, Buffer.from(mail())]) {
      let open = true;
      async function* source() {
        try {
          yield octets;
          yield Buffer.from("more\r\n");
        } finally {
          open = false;
        }
      }
      await authenticate(source(), smtp, dns);
      expect(open).toBe(false);
    }
  });
});
