import { describe, expect, test } from "vitest";
import { judgePreflight, type PreflightCode, type PreflightFacts } from "../../../infra/deploy/preflight.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";

const base = { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } };
const fine: PreflightFacts = {
  accountId: "111122223333",
  stack: { known: null },
  sending: { known: { production: true, enabled: true, perDay: 50_000, perSecond: 14 } },
  identities: { "example.com": { known: null } },
  activeRuleSet: { known: null },
  ruleSets: { known: [] },
  filters: { known: [] },
  concurrency: { known: { total: 1_000, unreserved: 1_000 } },
  leftBehind: { bucket: { known: false }, tokenSecret: { known: false } },
  targets: {},
  deletesMailAfterDays: { known: null },
  shortens: { known: null },
  secrets: {},
  mx: { "example.com": { known: ["inbound-smtp.us-east-1.amazonaws.com."] } },
};
const updating = { stack: { known: "UPDATE_COMPLETE" } };
const verified = { identities: { "example.com": { known: { verified: true } } } };
const judged = (change: object, facts: Partial<PreflightFacts>) =>
  judgePreflight(
    resolveConfig({ ...base, ...change }, { stage: "prod", accountId: "111122223333" }),
    { ...fine, ...facts },
    { consumers: 10 },
  );

test("nothing is said where nothing is wrong", () => {
  expect(judged({}, {})).toEqual([]);
  expect(judged({}, { deletesMailAfterDays: { known: Number.POSITIVE_INFINITY } })).toEqual([]);
  expect(judged({ retention: { default: { days: 30 } } }, {})).toEqual([]);
  expect(judged({}, { ...updating, ...verified, activeRuleSet: { known: "mailweir-prod" } })).toEqual([]);
});

describe("what the preflight finds", () => {
  const many = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}${index}`);
  const streams = (more: object) => ({ streams: { ...base.streams, ...more } });
  const hook = (secretFrom: object) =>
    streams({ hooks: { recipients: ["h@example.com"], webhook: { url: "https://h.example.net/", secretFrom } } });
  const mailbox = (passwordFrom: object) => ({
    streams: {
      personal: { recipients: ["example.com"], delivery: { "ann@example.com": { imap: "home" } } },
    },
    personal: { imap: { home: { host: "imap.example.net", user: "ann", passwordFrom } } },
  });
  const tokens = (secretFrom: object) => ({ tokens: { keys: [{ id: "a", secretFrom }] } });
  test.for<[string, object, Partial<PreflightFacts>, PreflightCode, "error" | "warning" | "note"]>([
    ["somebody deploys just now", {}, { stack: { known: "UPDATE_IN_PROGRESS" } }, "stack-busy", "error"],
    ["the stack is stuck", {}, { stack: { known: "UPDATE_ROLLBACK_FAILED" } }, "stack-stuck", "error"],
    [
      "the account is in the sandbox",
      {},
      { sending: { known: { production: false, enabled: true, perDay: 200, perSecond: 1 } } },
      "sandbox",
      "warning",
    ],
    [
      "sending is switched off",
      {},
      { sending: { known: { production: true, enabled: false, perDay: 200, perSecond: 14 } } },
      "sending-off",
      "warning",
    ],
    [
      "sending is slow",
      {},
      { sending: { known: { production: true, enabled: true, perDay: 200, perSecond: 1 } } },
      "sending-slow",
      "note",
    ],
    ["the domain is SES's already", {}, verified, "identity-exists", "error"],
    ["the domain should be there", { aws: { identities: "existing" } }, {}, "identity-missing", "error"],
    [
      "the bounce sender's domain is not verified",
      {},
      { ...updating, identities: { "example.com": { known: { verified: false } } } },
      "bounce-sender-unverified",
      "warning",
    ],
    [
      "another domain is not verified",
      { domains: ["example.com", "example.org"] },
      {
        ...updating,
        identities: { "example.com": { known: { verified: true } }, "example.org": { known: { verified: false } } },
        mx: { ...fine.mx, "example.org": { known: ["inbound-smtp.us-east-1.amazonaws.com"] } },
      },
      "identity-unverified",
      "warning",
    ],
    ["another rule set is active", {}, { activeRuleSet: { known: "company" } }, "active-set", "error"],
    [
      "another stage is active, and takeOver is general",
      { aws: { takeOver: true } },
      { activeRuleSet: { known: "mailweir-dev" } },
      "active-set",
      "error",
    ],
    [
      "it is to be replaced",
      { aws: { takeOver: "company" } },
      { activeRuleSet: { known: "company" } },
      "active-set",
      "warning",
    ],
    [
      "somebody replaced ours",
      {},
      { ...updating, ...verified, activeRuleSet: { known: "company" } },
      "active-set",
      "warning",
    ],
    ["forty rule sets", {}, { ruleSets: { known: many(40, "set") } }, "too-many-rule-sets", "error"],
    [
      "a hundred filters and one",
      { ipFilters: [{ block: "203.0.113.9" }] },
      { filters: { known: many(100, "their-") } },
      "too-many-filters",
      "error",
    ],
    ["filters of others", {}, { filters: { known: ["office"] } }, "filters-of-others", "note"],
    [
      "a new account's concurrency",
      {},
      { concurrency: { known: { total: 10, unreserved: 10 } } },
      "little-concurrency",
      "warning",
    ],
    [
      "mail from before",
      {},
      { leftBehind: { bucket: { known: true }, tokenSecret: { known: false } } },
      "left-behind",
      "note",
    ],
    [
      "the secret from before",
      {},
      { leftBehind: { bucket: { known: false }, tokenSecret: { known: true } } },
      "secret-left-behind",
      "error",
    ],
    ["a target that is not there", {}, { targets: { theirs: { known: false } } }, "target-missing", "error"],
    ["a secret of the environment", tokens({ env: "TOKENS" }), {}, "secret-on-this-machine", "error"],
    ["a secret in a file", tokens({ file: "key" }), {}, "secret-on-this-machine", "error"],
    [
      "a stream's webhook with a secret of the environment",
      hook({ env: "HOOK" }),
      {},
      "secret-on-this-machine",
      "error",
    ],
    [
      "a changes' webhook with a secret of the environment",
      {
        unsubscribe: {
          propagate: { webhooks: { crm: { url: "https://crm.example.net/", secretFrom: { env: "CRM" } } } },
        },
      },
      {},
      "secret-on-this-machine",
      "error",
    ],
    [
      "a stream's secret that is not there",
      hook({ secretsManager: "mail-hook" }),
      { secrets: { "mail-hook": { known: false } } },
      "secret-missing",
      "error",
    ],
    [
      "a parameter that is not there",
      mailbox({ parameter: "/imap" }),
      { secrets: { "parameter /imap": { known: false } } },
      "secret-missing",
      "error",
    ],
    [
      "a secret that may not be looked at",
      hook({ secretsManager: "mail-hook" }),
      { secrets: { "mail-hook": { unknown: "AccessDeniedException" } } },
      "not-known",
      "note",
    ],
    [
      "mail is deleted sooner than before",
      { retention: { default: { days: 30 } } },
      {
        shortens: {
          known: { messages: 3, oldest: "2026-08-04T09:15:02.000Z", byKind: { "ticket human": 3 }, tickets: 2 },
        },
      },
      "retention-shorter",
      "warning",
    ],
    [
      "a lifecycle deleted mail until now",
      {},
      { deletesMailAfterDays: { known: 400 } },
      "lifecycle-replaced",
      "warning",
    ],
    [
      "nobody may ask what a period deletes",
      { retention: { default: { days: 30 } } },
      { shortens: { unknown: "AccessDenied" } },
      "not-known",
      "note",
    ],
    ["no MX record", {}, { mx: { "example.com": { known: [] } } }, "mx-missing", "warning"],
    ["mail goes elsewhere", {}, { mx: { "example.com": { known: ["mx.example.net"] } } }, "mx-elsewhere", "warning"],
    ["nobody may ask about sending", {}, { sending: { unknown: "AccessDeniedException" } }, "not-known", "note"],
  ])("%s", ([, change, facts, code, severity]) => {
    const findings = judged(change, facts);
    expect(findings.map((finding) => finding.code)).toEqual([code]);
    expect(findings[0]?.severity).toBe(severity);
    for (const part of [findings[0]?.at, findings[0]?.what, findings[0]?.why, findings[0]?.fix])
      expect(part).toMatch(/\S/);
  });
});

test("secrets in AWS are none of this machine's", () => {
  expect(judged({ tokens: { keys: [{ id: "a", secretFrom: { secretsManager: "mine" } }] } }, {})).toEqual([]);
});

test("errors come first", () => {
  const findings = judged({}, { mx: { "example.com": { known: [] } }, stack: { known: "UPDATE_ROLLBACK_FAILED" } });
  expect(findings.map(({ severity }) => severity)).toEqual(["error", "warning"]);
});
