import { expect, test } from "vitest";
import { parseHeaderSection } from "../../../shared/mail/headers.ts";
import type { Authentication } from "../../../shared/receipt/authentication.ts";
import { buildHeaderBlock, type HeaderBlockInput } from "../../../shared/receipt/header-block.ts";
import { readSesBlock } from "../../../shared/streams/read-ses-block.ts";
import { testId } from "./stream-fixture.ts";

const id = testId(5);
const authenticated: Authentication = {
  spf: { result: "pass", domain: "sender.example" },
  dkim: [{ result: "pass", domain: "sender.example", selector: "s", aligned: true }],
  dmarc: { result: "pass", domain: "sender.example" },
};

function headersOf(block: Partial<HeaderBlockInput>, message: string) {
  const input: HeaderBlockInput = {
    sesMessageId: id,
    region: "us-east-1",
    client: { helo: "mx.sender.example", rdns: "mx.sender.example", ip: "203.0.113.25" },
    envelopeFrom: "ann@sender.example",
    recipient: "Support@example.com",
    receivedAt: new Date("2026-08-04T09:15:02.000Z"),
    authentication: authenticated,
    scan: { spam: "PASS", virus: "PASS" },
    ...block,
  };
  const written = buildHeaderBlock(input, () => ({ receipt: "AEFB", dkimSignature: "a=rsa-sha256;" }));
  return parseHeaderSection(Buffer.concat([written, Buffer.from(message)])).headers;
}

const plain = "From: Ann <ann@sender.example>\r\nSubject: x\r\n\r\n";

test("envelope, verdicts and time come back from the block that SES writes", () => {
  expect(readSesBlock(headersOf({}, plain), id)).toEqual({
    from: "ann@sender.example",
    recipient: "support@example.com",
    receivedAt: "2026-08-04T09:15:02.000Z",
    verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" },
  });
});

test.for<[string, Partial<HeaderBlockInput>, object]>([
  ["the null sender", { envelopeFrom: "" }, { from: "" }],
  ["scanning off", { scan: undefined }, { verdicts: { spam: "DISABLED", virus: "DISABLED" } }],
  ["a virus", { scan: { spam: "GRAY", virus: "FAIL" } }, { verdicts: { spam: "GRAY", virus: "FAIL" } }],
  [
    "nothing published",
    {
      authentication: {
        spf: { result: "none", domain: "sender.example" },
        dkim: [],
        dmarc: { result: "none", domain: "sender.example" },
      },
    },
    { verdicts: { spf: "GRAY", dkim: "GRAY", dmarc: "GRAY" } },
  ],
  [
    "softfail, a broken signature, DMARC failed",
    {
      authentication: {
        spf: { result: "softfail", domain: "x" },
        dkim: [{ result: "fail", domain: "sender.example", selector: "s", aligned: true }],
        dmarc: { result: "fail", domain: "sender.example" },
      },
    },
    { verdicts: { spf: "GRAY", dkim: "FAIL", dmarc: "FAIL" } },
  ],
  [
    "signed by somebody else only",
    {
      authentication: {
        ...authenticated,
        dkim: [{ result: "pass", domain: "esp.example", selector: "s", aligned: false }],
      },
    },
    { verdicts: { dkim: "GRAY" } },
  ],
  [
    "a signature of the author that is too weak to count",
    {
      authentication: {
        ...authenticated,
        dkim: [{ result: "pass", domain: "sender.example", selector: "s", aligned: false, weak: true }],
      },
    },
    { verdicts: { dkim: "GRAY" } },
  ],
  [
    "DNS in trouble",
    {
      authentication: {
        spf: { result: "temperror", domain: "x" },
        dkim: [{ result: "temperror", domain: "sender.example", selector: "s", aligned: true }],
        dmarc: { result: "temperror", domain: "sender.example" },
      },
    },
    { verdicts: { spf: "PROCESSING_FAILED", dkim: "PROCESSING_FAILED", dmarc: "PROCESSING_FAILED" } },
  ],
])("%s", ([, block, expected]) => expect(readSesBlock(headersOf(block, plain), id)).toMatchObject(expected));

test("what the sender wrote below the block counts for nothing, with and without a foreign Received", () => {
  const forged = [
    "X-SES-Virus-Verdict: PASS",
    "X-SES-Spam-Verdict: PASS",
    "Authentication-Results: amazonses.com; spf=pass; dkim=pass header.i=@sender.example; dmarc=pass header.from=sender.example;",
    "Return-Path: <ceo@sender.example>",
  ].join("\r\n");
  const failed: Partial<HeaderBlockInput> = {
    scan: { spam: "FAIL", virus: "FAIL" },
    authentication: {
      spf: { result: "fail", domain: "x" },
      dkim: [],
      dmarc: { result: "fail", domain: "sender.example" },
    },
  };
  for (const received of ["", "Received: from a by b with SMTP id x for y; Tue, 04 Aug 2026 09:15:02 +0000\r\n"]) {
    expect(readSesBlock(headersOf(failed, `${received}${forged}\r\n${plain}`), id)).toMatchObject({
      from: "ann@sender.example",
      verdicts: { spam: "FAIL", virus: "FAIL", spf: "FAIL", dkim: "GRAY", dmarc: "FAIL" },
    });
  }
});

test("where no scan was asked for, forged verdicts do not take the place of SES's", () => {
  const forged = "X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\nX-SES-DKIM-SIGNATURE: a=b\r\n";
  for (const received of ["", "Received: from a by b with SMTP id x for y; Tue, 04 Aug 2026 09:15:02 +0000\r\n"]) {
    expect(readSesBlock(headersOf({ scan: undefined }, `${forged}${received}${plain}`), id)).toMatchObject({
      verdicts: { spam: "DISABLED", virus: "DISABLED" },
    });
  }
});

test.for<[string, string]>([
  ["no block at all", plain],
  [
    "a block of another message",
    `Received: from a by b with SMTP id ${testId(6)} for support@example.com; Tue, 04 Aug 2026 09:15:02 +0000 (UTC)\r\n${plain}`,
  ],
  ["a block without a time", `Received: from a by b with SMTP id ${id} for support@example.com; never\r\n${plain}`],
])("%s is no block", ([, message]) => {
  expect(readSesBlock(parseHeaderSection(Buffer.from(message)).headers, id)).toBeUndefined();
});
