import { expect, test } from "vitest";
import { composeForward } from "../../../shared/delivery/compose-forward.ts";
import { type ForwardFacts, planForward } from "../../../shared/delivery/plan-forward.ts";
import { headerValue, headerValues, parseHeaderSection } from "../../../shared/mail/headers.ts";
import { passing } from "../streams/stream-fixture.ts";

const facts: ForwardFacts = {
  via: "smarthost",
  recipient: "ann@example.com",
  headers: [],
  sizeBytes: 10_000,
  verdicts: passing,
  authorDomain: "sender.example",
  results: "amazonses.com; spf=pass; dkim=pass header.i=@sender.example; dmarc=pass header.from=sender.example;",
};
const spfOnly = "amazonses.com; spf=pass; dmarc=pass header.from=sender.example;";
const hop = (value: string) => ({ name: "X-Mailweir-Forwarded-For", value });

test.for<[string, Partial<ForwardFacts>, Record<string, unknown>]>([
  ["an aligned signature survives", {}, { kind: "send", from: "unchanged" }],
  ["through SES From is always ours", { via: "ses" }, { kind: "send", from: "rewritten" }],
  ["SPF alone does not survive", { results: spfOnly }, { kind: "send", from: "rewritten" }],
  [
    "one of several signatures is enough",
    {
      results: `${spfOnly} dkim=fail header.i=@sender.example; dkim=pass header.i=@esp.example; dkim=pass header.i=@sender.example;`,
    },
    { from: "unchanged" },
  ],
  [
    "a signature of somebody else's is not",
    { results: `${spfOnly} dkim=pass header.i=@esp.example;` },
    { from: "rewritten" },
  ],
  [
    "DMARC that passed without SPF passed by a signature",
    { results: `${spfOnly} dkim=pass header.i=@mail.sender.example;`, verdicts: { ...passing, spf: "FAIL" } },
    { from: "unchanged" },
  ],
  ["without a policy nobody refuses", { results: "", verdicts: { ...passing, dmarc: "GRAY" } }, { from: "unchanged" }],
  [
    "a policy that fails is met by our own From",
    { results: "", verdicts: { ...passing, dmarc: "FAIL" } },
    { from: "rewritten" },
  ],
  ["without an author ours stands in", { authorDomain: undefined }, { from: "rewritten" }],
  ["a mail that comes back for the same recipient", { headers: [hop("Ann@example.com")] }, { kind: "loop" }],
  ["one for another recipient goes on", { headers: [hop("bob@example.com")] }, { kind: "send" }],
  ["five forwards", { headers: ["a", "b", "c", "d", "e"].map((name) => hop(`${name}@x.example`)) }, { kind: "loop" }],
  ["51 servers", { headers: Array.from({ length: 51 }, () => ({ name: "Received", value: "x" })) }, { kind: "loop" }],
  ["too large", { sizeBytes: 1_000_001 }, { kind: "too-large" }],
])("%s", ([, given, expected]) => {
  expect(planForward({ ...facts, ...given }, { maxBytes: 1_000_000 })).toMatchObject(expected);
});

const block =
  "Return-Path: <ann@sender.example>\r\nReceived: from x by inbound-smtp\r\n id 1; now\r\nX-SES-RECEIPT: A\r\nX-SES-DKIM-SIGNATURE: a=rsa\r\n";
const own =
  "From: =?UTF-8?Q?J=C3=B6rg?= <ann@sender.example>\r\nTo: Team <team@example.com>\r\nSubject: a\r\nSubject: b\r\nDKIM-Signature: v=1; b=x\r\nDKIM-Signature: v=1;\r\n b=y\r\nSender: s@sender.example\r\nBcc: hidden@sender.example\r\n";
const body = "\r\nCaf\xe9\r\nFrom the body\n.\r\n\0";
const compose = (via: "ses" | "smarthost", from: "unchanged" | "rewritten", head = own, name = 'Jörg "X" <a@b>') =>
  Buffer.from(
    composeForward({
      raw: Buffer.from(block + head + body, "latin1"),
      via,
      from,
      recipient: "team@example.com",
      sender: "forwarded@example.com",
      author: { name, address: "ann@sender.example" },
    }),
  ).toString("latin1");

test("unchanged mail keeps every octet of its author's; only SES's own fields go", () => {
  expect(compose("smarthost", "unchanged")).toBe(
    `X-Mailweir-Forwarded-For: team@example.com\r\nReceived: from x by inbound-smtp\r\n id 1; now\r\n${own}${body}`,
  );
});

test.for([
  "ses",
  "smarthost",
] as const)("rewritten for %s: our From, answers to the author, one of each field", (via) => {
  const mail = compose(via, "rewritten");
  const { headers, bodyOffset } = parseHeaderSection(Buffer.from(mail, "latin1"));
  expect(headerValues(headers, "From")).toHaveLength(1);
  expect(headerValue(headers, "From")).toMatch(/^=\?UTF-8\?B\?.*\?= <forwarded@example\.com>$/);
  expect(headerValue(headers, "Reply-To")).toBe("=?UTF-8?Q?J=C3=B6rg?= <ann@sender.example>");
  expect(headerValues(headers, "Subject")).toEqual(["a"]);
  expect(headerValue(headers, "To")).toBe("Team <team@example.com>");
  for (const name of ["DKIM-Signature", "Return-Path", "Sender", "Bcc", "X-SES-RECEIPT"]) {
    expect(headerValue(headers, name), name).toBeUndefined();
  }
  expect(`\r\n${mail.slice(bodyOffset)}`).toBe(body);
});

test("a Reply-To of the author's stays, and a long name breaks no line", () => {
  const mail = compose(
    "ses",
    "rewritten",
    `Reply-To: desk@sender.example\r\n${own}`,
    `${"ö".repeat(200)}\r\nBcc: x@y.example`,
  );
  const { headers } = parseHeaderSection(Buffer.from(mail, "latin1"));
  expect(headerValues(headers, "Reply-To")).toEqual(["desk@sender.example"]);
  expect(headerValue(headers, "Bcc")).toBeUndefined();
  expect(
    Math.max(
      ...mail
        .slice(0, mail.indexOf("\r\n\r\n"))
        .split("\r\n")
        .map((line) => line.length),
    ),
  ).toBeLessThan(998);
});
