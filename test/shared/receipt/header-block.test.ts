import { expect, test } from "vitest";
import { parseHeaderSection } from "../../../shared/mail/headers.ts";
import type { Authentication, SpfResult } from "../../../shared/receipt/authentication.ts";
import { buildAddedHeaders, buildHeaderBlock, type HeaderBlockInput } from "../../../shared/receipt/header-block.ts";
import { createReceiptSigner, type ReceiptSigner } from "../../../shared/receipt/receipt-signer.ts";
import { fc } from "../../property.ts";

const authentication: Authentication = {
  spf: { result: "pass", domain: "sender.example" },
  dkim: [{ result: "pass", domain: "sender.example", selector: "s1", aligned: true }],
  dmarc: { result: "pass", domain: "sender.example" },
};
const input: HeaderBlockInput = {
  sesMessageId: "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
  region: "us-east-1",
  client: { helo: "mx.sender.example", rdns: "mx.sender.example", ip: "203.0.113.25" },
  envelopeFrom: "ann@sender.example",
  recipient: "orders@shop.example",
  receivedAt: new Date("2026-08-04T09:15:02.417Z"),
  authentication,
  scan: { spam: "PASS", virus: "PASS" },
};
const opaque: ReceiptSigner = () => ({ receipt: "AEFB", dkimSignature: "a=rsa-sha256; v=1;" });
const block = (changes: Partial<HeaderBlockInput> = {}, sign = opaque) =>
  Buffer.from(buildHeaderBlock({ ...input, ...changes }, sign)).toString();

// Written out from ses-receiving.md §4.3, not made by the code under test.
const golden = [
  "Return-Path: <ann@sender.example>",
  "Received: from mx.sender.example (mx.sender.example [203.0.113.25])",
  " by inbound-smtp.us-east-1.amazonaws.com with SMTP id 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
  " for orders@shop.example;",
  " Tue, 04 Aug 2026 09:15:02 +0000 (UTC)",
  "X-SES-Spam-Verdict: PASS",
  "X-SES-Virus-Verdict: PASS",
  "Received-SPF: pass (spfCheck: domain of sender.example designates 203.0.113.25 as permitted sender) client-ip=203.0.113.25; envelope-from=ann@sender.example; helo=mx.sender.example;",
  "Authentication-Results: amazonses.com;",
  " spf=pass (spfCheck: domain of sender.example designates 203.0.113.25 as permitted sender) client-ip=203.0.113.25; envelope-from=ann@sender.example; helo=mx.sender.example;",
  " dkim=pass header.i=@sender.example;",
  " dmarc=pass header.from=sender.example;",
  "X-SES-RECEIPT: AEFB",
  "X-SES-DKIM-SIGNATURE: a=rsa-sha256; v=1;",
  "",
].join("\r\n");

test("row 19: order and folding, to the byte", () => expect(block()).toBe(golden));

test("row 15: without a scan the two verdict headers are missing, the other six are there", () => {
  expect(block({ scan: undefined })).toBe(golden.replace(/X-SES-(?:Spam|Virus)-Verdict: PASS\r\n/g, ""));
});

test.for<[SpfResult, string]>([
  ["pass", "domain of d.example designates 203.0.113.25 as permitted sender"],
  ["fail", "domain of d.example does not designate 203.0.113.25 as permitted sender"],
  ["softfail", "transitioning domain of d.example does not designate 203.0.113.25 as permitted sender"],
  ["neutral", "203.0.113.25 is neither permitted nor denied by domain of d.example"],
  ["none", "203.0.113.25 is neither permitted nor denied by domain of d.example"],
  ["permerror", "Error in processing SPF Record"],
  ["temperror", "Error in retrieving data from DNS"],
])("the comment of SPF %s", ([result, comment]) => {
  const text = block({ authentication: { ...authentication, spf: { result, domain: "d.example" } } });
  expect(text.split(`${result} (spfCheck: ${comment}) client-ip=`)).toHaveLength(3);
});

test("one dkim clause per signature, none when unsigned; dmarc none and fail", () => {
  const clauses = (found: Partial<Authentication>) =>
    block({ authentication: { ...authentication, ...found } })
      .split("\r\n")
      .filter((line) => /^ d(?:kim|marc)=/.test(line));
  const dmarc = { result: "none", domain: "sender.example" } as const;
  expect(clauses({ dkim: [], dmarc })).toEqual([" dmarc=none header.from=sender.example;"]);
  const finding = { domain: "x.example", selector: "s", aligned: false };
  const dkim = [{ ...finding, result: "fail" } as const, { ...finding, result: "neutral", domain: "" } as const];
  expect(clauses({ dkim, dmarc: { result: "fail", domain: "" } })).toEqual([
    " dkim=fail header.i=@x.example;",
    " dkim=neutral;",
    " dmarc=fail;",
  ]);
});

test("the null sender: an empty Return-Path, and SPF of postmaster at the HELO name", () => {
  const text = block({ envelopeFrom: "" });
  expect(text).toContain("Return-Path: <>\r\n");
  expect(text).toContain("envelope-from=postmaster@mx.sender.example;");
});

test("a client without a name", () => {
  const { rdns: _, ...client } = input.client;
  expect(block({ client })).toContain("Received: from mx.sender.example ([203.0.113.25])\r\n");
});

test("a HELO that would forge headers or clauses stays one word", () => {
  const helo = "x;\r\n dkim=pass header.i=@bank.example;\r\nX-Forged: yes\r\n\r\n";
  const text = block({
    client: { ip: "203.0.113.25", helo },
    envelopeFrom: '"; dkim=pass header.i=@bank.example"@x.example',
  });
  expect(text.split("\r\n")).toHaveLength(golden.split("\r\n").length);
  expect(text).not.toMatch(/^X-Forged/m);
  expect(text.match(/; ?dkim=pass header\.i=@bank/g) ?? []).toHaveLength(1); // in the quotes of Return-Path, as sent
});

test("whatever strangers say, the block has the same headers in the same order", () => {
  const names = parseHeaderSection(Buffer.from(`${golden}\r\n`)).headers.map(({ name }) => name);
  const hostile = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(
    fc.property(hostile, hostile, hostile, hostile, hostile, (helo, rdns, from, recipient, domain) => {
      const bytes = buildHeaderBlock(
        {
          ...input,
          client: { helo, rdns, ip: "203.0.113.25" },
          envelopeFrom: from,
          recipient,
          authentication: {
            spf: { result: "none", domain },
            dkim: [{ result: "fail", domain, selector: "", aligned: false }],
            dmarc: { result: "none", domain },
          },
        },
        opaque,
      );
      const section = parseHeaderSection(Buffer.concat([bytes, Buffer.from("\r\n")]));
      expect(section.headers.map(({ name }) => name)).toEqual(names);
      expect(section.malformed).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test("the opaque headers have SES's form, depend on key and message, and come out the same again", () => {
  const signer = createReceiptSigner(new Uint8Array(32).fill(7));
  const request = {
    sesMessageId: input.sesMessageId,
    region: "eu-west-1",
    recipient: "a@x.example",
    signedAt: input.receivedAt,
  };
  const { receipt, dkimSignature } = signer(request);
  expect(signer(request)).toEqual({ receipt, dkimSignature });
  const inner = Buffer.from(receipt, "base64");
  expect(inner).toHaveLength(313);
  expect(inner[0]).toBe(0);
  expect(inner.subarray(1).toString()).toMatch(/^[A-Za-z0-9+/]+=*$/);
  expect(dkimSignature).toMatch(
    /^a=rsa-sha256; q=dns\/txt; b=[A-Za-z0-9+/]{171}=; c=relaxed\/simple; s=[a-z2-7]{32}; d=amazonses\.com; t=1785834902; v=1; bh=[A-Za-z0-9+/]{43}=; h=From:To:Cc:Bcc:Subject:Date:Message-ID:MIME-Version:Content-Type:X-SES-RECEIPT;$/,
  );
  expect(signer({ ...request, recipient: "b@x.example" }).receipt).not.toBe(receipt);
  expect(createReceiptSigner(new Uint8Array(32))(request).receipt).not.toBe(receipt);
  expect(() => createReceiptSigner(new Uint8Array(15))).toThrow(RangeError);
});

test("added headers stand behind the block, one line each", () => {
  const headers = [
    { name: "X-One", value: "caf\u00e9" },
    { name: "X-Two", value: "a\r\nX-Three: b" },
  ];
  expect(Buffer.from(buildAddedHeaders(headers)).toString()).toBe("X-One: caf\u00e9\r\nX-Two: a X-Three: b\r\n");
});

test("row 20: what lies behind the block is what DATA brought", () => {
  const raw = Buffer.from(
    "Received: from evil\r\nX-SES-Spam-Verdict: PASS\r\n\r\n.\u0000\xff body without line end",
    "latin1",
  );
  const bytes = buildHeaderBlock(input, opaque);
  const stored = Buffer.concat([bytes, raw]);
  expect(stored.subarray(bytes.length)).toEqual(raw);
  expect(parseHeaderSection(stored).headers.filter(({ name }) => name === "X-SES-Spam-Verdict")).toHaveLength(2);
});
