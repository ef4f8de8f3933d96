import { describe, expect, test } from "vitest";
import { ConfigError, type ConfigFault } from "../../../shared/config/config-error.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";

const streams = { personal: { recipients: ["example.com"] } };
const base = { domains: ["example.com"], streams };

const stop = { type: "Stop", scope: "RuleSet" };
const rule = { name: "a", enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [], actions: [stop] };

const faultsOf = (input: unknown): readonly ConfigFault[] => {
  try {
    resolveConfig(input);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

const plainWebhook = { url: "http://shop.example.com/mail", secretFrom: { env: "HOOK" } };

describe("every mistake has its place, what is allowed, and a suggestion", () => {
  test.for<[string, unknown, Partial<ConfigFault>]>([
    [
      "no domains",
      { streams },
      { at: "domains", problem: "is missing", allowed: 'array, for example ["example.com"]' },
    ],
    [
      "a port alone",
      { ...base, local: { http: 8025 } },
      { at: "local.http", problem: "is 8025", allowed: 'string, for example "127.0.0.1:8025"' },
    ],
    [
      "recipients that are no list",
      { ...base, streams: { ...streams, ticket: { recipients: "support@example.com" } } },
      { at: "streams.ticket.recipients", allowed: 'array, for example ["support@example.com"]' },
    ],
    ["a misspelt setting", { ...base, ipFilter: [] }, { at: "ipFilter", suggestion: 'did you mean "ipFilters"?' }],
    [
      "a misspelt stream setting",
      { ...base, streams: { ...streams, invoices: { recipient: ["a@example.com"], worker: "ticket" } } },
      { at: "streams.invoices.recipient", suggestion: 'did you mean "recipients"?' },
    ],
    [
      "a misspelt worker",
      { ...base, streams: { ...streams, invoices: { recipients: ["a@example.com"], worker: "tickets" } } },
      { at: "streams.invoices.worker", suggestion: 'did you mean "ticket"?' },
    ],
    [
      "an own stream without worker",
      { ...base, streams: { ...streams, tickets: { recipients: ["a@example.com"] } } },
      { at: "streams.tickets.worker", suggestion: 'or, if you meant the built-in stream: did you mean "ticket"?' },
    ],
    [
      "a stream's webhook without TLS",
      { ...base, streams: { ...streams, invoices: { recipients: ["a@example.com"], webhook: plainWebhook } } },
      { at: "streams.invoices.webhook.url", problem: '"http://shop.example.com/mail" cannot be called' },
    ],
    [
      "a webhook beside a worker",
      {
        ...base,
        streams: {
          ...streams,
          invoices: { worker: "record", webhook: { ...plainWebhook, allowPrivate: ["10.0.0.1"] } },
        },
      },
      { at: "streams.invoices.webhook", problem: "the stream has a worker, too, and one mail has one end" },
    ],
    [
      "a misspelt setting of a webhook",
      { ...base, streams: { ...streams, invoices: { webhook: { ...plainWebhook, allowPrivat: [] } } } },
      { at: "streams.invoices.webhook.allowPrivat", suggestion: 'did you mean "allowPrivate"?' },
    ],
    [
      "two token keys of one id",
      {
        ...base,
        tokens: {
          keys: ["a", "a"].map((id) => ({ id, secretFrom: { env: "KEY" } })),
          addressSecretFrom: { env: "KEY" },
        },
      },
      { at: "tokens.keys[1].id" },
    ],
    [
      "a second token key without address secret",
      { ...base, tokens: { keys: ["b", "a"].map((id) => ({ id, secretFrom: { env: "KEY" } })) } },
      { at: "tokens.addressSecretFrom" },
    ],
    ["a secret in the configuration itself", { ...base, tokens: { keys: [{ id: "a", secretFrom: "s3cret" }] } }, {}],
    ["no domains", { domains: [], streams }, { at: "domains" }],
    ["domains missing", { streams }, { at: "domains", problem: "is missing" }],
    ["a domain that is an address", { ...base, domains: ["ann@example.com"] }, { at: "domains[0]" }],
    [
      "a recipient of somebody else's domain",
      { ...base, streams: { personal: { recipients: ["ann@exmaple.com"] } } },
      { at: "streams.personal.recipients[0]", suggestion: 'did you mean "example.com"?' },
    ],
    [
      "a wildcard",
      { ...base, streams: { personal: { recipients: ["*@example.com"] } } },
      { at: "streams.personal.recipients[0]", suggestion: "for every address of a domain write the domain alone" },
    ],
    [
      "one address in two streams",
      { ...base, streams: { ...streams, ticket: { recipients: ["example.com"] } } },
      { at: "streams.ticket.recipients[0]" },
    ],
    [
      "an unknown nature",
      { ...base, streams: { personal: { recipients: ["example.com"], accepts: ["humans"] } } },
      { suggestion: 'did you mean "human"?' },
    ],
    [
      "a nature that goes nowhere",
      {
        ...base,
        streams: { ...streams, invoices: { recipients: ["i@example.com"], worker: "ticket", accepts: ["machine"] } },
      },
      { at: "streams.invoices.accepts" },
    ],
    [
      "a divert to no stream",
      { ...base, streams: { personal: { recipients: ["example.com"], divert: { list: "lists" } } } },
      { at: "streams.personal.divert.list", suggestion: 'did you mean "list"?' },
    ],
    [
      "a gate outcome",
      { ...base, gate: { virus: "delete" } },
      { at: "gate.virus", allowed: "quarantine, bounce, drop, nothing" },
    ],
    [
      "a reject template",
      { ...base, rejects: [{ recipients: ["x@example.com"], template: "no-mailbox" }] },
      { at: "rejects[0].template" },
    ],
    ["a CIDR block out of range", { ...base, ipFilters: [{ block: "203.0.113.0/33" }] }, { at: "ipFilters[0].block" }],
    ["a bounce sender elsewhere", { ...base, bounceSender: "a@example.net" }, { at: "bounceSender" }],
    [
      "a region without receiving",
      { ...base, region: "eu-central-2" },
      { at: "region", suggestion: 'did you mean "eu-central-1"?' },
    ],
    ["a port that is none", { ...base, local: { smtp: "127.0.0.1:99999" } }, { at: "local.smtp" }],
    [
      "a limit that is a string",
      { ...base, local: { limits: { messageBytes: "40MB" } } },
      { at: "local.limits.messageBytes" },
    ],
    [
      "a limit that is NaN",
      { ...base, local: { limits: { connections: Number.NaN } } },
      { at: "local.limits.connections" },
    ],
    [
      "a scanner without port",
      { ...base, local: { scanners: { virus: { type: "clamd", host: "127.0.0.1" } } } },
      { at: "local.scanners.virus.port" },
    ],
    [
      "a mailbox that is a path",
      {
        ...base,
        streams: { personal: { recipients: ["example.com"], delivery: { "a@example.com": { maildir: "../a" } } } },
      },
      {},
    ],
    ["no stream for anything", { domains: ["example.com"] }, { at: "streams" }],
    [
      "an own rule with a wildcard condition",
      { ...base, ruleSet: { name: "mine", rules: [{ ...rule, recipients: ["*@example.com"] }] } },
      { at: "ruleSet.rules[0].recipients[0]", problem: "Invalid recipient: *@example.com" },
    ],
    [
      "an own rule whose Stop is not last",
      { ...base, ruleSet: { name: "mine", rules: [{ ...rule, actions: [stop, stop] }] } },
      { problem: "Stop action, if any, must be placed at the end of the actions list" },
    ],
    [
      "an own rule without a setting that SES needs",
      { ...base, ruleSet: { name: "mine", rules: [{ name: "a", enabled: true }] } },
      { at: "ruleSet.rules[0].recipients" },
    ],
    ["nothing at all", undefined, { at: "the configuration" }],
  ])("%s", ([, input, expected]) => {
    const faults = faultsOf(input);
    expect(faults).toContainEqual(expect.objectContaining(expected));
  });

  test("all at once", () => {
    const faults = faultsOf({
      ...base,
      bounceSender: "x@example.net",
      ipFilters: [{ block: "nowhere" }],
      local: { http: "8025" },
    });
    expect(faults.map((fault) => fault.at)).toEqual(["bounceSender", "ipFilters[0].block", "local.http"]);
  });
});

describe("a part that cannot be read hides nothing in the others", () => {
  test.for<[string, unknown, readonly string[]]>([
    [
      "a typo in a stream, and an address that nobody can listen on",
      { ...base, streams: { ...streams, mine: { recipient: ["m@example.com"] } }, local: { smtp: "nowhere" } },
      ["streams.mine.recipient", "local.smtp"],
    ],
    [
      "a setting that does not exist, and a recipient of somebody else's domain",
      { ...base, stream: {}, streams: { personal: { recipients: ["ann@example.net"] } } },
      ["stream", "streams.personal.recipients[0]"],
    ],
    [
      "one filter of two; the other keeps its place",
      { ...base, ipFilters: [{ deny: "203.0.113.1" }, { block: "203.0.113.0/33" }] },
      ["ipFilters[0].deny", "ipFilters[1].block"],
    ],
    [
      "one local setting of two",
      { ...base, local: { limits: { workers: 0 }, http: "8025" } },
      ["local.limits.workers", "local.http"],
    ],
    [
      "a stream that others divert to is still known by its name",
      {
        ...base,
        streams: { personal: { recipients: ["example.com"], divert: { list: "mine" } }, mine: { worker: 5 } },
      },
      ["streams.mine.worker"],
    ],
    ["no domains: nothing else is said, since nothing else can be known", { streams }, ["domains"]],
  ])("%s", ([, input, places]) => {
    const found = faultsOf(input).map(({ at }) => at);
    expect(found).toEqual(expect.arrayContaining([...places]));
    expect(found.filter((at) => !places.includes(at) && !/\.(?:allow|block)$/.test(at))).toEqual([]);
  });
});

describe("the rules that a configuration means", () => {
  test("store first, with the conditions of all streams and the notice to the router", () => {
    const { ruleSet, names } = resolveConfig({
      ...base,
      streams: { personal: { recipients: ["Ann@Example.com", "bob@example.com"] } },
    });
    expect(ruleSet.rules.map((rule) => rule.name)).toEqual(["store"]);
    expect(ruleSet.rules[0]).toMatchObject({
      recipients: ["ann@example.com", "bob@example.com"],
      scanEnabled: true,
      actions: [
        { type: "S3", bucketName: names.bucket, objectKeyPrefix: "inbound/", topicArn: names.noticeTopicArn },
        { type: "Lambda", invocationType: "Event" },
      ],
    });
  });

  test("a reject asks the gate before it bounces, and its recipient is accepted", () => {
    const { ruleSet } = resolveConfig({
      ...base,
      streams: { personal: { recipients: ["ann@example.com"] } },
      rejects: [{ recipients: ["user@example.com"], template: "mailbox-does-not-exist" }],
    });
    expect(ruleSet.rules.map((rule) => rule.name)).toEqual(["store", "reject-1"]);
    expect(ruleSet.rules[0]?.recipients).toContain("user@example.com");
    expect(ruleSet.rules[1]?.actions.map((action) => action.type)).toEqual(["Lambda", "Bounce"]);
    expect(ruleSet.rules[1]?.actions[1]).toMatchObject({
      smtpReplyCode: "550",
      statusCode: "5.1.1",
      sender: "mailer-daemon@example.com",
    });
  });

  test("a policy that cannot be undone puts the gate into the set", () => {
    const { ruleSet } = resolveConfig({ ...base, gate: { virus: "drop" } });
    expect(ruleSet.rules.map((rule) => rule.name)).toEqual(["store", "gate"]);
    expect(ruleSet.rules[1]?.actions).toMatchObject([{ type: "Lambda", invocationType: "RequestResponse" }]);
  });

  test("a stream for any address accepts every domain and its subdomains", () => {
    const { ruleSet } = resolveConfig({ ...base, streams: { personal: { match: { nature: "human" } } } });
    expect(ruleSet.rules[0]?.recipients).toEqual([".example.com", "example.com"]);
  });

  test("more than 500 conditions are several rules, as SES's quota asks", () => {
    const recipients = Array.from({ length: 500 }, (_, index) => `u${index}@example.com`);
    const { ruleSet } = resolveConfig({
      ...base,
      streams: { ticket: { recipients }, personal: { recipients: ["ann@example.com"] } },
    });
    expect(ruleSet.rules.map((rule) => [rule.name, rule.recipients.length])).toEqual([
      ["store", 500],
      ["store-2", 1],
    ]);
  });
});

describe("what the rest of the code sees", () => {
  test("the built-in streams are there without being named", () => {
    const config = resolveConfig(base);
    expect(config.streams.map((stream) => stream.name).sort()).toEqual([
      "auto-reply",
      "bounce",
      "complaint",
      "list",
      "personal",
      "quarantine",
      "ticket",
      "unsubscribe",
    ]);
    const ticket = config.streams.find((stream) => stream.name === "ticket");
    expect(ticket).toMatchObject({
      addressed: false,
      worker: "ticket",
      divert: { bounce: "bounce", mdn: "auto-reply", machine: "auto-reply" },
    });
  });

  test("the version changes with any setting and with a function's text, and with nothing else", () => {
    const own = (worker: () => Promise<undefined>) => ({
      ...base,
      streams: { ...streams, mine: { recipients: ["m@example.com"], worker } },
    });
    const one = resolveConfig(own(async () => undefined)).version;
    expect(resolveConfig(own(async () => undefined)).version).toBe(one);
    expect(resolveConfig(own(async () => void 0)).version).not.toBe(one);
    expect(resolveConfig({ ...own(async () => undefined), tls: "require" }).version).not.toBe(one);
    expect(one).toMatch(/^[0-9a-f]{16}$/);
  });
});
