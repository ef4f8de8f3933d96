import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseHeaderSection } from "../../../shared/mail/headers.ts";
import { type JudgeInput, judge } from "../../../shared/mail/judge.ts";
import type { Judgement, Verdicts } from "../../../shared/mail/judgement.ts";
import { parseMail } from "../../../shared/mail/parse-mail.ts";

const good: Verdicts = { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" };

function given(lines: string, overrides: Partial<JudgeInput> = {}): JudgeInput {
  const text = `From: Ann <ann@a.example>\nTo: help@in.example\n${lines}\n\n`;
  const own = lines.match(/^from:/im) ? text.slice(text.indexOf("\n") + 1) : text;
  return {
    headers: parseHeaderSection(Buffer.from(own.replaceAll("\n", "\r\n"))).headers,
    headersTruncated: false,
    envelopeFrom: "ann@a.example",
    recipients: ["help@in.example"],
    ...overrides,
  };
}

describe("nature, from headers alone", () => {
  test.for<[string, string, Partial<JudgeInput>, Judgement["nature"]["kind"]]>([
    ["a person writes", "Subject: Question about order 7", {}, "human"],
    ["a person forwards a bounce", "Subject: FW: Undelivered Mail Returned to Sender", {}, "human"],
    ["a person answers an automatic reply", "Subject: Re: Automatic reply: holidays", {}, "human"],
    ["Auto-Submitted: no speaks of a person", "Auto-Submitted: no", {}, "human"],
    ["an RFC 3464 report", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", {}, "bounce"],
    [
      "a daemon's text report",
      "From: MAILER-DAEMON@mx.example\nSubject: failure notice",
      { envelopeFrom: "" },
      "bounce",
    ],
    [
      "Exim says auto-replied in its bounces",
      "From: Mailer-Daemon@mx.example\nSubject: Mail delivery failed: returning message to sender\nX-Failed-Recipients: x@y.example\nAuto-Submitted: auto-replied",
      { envelopeFrom: "" },
      "bounce",
    ],
    [
      "a Russian report from <>",
      "Subject: =?utf-8?b?0JLQsNGI0LUg0YHQvtC+0LHRidC10L3QuNC1INC90LUg0LTQvtGB0YLQsNCy0LvQtdC90L4=?=",
      { envelopeFrom: "" },
      "bounce",
    ],
    [
      "a bounce to a list's administration wears its headers",
      "From: MAILER-DAEMON@mx.example\nTo: news-bounces@in.example\nSubject: Undelivered Mail\nList-Id: <news.in.example>",
      { recipients: ["news-bounces@in.example"] },
      "bounce",
    ],
    [
      "a bounce that a list passed on to subscribers",
      "From: MAILER-DAEMON@mx.example\nTo: news@list.example\nSubject: Undelivered Mail\nList-Id: <news.list.example>",
      { envelopeFrom: "news-bounces@list.example" },
      "list",
    ],
    ["a feedback report", "Content-Type: multipart/report; report-type=feedback-report", {}, "complaint"],
    ["a read receipt", "Content-Type: multipart/report; report-type=disposition-notification", {}, "mdn"],
    [
      "Sieve's reject is a refusal",
      "Auto-Submitted: auto-replied (rejected)\nContent-Type: multipart/report; report-type=disposition-notification",
      {},
      "bounce",
    ],
    ["RFC 3834", "Auto-Submitted: auto-replied", {}, "auto-reply"],
    ["a vendor's header", "X-Autoreply: yes", {}, "auto-reply"],
    ["away, in German", "Subject: Abwesenheitsnotiz: Bestellung", {}, "auto-reply"],
    ["away, in Japanese", "Subject: =?utf-8?b?6Ieq5YuV5b+c562UOiDms6jmloc=?=", {}, "auto-reply"],
    [
      "auto-generated in answer to somebody else",
      "Auto-Submitted: auto-generated\nIn-Reply-To: <1@in.example>",
      {},
      "auto-reply",
    ],
    ["auto-generated in its own thread", "Auto-Submitted: auto-generated\nIn-Reply-To: <1@a.example>", {}, "machine"],
    ["List-Id", "List-Id: News <news.a.example>", {}, "list"],
    ["Precedence alone makes no machine", "Precedence: bulk", {}, "list"],
    ["a list of old", "Sender: owner-talk@list.example", {}, "list"],
    [
      "a mail client's unsubscribe",
      "Subject: unsubscribe",
      { recipients: ["unsubscribe@in.example"] },
      "unsubscribe-request",
    ],
    ["a polite one", "Subject: Please unsubscribe me", {}, "unsubscribe-request"],
    [
      "a question about unsubscribing is a person's",
      "Subject: How do customers unsubscribe from our product?",
      {},
      "human",
    ],
    ["a vacation reply to an unsubscribe mail", "Subject: unsubscribe\nAuto-Submitted: auto-replied", {}, "auto-reply"],
    [
      "a bounce to the unsubscribe address",
      "Subject: unsubscribe\nFrom: MAILER-DAEMON@mx.example",
      { envelopeFrom: "", recipients: ["unsubscribe@in.example"] },
      "bounce",
    ],
    ["nobody reads no-reply", "From: no-reply@a.example\nSubject: Your receipt", {}, "machine"],
    [
      "a DMARC report from a postmaster",
      "From: postmaster@mx.example\nSubject: Report Domain: in.example Submitter: mx.example Report-ID: <1>",
      { envelopeFrom: "postmaster@mx.example" },
      "machine",
    ],
  ])("%s", ([, lines, overrides, kind]) => {
    const { nature } = judge(given(lines, overrides));
    expect(nature.kind).toBe(kind);
    expect(nature.evidence.length).toBeGreaterThan(0);
  });
});

describe("trust", () => {
  const dkimAlone = { verdicts: { ...good, spf: "GRAY" } } as const;
  const signedBy = (tags: string, domain = "mail.a.example") =>
    `DKIM-Signature: v=1; a=rsa-sha256; d=${domain}; s=s; bh=YQ==; b=YQ==; h=${tags}`;
  test.for<[string, string, Partial<JudgeInput>, Judgement["trust"]]>([
    ["DMARC passes", "", { verdicts: good }, "aligned"],
    ["DKIM passes for a domain without DMARC", "", { verdicts: { ...good, dmarc: "GRAY", spf: "FAIL" } }, "aligned"],
    [
      "SPF passes for a subdomain of the author's",
      "",
      { verdicts: { ...good, dmarc: "GRAY", dkim: "GRAY" }, envelopeFrom: "x@bounce.a.example" },
      "aligned",
    ],
    [
      "SPF passes for a stranger",
      "",
      { verdicts: { ...good, dmarc: "GRAY", dkim: "GRAY" }, envelopeFrom: "x@other.example" },
      "unaligned",
    ],
    [
      "two customers of one host are strangers",
      "From: x@ann.github.io",
      { verdicts: { ...good, dmarc: "GRAY", dkim: "GRAY" }, envelopeFrom: "x@bob.github.io" },
      "unaligned",
    ],
    [
      "SPF of the null sender says nothing about the author",
      "",
      { verdicts: { ...good, dmarc: "GRAY", dkim: "GRAY" }, envelopeFrom: "" },
      "unaligned",
    ],
    ["DMARC fails", "", { verdicts: { ...good, dmarc: "FAIL" } }, "failed"],
    ["two authors", "From: a@a.example, b@b.example", { verdicts: good }, "unaligned"],
    ["two From fields", "From: a@a.example\nFrom: b@b.example", { verdicts: good }, "unaligned"],
    ["DKIM alone, and it covers what is shown", `Subject: a\n${signedBy("from:subject")}`, dkimAlone, "aligned"],
    ["text may stand behind l=", `Subject: a\n${signedBy("from:subject; l=10")}`, dkimAlone, "unaligned"],
    ["the Subject is not signed", `Subject: a\n${signedBy("from")}`, dkimAlone, "unaligned"],
    ["a Reply-To that is not signed", `${signedBy("from:subject")}\nReply-To: x@b.example`, dkimAlone, "unaligned"],
    ["a second Subject", `Subject: evil\nSubject: a\n${signedBy("from:subject")}`, dkimAlone, "unaligned"],
    ["a second Content-Type", `Content-Type: text/plain\ncontent-type: text/html`, dkimAlone, "unaligned"],
    ["one of two signatures is open", `${signedBy("from:subject")}\n${signedBy("from; l=0")}`, dkimAlone, "unaligned"],
    [
      "a stranger's open signature beside the author's",
      `${signedBy("from:subject")}\n${signedBy("from; l=0", "list.example")}`,
      dkimAlone,
      "aligned",
    ],
    ["SPF vouches for the way itself", signedBy("from; l=0"), { verdicts: good }, "aligned"],
    ["our own token", "", { verdicts: { ...good, dmarc: "FAIL" }, replyTokenValid: true }, "token"],
    ["nobody checked", "", {}, "unaligned"],
  ])("%s", ([, lines, overrides, trust]) => expect(judge(given(lines, overrides)).trust).toBe(trust));
});

describe("safety", () => {
  test.for<[string, Partial<Verdicts>, Judgement["safety"]["kind"]]>([
    ["all passes", {}, "clean"],
    ["a virus", { virus: "FAIL" }, "suspicious"],
    ["a virus scan in doubt", { virus: "GRAY" }, "suspicious"],
    ["a virus scan that did not run", { virus: "PROCESSING_FAILED" }, "suspicious"],
    ["no scan asked for", { virus: "DISABLED", spam: "DISABLED" }, "clean"],
    ["spam", { spam: "FAIL" }, "suspicious"],
    ["spam in doubt", { spam: "GRAY" }, "clean"],
    ["DMARC fails and the domain asks to reject", { dmarc: "FAIL", dmarcPolicy: "reject" }, "suspicious"],
    ["DMARC fails and the domain asks for nothing", { dmarc: "FAIL", dmarcPolicy: "none" }, "clean"],
  ])("%s", ([, verdicts, kind]) => {
    const { safety } = judge(given("", { verdicts: { ...good, ...verdicts } }));
    expect(safety.kind).toBe(kind);
    expect(safety.reasons.length > 0).toBe(kind === "suspicious");
  });
});

describe("complete", () => {
  test.for<[string, string, Partial<JudgeInput>, boolean]>([
    ["an ordinary new mail needs no body", "Subject: Question", {}, true],
    ["what was cut off may overrule", "Subject: Question", { headersTruncated: true }, false],
    [
      "a report names itself even when cut",
      "Content-Type: multipart/report; report-type=delivery-status",
      { headersTruncated: true },
      true,
    ],
    ["a daemon's words may be a report's", "From: MAILER-DAEMON@a.example\nSubject: Hello", {}, false],
    ["a reply may say nothing but stop", "Subject: Re: News", {}, false],
    ["a reply in a ticket needs no body", "Subject: Re: News", { recipients: ["help+t1@in.example"] }, true],
    [
      "which feedback it is stands in the body",
      "Content-Type: multipart/report; report-type=feedback-report",
      {},
      false,
    ],
  ])("%s", ([, lines, overrides, complete]) => expect(judge(given(lines, overrides)).complete).toBe(complete));
});

describe("with the body", () => {
  const read = (name: string) => readFileSync(new URL(`../../mail/${name}`, import.meta.url));
  test.for<[string, string, Judgement["nature"]["kind"]]>([
    ["dsn-postfix.eml", "", "bounce"],
    ["bounce-qmail.eml", "", "bounce"],
    ["complaint-arf.eml", "fbl@isp.example", "complaint"],
    ["unsubscribe-reply.eml", "ann@customer.example", "unsubscribe-request"],
    ["human-iso-2022-jp-undeclared.eml", "ken@customer.example", "human"],
  ])("%s", async ([name, envelopeFrom, kind]) => {
    const body = await parseMail(read(name));
    const judgement = judge({ headers: body.headers, headersTruncated: false, envelopeFrom, recipients: [], body });
    expect(judgement).toMatchObject({ nature: { kind }, complete: true });
  });

  test("feedback about authentication is no complaint", async () => {
    const body = await parseMail(
      Buffer.from(
        read("complaint-arf.eml").toString("latin1").replace("Feedback-Type: abuse", "Feedback-Type: auth-failure"),
      ),
    );
    expect(
      judge({ headers: body.headers, headersTruncated: false, envelopeFrom: "", recipients: [], body }).nature.kind,
    ).toBe("machine");
  });
});
