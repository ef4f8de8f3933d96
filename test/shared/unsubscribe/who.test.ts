import { expect, test } from "vitest";
import type { Header } from "../../../shared/mail/headers.ts";
import type { Nature, Trust } from "../../../shared/mail/judgement.ts";
import { createTokens } from "../../../shared/tokens/tokens.ts";
import { createPersonOf } from "../../../shared/unsubscribe/person.ts";
import { decideWho } from "../../../shared/unsubscribe/who.ts";
import { judgement, testConfig } from "../streams/stream-fixture.ts";

interface Given {
  readonly nature?: Nature;
  readonly trust?: Trust;
  readonly from?: string;
  readonly author?: string;
  readonly answers?: boolean;
  readonly subject?: string;
  readonly text?: string;
  readonly headers?: readonly Header[];
}

const ring = { keys: [{ id: "a", secret: "an example secret of the first key" }] };
const personOf = createPersonOf(ring);

/** A mail to unsubscribe@example.com that asks in its subject, unless a row says otherwise. */
function who({
  nature,
  trust = "aligned",
  from = "ann@sender.example",
  author = "Ann@Sender.example",
  ...given
}: Given) {
  const subject = given.subject ?? "unsubscribe";
  return decideWho(
    { config: testConfig(), tokens: createTokens(ring), personOf, now: new Date("2026-08-04T09:15:02.417Z") },
    {
      message: {
        nature: judgement(nature).nature,
        trust,
        envelope: { from, to: ["unsubscribe@example.com"] },
        headers: {
          ...(author !== "" && { author: { name: "Ann", address: author } }),
          subject,
          ...(given.answers === true && { inReplyTo: ["<newsletter@example.com>"] }),
        },
      },
      recipient: "unsubscribe@example.com",
      headers: [
        ...(author === "" ? [] : [{ name: "From", value: author }]),
        { name: "To", value: "unsubscribe@example.com" },
        ...(given.headers ?? []),
      ],
      subject,
      text: given.text ?? "",
      isForward: false,
      hasFiles: false,
    },
  );
}

const one = (name: string, value: string) => ({ headers: [{ name, value }] });

test.for<[string, Given]>([
  ["a request in words", {}],
  ["a request that the judge recognised", { nature: "unsubscribe-request" }],
  ["a request as an answer to the newsletter", { answers: true, subject: "Re: News", text: "stop" }],
  ["a mail that says itself that no machine sent it", one("Auto-Submitted", "No; by hand")],
  ["a company's common address", { author: "info@sender.example", from: "info@sender.example" }],
])("unsubscribed: %s", ([, given]) => {
  const address = given.author ?? "ann@sender.example";
  expect(who(given)).toMatchObject({ kind: "person", person: personOf(address), address, list: "*", by: "author" });
});

test.for<[string, Given]>([
  ["a From that nothing proves", { trust: "unaligned" }],
  ["a token in a reference proves that the mail was ours, not whose this one is", { trust: "token" }],
  ["a forged request in words", { nature: "unsubscribe-request", trust: "unaligned" }],
])("asked first: %s", ([, given]) => {
  expect(who(given)).toMatchObject({ kind: "ask", address: "ann@sender.example", list: "*" });
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
  ["a mail about something else", { subject: "Order 1207", text: "Hello" }, "not-a-request"],
  [
    "a request that the judge alone recognised",
    { nature: "unsubscribe-request", subject: "x", text: "y" },
    "not-a-request",
  ],
  [
    "an answer that asks for nothing: an out-of-office note without signs",
    { answers: true, subject: "Re: News", text: "I am at the sea." },
    "not-a-request",
  ],
  ["our own address as author", { author: "unsubscribe@example.com" }, "own-mail"],
  ["our bounces' sender as author", { author: "Mailer-Daemon@example.com" }, "own-mail"],
  ["no author at all", { author: "" }, "no-author"],
  ["an author that is no address", { author: "undisclosed" }, "no-author"],
])("nobody: %s", ([, given, outcome]) => {
  const answer = who(given);
  expect(answer).toMatchObject({ kind: "nobody", outcome });
  expect(answer.reasons.join("")).not.toBe("");
});
