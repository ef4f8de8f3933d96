import { expect, test } from "vitest";
import type { MailConfig } from "../../../shared/config/types.ts";
import type { Header } from "../../../shared/mail/headers.ts";
import type { Nature, Trust, Verdicts } from "../../../shared/mail/judgement.ts";
import { decideStream, intendedStream } from "../../../shared/streams/decide.ts";
import { judgement, passing, testConfig } from "./stream-fixture.ts";

interface Given {
  readonly to: string;
  readonly nature?: Nature;
  readonly trust?: Trust;
  readonly verdicts?: Partial<Verdicts>;
  readonly headers?: readonly Header[];
  readonly config?: Partial<MailConfig>;
}

function inputOf({ to, nature, trust, verdicts, headers = [] }: Given) {
  const all = { ...passing, ...verdicts };
  return {
    recipient: to,
    judgement: judgement(nature, all, trust),
    headers,
    verdicts: all,
    envelopeFrom: "ann@sender.example",
  };
}

const decide = (given: Given) => decideStream(testConfig(given.config), inputOf(given));

const worker = async () => undefined;
const own = (recipients: readonly string[]) => ({ recipients, worker });
const subject = (value: string) => [{ name: "Subject", value }];

test.for<[string, Given, string | null, string]>([
  ["an address of a stream", { to: "support@example.com" }, "ticket", '"ticket" takes support@example.com'],
  ["another spelling of it", { to: "SUPPORT@Example.COM" }, "ticket", "support@example.com"],
  ["an address with a label", { to: "support+4711@example.com" }, "ticket", "support@example.com"],
  ["any other address", { to: "carol@example.com" }, "personal", '"personal" takes example.com'],
  [
    "a labelled condition beats the address",
    { to: "support+vip@example.com", config: { streams: { vip: own(["support+vip@example.com"]) } } },
    "vip",
    "support+vip@example.com",
  ],
  [
    "another label stays with the address",
    { to: "support+x@example.com", config: { streams: { vip: own(["support+vip@example.com"]) } } },
    "ticket",
    "support@example.com",
  ],
  [
    "a domain beats a subdomain condition",
    { to: "a@eu.example.com", config: { streams: { sub: own([".example.com"]), eu: own(["eu.example.com"]) } } },
    "eu",
    "eu.example.com",
  ],
  [
    "the longer subdomain condition wins",
    { to: "a@x.eu.example.com", config: { streams: { sub: own([".example.com"]), eu: own([".eu.example.com"]) } } },
    "eu",
    ".eu.example.com",
  ],
  [
    "a condition beats a stream for any address",
    { to: "carol@example.com", config: { streams: { all: { match: () => true, worker } } } },
    "personal",
    "example.com",
  ],
  [
    "equally specific: the first one in the configuration",
    {
      to: "sales@example.com",
      config: {
        streams: {
          one: { recipients: ["sales@example.com"], match: { trust: "aligned" }, worker },
          two: own(["sales@example.com"]),
        },
      },
    },
    "one",
    "trust aligned",
  ],
  [
    "a match that says no leaves it to the next",
    {
      to: "sales@example.com",
      trust: "failed",
      config: {
        streams: {
          one: { recipients: ["sales@example.com"], match: { trust: ["aligned", "token"] }, worker },
          two: own(["sales@example.com"]),
        },
      },
    },
    "two",
    'not "one": match wants trust aligned,token, it is failed',
  ],
  [
    "a header pattern",
    {
      to: "ann@example.com",
      headers: subject("Invoice 1207"),
      config: {
        streams: {
          invoices: {
            recipients: ["ann@example.com"],
            match: { header: { name: "subject", value: /^invoice \d+/i } },
            worker,
          },
        },
      },
    },
    "invoices",
    "header subject",
  ],
  [
    "a header value is compared whole and without case",
    {
      to: "ann@example.com",
      headers: subject("Invoices"),
      config: {
        streams: {
          invoices: {
            recipients: ["ann@example.com"],
            match: { header: { name: "subject", value: "invoice" } },
            worker,
          },
        },
      },
    },
    "personal",
    "match wants header subject",
  ],
  [
    "a nature as match",
    {
      to: "ann@example.com",
      nature: "list",
      config: { streams: { lists: { match: { nature: "list" }, recipients: ["ann@example.com"], worker } } },
    },
    "lists",
    "nature list",
  ],
  [
    "a bounce to a person is delivered to the person",
    { to: "ann@example.com", nature: "bounce" },
    "personal",
    "example.com",
  ],
  [
    "a bounce to a ticket address is recorded",
    { to: "support@example.com", nature: "bounce" },
    "bounce",
    "evidence of bounce",
  ],
  [
    "a vacation reply to unsubscribe@ is recorded",
    { to: "unsubscribe@example.com", nature: "auto-reply" },
    "auto-reply",
    "evidence of auto-reply",
  ],
  ["list mail to unsubscribe@ is recorded", { to: "unsubscribe@example.com", nature: "list" }, "list", '"list" does'],
  [
    "list mail to a ticket address is a ticket",
    { to: "support@example.com", nature: "list" },
    "ticket",
    "support@example.com",
  ],
  ["a read receipt to a ticket address", { to: "support@example.com", nature: "mdn" }, "auto-reply", "evidence of mdn"],
  ["a virus", { to: "support@example.com", verdicts: { virus: "FAIL" } }, "quarantine", "virus verdict FAIL"],
  [
    "a suspicious bounce is quarantined, not recorded",
    { to: "support@example.com", nature: "bounce", verdicts: { spam: "FAIL" } },
    "quarantine",
    "spam verdict FAIL",
  ],
  [
    "a rejected address",
    {
      to: "old@example.com",
      config: { rejects: [{ recipients: ["old@example.com"], template: "mailbox-does-not-exist" }] },
    },
    null,
    'bounce "mailbox-does-not-exist"',
  ],
  [
    "a rejected address is rejected before anything else is asked",
    {
      to: "old@example.com",
      verdicts: { virus: "FAIL" },
      config: { rejects: [{ recipients: ["old@example.com"], template: "mailbox-full" }] },
    },
    null,
    "to be rejected",
  ],
  [
    "a rejected address and a forged sender",
    {
      to: "old@example.com",
      verdicts: { spf: "FAIL" },
      config: { rejects: [{ recipients: ["old@example.com"], template: "mailbox-full" }] },
    },
    null,
    "it would be backscatter: SPF",
  ],
  [
    "spam that is dropped",
    { to: "ann@example.com", verdicts: { spam: "FAIL" }, config: { gate: { spam: "drop" } } },
    null,
    "spam verdict FAIL",
  ],
  [
    "a match function that throws holds the mail",
    {
      to: "ann@example.com",
      config: {
        streams: {
          broken: {
            recipients: ["ann@example.com"],
            match: () => {
              throw new TypeError("secret text");
            },
            worker,
          },
        },
      },
    },
    "quarantine",
    "its match function threw TypeError",
  ],
  [
    "an address that no stream takes",
    { to: "nobody@elsewhere.example" },
    "quarantine",
    "no stream takes nobody@elsewhere.example",
  ],
])("%s", ([, given, stream, reason]) => {
  const decision = decide(given);
  expect(decision.stream).toBe(stream);
  expect(decision.reasons.join("\n")).toContain(reason);
});

test("outcomes of what is sent to no queue", () => {
  const rejects = [{ recipients: ["old@example.com"], template: "mailbox-full" }] as const;
  expect(decide({ to: "old@example.com", config: { rejects } }).outcome).toBe("rejected");
  expect(
    decide({ to: "ann@example.com", verdicts: { spam: "FAIL" }, config: { gate: { spam: "drop" } } }).outcome,
  ).toBe("dropped");
  expect(
    decide({ to: "ann@example.com", verdicts: { spam: "FAIL" }, config: { gate: { spam: "bounce" } } }).outcome,
  ).toBe("bounced");
  expect(decide({ to: "ann@example.com" })).not.toHaveProperty("outcome");
});

test("a pattern with the flag g answers the same every time", () => {
  const pattern = /invoice/gi;
  const given: Given = {
    to: "ann@example.com",
    headers: subject("invoice"),
    config: {
      streams: {
        invoices: { recipients: ["ann@example.com"], match: { header: { name: "Subject", value: pattern } }, worker },
      },
    },
  };
  expect([decide(given).stream, decide(given).stream, decide(given).stream]).toEqual([
    "invoices",
    "invoices",
    "invoices",
  ]);
});

test("what a match function's error says never reaches the reasons", () => {
  const match = () => {
    throw new Error("ann@sender.example wrote: secret");
  };
  const config = { streams: { broken: { recipients: ["ann@example.com"], match, worker } } };
  expect(decide({ to: "ann@example.com", config }).reasons.join()).not.toContain("secret");
});

test("a quarantined message knows where it was meant to go, diversions included", () => {
  const to = "support@example.com";
  const verdicts = { virus: "FAIL" } as const;
  expect(intendedStream(testConfig(), inputOf({ to, verdicts }))).toBe("ticket");
  expect(intendedStream(testConfig(), inputOf({ to, verdicts, nature: "bounce" }))).toBe("bounce");
});
