import { generateKeyPairSync } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { describe, expect, test } from "vitest";
import { boundHeaders } from "../../../local/authenticate/bound-headers.ts";
import { DnsError } from "../../../local/authenticate/dns-error.ts";
import { verifySignatures } from "../../../local/authenticate/mailauth.ts";
import { canonicalBody, verifyPlain } from "../../../local/authenticate/plain-signatures.ts";
import type { Resolver } from "../../../local/authenticate/resolver.ts";
import { fuzzRuns } from "../../fuzz-runs.ts";
import { seeded } from "../../slow/seeded.ts";
import { bytesOf } from "../store/store-fixture.ts";
import { publicKeyText, signByHand, usualHeaders } from "./sign-by-hand.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 1024 });
const pem = (key: typeof privateKey) => key.export({ type: "pkcs8", format: "pem" }).toString();
const p = (key: typeof publicKey) => key.export({ type: "spki", format: "der" }).toString("base64");
const now = new Date("2026-11-03T10:00:00Z");

const records = new Map([
  ["s1._domainkey.sender.example", `v=DKIM1; k=rsa; p=${publicKeyText}`],
  ["m1._domainkey.sender.example", `v=DKIM1; p=${p(publicKey)}`],
  ["m2._domainkey.list.example", `k=rsa; t=s; p=${p(other.publicKey)}`],
]);
const zone =
  (record?: string): Resolver =>
  async (name) => {
    const found = record ?? records.get(name);
    if (found === undefined) throw new DnsError("ENOTFOUND", name);
    return [[found]];
  };

/** As the verifier gets a message: bounded, with CRLF. */
async function given(raw: string | Buffer): Promise<Buffer> {
  const message = await boundHeaders(typeof raw === "string" ? Buffer.from(raw, "latin1") : raw);
  return bytesOf(message.chunks());
}

async function reference(octets: Buffer, dns: Resolver) {
  const { dkim, arc, author } = await verifySignatures(
    (async function* () {
      yield octets;
    })(),
    dns,
    now,
  );
  return { dkim, arc, author };
}

/** What is plain must be what the reference says; whether it was plain. */
async function agree(raw: string | Buffer, dns: Resolver = zone()): Promise<boolean> {
  const octets = await given(raw);
  const plain = await verifyPlain(octets, dns, now);
  if (!plain) return false;
  const { dkim, arc, author } = await reference(octets, dns);
  const ours = {
    dkim: plain.signers.map(({ domain, selector }) => ({ result: "pass", domain: domain.toLowerCase(), selector })),
    arc: "none",
    author: { mailboxes: [plain.author], fromFields: 1 },
  };
  // `toEqual` with the octets beside it: a counterexample must be seen whole.
  const theirs = { dkim: dkim.map(({ aligned: _, ...finding }) => finding), arc, author };
  expect({ octets: octets.toString("latin1"), ...ours }).toEqual({ octets: octets.toString("latin1"), ...theirs });
  return true;
}

test.for<[string, string | Buffer, string?]>([
  ["a signature as most are", signByHand()],
  ["no signature", "From: Ann <ann@sender.example>\r\nSubject: a\r\n\r\nb\r\n"],
  ["folded and spaced tags", signByHand({ tags: { h: "From :\r\n\tTo : Subject", c: "relaxed/relaxed" } })],
  ["an identity below the domain", signByHand({ tags: { i: "ann@news.sender.example" } })],
  ["times in force", signByHand({ tags: { t: "1700000000", x: "4000000000" } })],
  ["a quoted name", signByHand({ headers: [["From", ' "Ann, B." <ann@sender.example>'], ...usualHeaders.slice(1)] })],
  ["an empty body", signByHand({ body: "" })],
  ["a body of empty lines", signByHand({ body: "\r\n \t\r\n\r\n" })],
  ["white space of all kinds", signByHand({ body: "a \t b\t\r\n\r\n  c  \r\n\t\r\n\r\n" })],
  ["a body without its last line end", signByHand({ body: "a\r\nb" })],
  ["a bare key", signByHand(), `p=${publicKeyText};`],
])("plain: %s", async ([, raw, record]) => {
  expect(await agree(raw, zone(record))).toBe(true);
});

test.for<[string, string | Buffer, string?]>([
  ["a changed body", signByHand().replace("hello", "hallo")],
  ["a changed field", signByHand().replace("Subject: a", "Subject: b")],
  ["a length", signByHand({ tags: { l: "3" } })],
  ["no From among the fields", signByHand({ tags: { h: "to:subject" } })],
  ["another version", signByHand({ tags: { v: "2" } })],
  ["no version", signByHand({ tags: { v: null } })],
  ["SHA-1", signByHand({ tags: { a: "rsa-sha1" } })],
  ["a tag that says nothing to us", signByHand({ tags: { zz: "1" } })],
  ["a tag twice", signByHand().replace("d=sender.example;", "d=sender.example; d=sender.example;")],
  ["a signature that has expired", signByHand({ tags: { x: "1700000000" } })],
  ["a signature that ends before it begins", signByHand({ tags: { t: "4000000001", x: "4000000000" } })],
  ["an identity elsewhere", signByHand({ tags: { i: "@other.example" } })],
  [
    "an identity below a key that allows none",
    signByHand({ tags: { i: "@a.sender.example" } }),
    `t=s; p=${publicKeyText}`,
  ],
  ["two From fields", `From: eve@evil.example\r\n${signByHand()}`],
  ["two authors", signByHand({ headers: [["From", " a@sender.example, b@sender.example"], ...usualHeaders.slice(1)] })],
  ["a group", signByHand({ headers: [["From", " us: a@sender.example;"], ...usualHeaders.slice(1)] })],
  ["a comment in From", signByHand({ headers: [["From", " a@sender.example (x)"], ...usualHeaders.slice(1)] })],
  ["an ARC field", `ARC-Seal: i=1\r\n${signByHand()}`],
  ["octets beyond ASCII in a header", `X: \xe4\r\n${signByHand()}`],
  ["a name with a space before the colon", `X : a\r\n${signByHand()}`],
  ["a line that is no field", `what is this\r\n${signByHand()}`],
  ["a revoked key", signByHand(), "v=DKIM1; p="],
  ["a key for other services", signByHand(), `s=tlsrpt; p=${publicKeyText}`],
  ["a key that is being tested", signByHand(), `t=y; p=${publicKeyText}`],
  ["another key", signByHand(), `p=${p(publicKey)}`],
  ["a short key", signByHand(), `p=${p(generateKeyPairSync("rsa", { modulusLength: 512 }).publicKey)}`],
  ["a version that is not first", signByHand(), `k=rsa; v=DKIM1; p=${publicKeyText}`],
  ["no key", signByHand({ tags: { s: "none" } })],
])("left to the verifier of all cases: %s", async ([, raw, record]) => {
  expect(await verifyPlain(await given(raw), zone(record), now)).toBeUndefined();
});

test("two records under one name are left to the verifier of all cases", async () => {
  const both: Resolver = async () => [[`p=${publicKeyText}`], [`p=${p(publicKey)}`]];
  expect(await verifyPlain(await given(signByHand()), both, now)).toBeUndefined();
});

test("a key that changed under its name is another key", async () => {
  const octets = await given(signByHand());
  expect(await verifyPlain(octets, zone(`p=${publicKeyText}`), now)).toBeDefined();
  expect(await verifyPlain(octets, zone(`p=${p(publicKey)}`), now)).toBeUndefined();
  expect(await verifyPlain(octets, zone(`p=${publicKeyText}`), now)).toBeDefined();
});

test.for<["relaxed" | "simple", string, string]>([
  ["relaxed", "", ""],
  ["simple", "", "\r\n"],
  ["relaxed", " \t", ""],
  ["simple", " \t", " \t\r\n"],
  ["relaxed", " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"],
  ["simple", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n"],
  ["relaxed", "a \r\r\n", "a \r\r\n"],
  ["relaxed", "a\r\n\t\r\n  ", "a\r\n"],
])("%s canonicalisation of %j", ([canon, body, expected]) => {
  expect(Buffer.from(canonicalBody(Buffer.from(body), canon)).toString()).toBe(expected);
});

const canons = ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"];

async function signed(raw: Buffer, canon: string, twice: boolean): Promise<Buffer> {
  const one = (signingDomain: string, selector: string, key: typeof privateKey) => ({
    signingDomain,
    selector,
    privateKey: pem(key),
    canonicalization: canon,
  });
  const signatureData = [one("sender.example", "m1", privateKey)];
  if (twice) signatureData.push(one("list.example", "m2", other.privateKey));
  const { signatures } = await dkimSign(raw, { canonicalization: canon, ...signatureData[0], signatureData } as never);
  return Buffer.concat([Buffer.from(signatures, "latin1"), raw]);
}

const base = (number: number) =>
  Buffer.from(
    `Received: from a.example (a.example [192.0.2.7])\r\n\tby b.example; Tue, 3 Nov 2026 09:12:44 +0000\r\nFrom: ${number % 2 ? '"Ann B."' : "Ann"} <ann@sender.example>\r\n` +
      `To: <support@in.example>\r\nSubject: a  question\r\n\tabout  order ${number}\r\nX-Two: 1\r\nX-Two: 2\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n` +
      ["Hello,", "", "a line \t with   white space \t", "", "\t", "Regards  ", "", ""]
        .slice(0, 1 + (number % 8))
        .join("\r\n"),
  );

const pieces = [
  " ",
  "\t",
  "\r\n ",
  "\r\n",
  ";",
  ":",
  "=",
  "a",
  "\0",
  "\xff",
  "\r",
  "\n",
  "X-New: a\r\n",
  "From: ann@sender.example\r\n",
];

/** Changes that mostly mean nothing to a signature, and some that mean something. */
function change(mail: Buffer, random: () => number): Buffer {
  let text = mail.toString("latin1");
  const at = () => Math.floor(random() * (text.length + 1));
  const head = () => text.indexOf("\r\n\r\n");
  const kinds: readonly (() => void)[] = [
    () => {
      const to = at();
      text = text.slice(0, to) + (pieces[Math.floor(random() * pieces.length)] ?? "") + text.slice(to);
    },
    () => {
      const to = at();
      text = text.slice(0, to) + text.slice(to + 1 + Math.floor(random() * 3));
    },
    () => {
      text += ["\r\n", " ", "\t\r\n", "\r\n\r\n", "x", "\r"][Math.floor(random() * 6)] ?? "";
    },
    () => {
      text = `${["X-Top: 1", "X-Two: 0", "Reply-To: x@y.example", "Sender: z@y.example"][Math.floor(random() * 4)]}\r\n${text}`;
    },
    () => {
      // A space in the header becomes several, or a fold.
      const spaces = [...text.slice(0, Math.max(0, head())).matchAll(/ /g)];
      const to = spaces[Math.floor(random() * spaces.length)]?.index ?? 0;
      const fold = ["  ", "\t", "\r\n ", "\r\n\t "][Math.floor(random() * 4)] ?? "";
      text = text.slice(0, to) + fold + text.slice(to + 1);
    },
    () => {
      const names = [...text.slice(0, Math.max(0, head())).matchAll(/^[A-Za-z-]+(?=:)/gm)];
      const name = names[Math.floor(random() * names.length)];
      if (!name) return;
      const cased = random() < 0.5 ? name[0].toLowerCase() : name[0].toUpperCase();
      text = text.slice(0, name.index) + cased + text.slice(name.index + name[0].length);
    },
    () => {
      const lines = text.split("\r\n");
      const from = Math.floor(random() * lines.length);
      const [line = ""] = lines.splice(from, 1);
      lines.splice(Math.floor(random() * (lines.length + 1)), 0, line);
      text = lines.join("\r\n");
    },
    () => {
      const to = at();
      const code = text.charCodeAt(to) ^ (1 << Math.floor(random() * 7));
      text = text.slice(0, to) + String.fromCharCode(code & 0xff) + text.slice(to + 1);
    },
  ];
  for (let count = 1 + Math.floor(random() * 3); count > 0; count -= 1) kinds[Math.floor(random() * kinds.length)]?.();
  return Buffer.from(text, "latin1");
}

describe("beside mailauth", () => {
  test("what is plain in changed mails is what mailauth says", async () => {
    const { seed, numRuns } = fuzzRuns(20261124, 4_000);
    const random = seeded(seed);
    const mails: Buffer[] = [];
    for (let number = 0; number < 32; number += 1) {
      mails.push(await signed(base(number), canons[number % 4] ?? "", number % 3 === 0));
    }
    for (const mail of mails) expect(await agree(mail)).toBe(true);
    let plain = 0;
    for (let run = 0; run < numRuns; run += 1) {
      const mail = mails[Math.floor(random() * mails.length)] as Buffer;
      if (await agree(change(mail, random))) plain += 1;
    }
    // It would prove nothing if nothing stayed plain, or all.
    expect(plain).toBeGreaterThan(numRuns / 20);
    expect(plain).toBeLessThan(numRuns);
  }, 3_600_000);

  const corpus = "../shared/corpus";
  test.skipIf(!existsSync(corpus))(
    "every mail of the corpus, signed (skipped where ../shared is missing)",
    async () => {
      const files = readdirSync(corpus, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".eml"));
      // All of them in long runs.
      const step = process.env["MAILWEIR_FUZZ_RUNS"] === undefined ? 7 : 1;
      let plain = 0;
      let looked = 0;
      for (let at = 0; at < files.length; at += step) {
        const raw = readFileSync(join(corpus, files[at] ?? ""));
        if (raw.length > 131_072) continue;
        looked += 1;
        const mail = Buffer.from(raw.toString("latin1").replace(/\r?\n/g, "\r\n"), "latin1");
        const ours = await signed(mail, canons[looked % 4] ?? "", looked % 5 === 0).catch(() => undefined);
        if (ours && (await agree(ours))) plain += 1;
      }
      expect(plain).toBeGreaterThan(looked / 20);
    },
    3_600_000,
  );
});
