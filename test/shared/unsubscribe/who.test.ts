import { expect, test } from "vitest";
import type { Header } from "../../../shared/mail/headers.ts";
import type { Nature, Trust } from "../../../shared/mail/judgement.ts";
import { decideWho } from "../../../shared/unsubscribe/who.ts";
import { judgement, testConfig } from "../streams/stream-fixture.ts";

interface Given {
  readonly nature?: Nature;
  readonly trust?: Trust;
  readonly from?: string;
  readonly author?: string;
  readonly answers?: boolean;
  readonly subject?: string;
  readonly headers?: readonly Header[];
}

function who({
  nature,
  trust = "aligned",
  from = "ann@sender.example",
  author = "Ann@Sender.example",
  ...given
}: Given) {
  return decideWho(testConfig(), {
    message: {
      nature: judgement(nature).nature,
      trust,
      envelope: { from, to: ["unsubscribe@example.com"] },
      headers: {
        ...(author !== "" && { author: { name: "Ann", address: author } }),
        ...(given.subject !== undefined && { subject: given.subject }),
        ...(given.answers === true && { inReplyTo: ["<newsletter@example.com>"] }),
      },
    },
    recipient: "unsubscribe@example.com",
    headers: given.headers ?? [],
  });
}

const one = (name: string, value: string) => ({ headers: [{ name, value }] });

test.for<[string, Given]>([
  ["a person's own mail, whatever it says", {}],
  ["a request in words", { nature: "unsubscribe-request" }],
  ["a request as an answer to the newsletter", { nature: "unsubscribe-request", answers: true }],
  ["a mail that says itself that no machine sent it", one("Auto-Submitted", "No; by hand")],
  ["a company's common address", { author: "info@sender.example", from: "info@sender.example" }],
  ["one of our own tokens is proof as well", { trust: "token" }],
])("unsubscribed: %s", ([, given]) => {
  const address = given.author ?? "ann@sender.example";
  expect(who(given)).toMatchObject({ kind: "person", address, list: "*" });
});

test.for<[string, Given, string]>([
  ["a bounce", { nature: "bounce", from: "" }, "automatic"],
  ["a vacation reply", { nature: "auto-reply" }, "automatic"],
  ["a read receipt", { nature: "mdn" }, "automatic"],
  ["a complaint report", { nature: "complaint" }, "automatic"],
  ["a machine", { nature: "machine" }, "automatic"],
  ["list mail", { nature: "list" }, "list-copy"],
  ["a mail from <> that looks human", { from: "" }, "automatic"],
  ["Auto-Submitted that the judge took for human", one("Auto-Submitted", "auto-replied (vacation)"), "automatic"],
  ["an old autoresponder's header", one("X-Autorespond", "yes"), "automatic"],
  ["Precedence: bulk", one("Precedence", "bulk"), "automatic"],
  ["a copy of our own newsletter", one("List-Unsubscribe", "<mailto:unsubscribe@example.com>"), "list-copy"],
  [
    "a DMARC report, which has no other sign",
    { subject: "Report Domain: example.com Submitter: mail.example Report-ID: 1" },
    "automatic",
  ],
  ["a DMARC report in another spelling", { subject: "Dmarc Aggregate Report Domain: {example.com}" }, "automatic"],
  ["an abuse desk", { author: "abuse@sender.example" }, "automatic"],
  ["a sender that reads no answers", { author: "No-Reply@sender.example" }, "automatic"],
  ["a list's own address", { author: "news-request@sender.example" }, "automatic"],
  ["a forged From", { trust: "failed" }, "not-authenticated"],
  ["a From that nothing proves", { trust: "unaligned" }, "not-authenticated"],
  ["a forged request in words", { nature: "unsubscribe-request", trust: "unaligned" }, "not-authenticated"],
  ["an answer that asks for nothing: an out-of-office note without signs", { answers: true }, "not-a-request"],
  ["our own address as author", { author: "unsubscribe@example.com" }, "own-mail"],
  ["our bounces' sender as author", { author: "Mailer-Daemon@example.com" }, "own-mail"],
  ["no author at all", { author: "" }, "no-author"],
  ["an author that is no address", { author: "undisclosed" }, "no-author"],
])("nobody: %s", ([, given, outcome]) => {
  const answer = who(given);
  expect(answer).toMatchObject({ kind: "nobody", outcome });
  expect(answer.reasons.join("")).not.toBe("");
});
