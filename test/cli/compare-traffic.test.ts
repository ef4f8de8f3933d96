import { expect, test } from "vitest";
import { compareTraffic, mailFiles, type RecordedMail, type Treatment } from "../../cli/compare-traffic.ts";
import type { MailSource } from "../../cli/mail-sources.ts";
import { resolveConfig } from "../../shared/config/resolve-config.ts";

const treatment = (more: object = {}): Treatment => {
  const config = resolveConfig({
    domains: ["in.example"],
    streams: { ticket: { recipients: ["help@in.example"] }, personal: { recipients: ["in.example"] } },
    ...more,
  });
  return { config, ruleSet: config.ruleSet };
};
const raw = (headers = "") =>
  Buffer.from(`From: ann@sender.example\r\nTo: help@in.example\r\nSubject: Hello\r\n${headers}\r\nHow are you?\r\n`);
const mail = (more: Partial<RecordedMail> = {}): RecordedMail => ({
  id: "one",
  raw: raw(),
  from: "ann@sender.example",
  recipients: ["Help@in.example"],
  tls: true,
  ip: "192.0.2.7",
  verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" },
  ...more,
});
async function* all(...mails: RecordedMail[]) {
  yield* mails;
}

test("the same rules send every mail where they sent it", async () => {
  const seen: string[] = [];
  const compared = await compareTraffic(all(mail(), mail({ id: "two" })), treatment(), treatment(), (id) =>
    seen.push(id),
  );
  expect(compared).toEqual({ mails: 2, recipients: 2, differences: [] });
  expect(seen).toEqual(["one", "two"]);
});

test.for<[string, object, Partial<RecordedMail>, string, string]>([
  ["another stream", { streams: { personal: { recipients: ["in.example"] } } }, {}, "ticket", "personal"],
  [
    "a domain that is given up",
    { domains: ["other.example"], streams: { personal: { recipients: ["other.example"] } } },
    {},
    "ticket",
    "refused",
  ],
  ["a filter for the client", { ipFilters: [{ block: "192.0.2.0/24" }] }, {}, "ticket", "refused (IP filter)"],
  [
    "a stream for its nature",
    {
      streams: {
        ticket: { recipients: ["help@in.example"], divert: { "auto-reply": "personal" } },
        personal: { recipients: ["in.example"] },
      },
    },
    { raw: raw("Auto-Submitted: auto-replied\r\n"), from: "" },
    "auto-reply",
    "personal",
  ],
])("%s is told, mail by mail", async ([, next, given, before, after]) => {
  const { differences } = await compareTraffic(all(mail(given)), treatment(), treatment(next));
  expect(differences).toEqual([{ mail: "one", recipient: "Help@in.example", before, after }]);
});

test("without rules of before it is compared with what really became of it; what is unfinished counts for nothing", async () => {
  const became = mail({ recorded: new Map([["help@in.example", "personal"]]) });
  const unknown = mail({ id: "two", recorded: new Map() });
  const { differences, recipients } = await compareTraffic(all(became, unknown), undefined, treatment());
  expect(recipients).toBe(2);
  expect(differences).toEqual([{ mail: "one", recipient: "Help@in.example", before: "personal", after: "ticket" }]);
});

test("mail files are for whom a server noted, else for whom the headers name at our domains, else left out", async () => {
  const texts = [
    "Return-Path: <bounce@list.example>\r\nDelivered-To: ann@in.example\r\nTo: help@in.example\r\n\r\n",
    "From: ann@sender.example\r\nTo: other@elsewhere.example, help@in.example\r\nCc: HELP@in.example\r\n\r\n",
    "From: ann@sender.example\r\nTo: other@elsewhere.example\r\n\r\n",
  ];
  async function* sources(): AsyncGenerator<MailSource> {
    for (const [index, text] of texts.entries()) {
      yield {
        path: "box.mbox",
        index,
        open: async function* () {
          yield Buffer.from(text);
        },
      } as unknown as MailSource;
    }
  }
  const found: RecordedMail[] = [];
  for await (const one of mailFiles(sources(), ["in.example"])) found.push(one);
  expect(found.map(({ id, from, recipients }) => ({ id, from, recipients }))).toEqual([
    { id: "box.mbox#0", from: "bounce@list.example", recipients: ["ann@in.example"] },
    { id: "box.mbox#1", from: "ann@sender.example", recipients: ["HELP@in.example"] },
  ]);
});
