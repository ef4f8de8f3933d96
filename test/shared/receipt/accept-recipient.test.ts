import { expect, test } from "vitest";
import { acceptRecipient, type RecipientQuestion } from "../../../shared/receipt/accept-recipient.ts";
import { acceptedReply, formatReply, replies } from "../../../shared/receipt/replies.ts";
import { createSesMessageId } from "../../../shared/ses-message-id.ts";
import { rule, ruleSet } from "./rule-sets.ts";

const ask = (question: Partial<RecipientQuestion> & { recipient: string }) =>
  acceptRecipient({
    ruleSet: ruleSet(rule("all")),
    verifiedDomains: ["shop.example"],
    client: { tls: true },
    ...question,
  });
const replyTo = (question: Partial<RecipientQuestion> & { recipient: string }) => {
  const decision = ask(question);
  return decision.accept ? "250" : formatReply(decision.reply);
};

const unavailable = "550 5.1.1 Requested action not taken: mailbox unavailable";
const only = (...recipients: string[]) => ruleSet(rule("one", { recipients }));
const required = rule("tls", { tlsPolicy: "Require" });

test.for<[string, Partial<RecipientQuestion> & { recipient: string }, string]>([
  ["row 1: no active rule set", { ruleSet: undefined, recipient: "<a@shop.example>" }, unavailable],
  ["a set without rules", { ruleSet: ruleSet(), recipient: "<a@shop.example>" }, unavailable],
  [
    "every rule disabled",
    { ruleSet: ruleSet(rule("off", { enabled: false })), recipient: "a@shop.example" },
    unavailable,
  ],
  ["row 2: the address that the rule names", { ruleSet: only("a@shop.example"), recipient: "a@shop.example" }, "250"],
  ["row 2: another address", { ruleSet: only("a@shop.example"), recipient: "b@shop.example" }, unavailable],
  ["row 3: .domain and the domain", { ruleSet: only(".shop.example"), recipient: "x@shop.example" }, unavailable],
  ["row 3: .domain and a subdomain", { ruleSet: only(".shop.example"), recipient: "x@eu.shop.example" }, "250"],
  ["row 4: domain and a subdomain", { ruleSet: only("shop.example"), recipient: "x@eu.shop.example" }, unavailable],
  ["row 7: upper case", { ruleSet: only("user@shop.example"), recipient: "USER@SHOP.EXAMPLE" }, "250"],
  ["a verified domain covers its subdomains", { recipient: "x@a.eu.shop.example" }, "250"],
  ["a catch-all takes no unverified domain", { recipient: "x@other.example" }, unavailable],
  ["a domain that only ends alike is not verified", { recipient: "x@myshop.example" }, unavailable],
  ["a rule for an unverified domain", { ruleSet: only("other.example"), recipient: "x@other.example" }, unavailable],
  ["a verified IDN", { verifiedDomains: ["b\u00fccher.example"], recipient: "x@xn--bcher-kva.example" }, "250"],
  ["an address literal", { recipient: "x@[203.0.113.9]" }, unavailable],
  ["postmaster without domain", { recipient: "<postmaster>" }, unavailable],
  ["a trailing dot", { recipient: "x@shop.example." }, "250"],
  ["no address at all", { recipient: "a b@shop.example" }, "501 5.1.3 Bad recipient address syntax"],
  ["UTF-8 without SMTPUTF8", { recipient: "\u00e4nn@shop.example" }, formatReply(replies.nonAsciiLocalPart)],
  ["UTF-8 with SMTPUTF8", { recipient: "\u00e4nn@shop.example", client: { tls: true, smtputf8: true } }, "250"],
  [
    "row 13: every matching rule requires TLS, and the session is in clear",
    { ruleSet: ruleSet(required), recipient: "x@shop.example", client: { tls: false } },
    "530 5.7.0 Must issue a STARTTLS command first",
  ],
  ["row 13: the same over TLS", { ruleSet: ruleSet(required), recipient: "x@shop.example" }, "250"],
  [
    "an Optional rule beside a Require rule lets clear sessions in",
    { ruleSet: ruleSet(required, rule("all")), recipient: "x@shop.example", client: { tls: false } },
    "250",
  ],
  [
    "a disabled Optional rule does not",
    {
      ruleSet: ruleSet(required, rule("off", { enabled: false })),
      recipient: "x@shop.example",
      client: { tls: false },
    },
    "530 5.7.0 Must issue a STARTTLS command first",
  ],
])("%s", ([, question, expected]) => expect(replyTo(question)).toBe(expected));

test("an accepted recipient comes with its address and the rules that match", () => {
  const rules = ruleSet(rule("off", { enabled: false }), rule("a", { recipients: ["a@shop.example"] }), rule("all"));
  expect(ask({ ruleSet: rules, recipient: "<A+x@Shop.example>" })).toEqual({
    accept: true,
    address: { localPart: "A+x", domain: "shop.example" },
    rules: ["a", "all"],
  });
});

test("what the client is told names no rule, what the operator is told does", () => {
  const decision = ask({ ruleSet: ruleSet(required), recipient: "x@shop.example", client: { tls: false } });
  expect(decision).toMatchObject({ accept: false, reason: expect.stringContaining('"tls"') });
  expect(decision.accept ? "" : formatReply(decision.reply)).not.toContain('"tls"');
});

test("row 14: the reply to the end of DATA carries the SES id", () => {
  const id = createSesMessageId(new Uint8Array(24).fill(0xa7));
  expect(formatReply(acceptedReply(id))).toBe(`250 OK ${id}`);
  expect(id).toMatch(/^[0-9a-v]{38}[08go]1$/);
});

test("row 10: the refusal of a blocked client", () => {
  expect(formatReply(replies.clientBlocked)).toBe("550 5.7.1 IP address blacklisted by recipient");
});
