import { expect, test } from "vitest";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { DeliveryConfig, DeliveryEntry, MailConfig } from "../../../shared/config/types.ts";
import { targetKey, targetsOf } from "../../../shared/delivery/address-map.ts";

const domains = ["example.com", "second.example"];
const delivery: Record<string, readonly DeliveryEntry[]> = {
  "ann@example.com": [{ kind: "maildir", name: "ann" }],
  "bob+news@example.com": [{ kind: "maildir", name: "bob-news" }],
};
const mailboxOf = (recipient: string) => {
  const [target, ...others] = targetsOf({ domains }, { delivery }, recipient);
  if (target?.kind !== "maildir" || others.length > 0) throw new Error("not one Maildir");
  return target;
};

test.for<[string, string, string]>([
  ["an address of the map", "ann@example.com", "ann"],
  ["in any case", "ANN@Example.com", "ann"],
  ["with a label that the map does not know", "ann+shop@example.com", "ann"],
  ["with one that it knows", "bob+news@example.com", "bob-news"],
  ["one that it does not hold: named after the local part", "carol@example.com", "carol"],
  ["without its label", "carol+x+y@example.com", "carol"],
  ["at another domain: another person", "carol@second.example", "carol_at_second.example"],
  ["dots inside are harmless", "carol.smith@example.com", "carol.smith"],
])("%s", ([, recipient, name]) => {
  expect(mailboxOf(recipient)).toEqual({ kind: "maildir", name });
});

test.for<[string, string]>([
  ["a path", '"../../etc/passwd"@example.com'],
  ["an absolute path", "/etc/passwd@example.com"],
  ["a hidden folder", '".ssh"@example.com'],
  ["two dots", '"a..b"@example.com'],
  ["another alphabet", "müller@example.com"],
  ["spaces", '"a b"@example.com'],
  ["something endless", `${"a".repeat(100)}@example.com`],
  ["a name that looks like a derived one", "carol_at_second.example@example.com"],
  ["a name that looks like a hashed one", "x-0123@example.com"],
  ["the map's prototype", "__proto__@example.com"],
  ["no address", "undisclosed"],
])("a safe name of its own for %s", ([, recipient]) => {
  const { name } = mailboxOf(recipient);
  expect(name).toMatch(/^x-[0-9a-f]{32}$/);
  expect(mailboxOf(`other${recipient}`).name).not.toBe(name);
});

const account = { host: "imap.example.net", user: "ann", passwordFrom: { env: "ANN_PASSWORD" } };
function resolved(
  map: Record<string, DeliveryConfig | readonly DeliveryConfig[]>,
  more: Partial<MailConfig> = {},
  stage?: string,
) {
  return resolveConfig(
    { domains, streams: { personal: { recipients: ["example.com"], delivery: map } }, ...more },
    stage === undefined ? {} : { stage },
  );
}
function keysOf(map: Parameters<typeof resolved>[0], recipient: string, more: Partial<MailConfig> = {}) {
  const config = resolved(map, more);
  const stream = config.streams.find(({ name }) => name === "personal");
  return stream && targetsOf(config, stream, recipient).map(targetKey);
}

test.for<[string, Parameters<typeof resolved>[0], string, readonly string[]]>([
  ["an alias", { "info@example.com": "ann@example.com" }, "info@example.com", ["maildir ann"]],
  ["an alias with a label", { "info@example.com": "ann@example.com" }, "info+shop@example.com", ["maildir ann"]],
  [
    "a group, each place once, also through another group",
    {
      "all@example.com": ["team@example.com", "bob@example.com", { maildir: "archive" }],
      "team@example.com": ["ann@example.com", "bob@example.com"],
      "bob@example.com": [{ maildir: "bob" }, { forward: "bob@other.example" }],
    },
    "all@example.com",
    ["maildir ann", "maildir bob", "forward bob@other.example", "maildir archive"],
  ],
  ["a catch-all", { "@example.com": { maildir: "rest" } }, "whoever+x@example.com", ["maildir rest"]],
  [
    "an address before the catch-all",
    { "@example.com": { maildir: "rest" }, "ann@example.com": { maildir: "ann" } },
    "ann+x@example.com",
    ["maildir ann"],
  ],
  [
    "another domain's catch-all is none",
    { "@example.com": { maildir: "rest" } },
    "x@second.example",
    ["maildir x_at_second.example"],
  ],
  [
    "an account by name and one written out are one place",
    { "ann@example.com": [{ imap: "ann" }, { imap: { ...account, port: 993 } }, { imap: "ann", folder: "Copies" }] },
    "ann@example.com",
    ["imap ann@imap.example.net:993/INBOX", "imap ann@imap.example.net:993/Copies"],
  ],
])("%s", ([, map, recipient, keys]) => {
  expect(keysOf(map, recipient, { personal: { imap: { ann: account } } })).toEqual(keys);
});

const smarthost = { host: "smtp.example.net", port: 587 };
test.for<[string, Parameters<typeof resolved>, string]>([
  ["an alias that leaves", [{ "ann@example.com": "ann@other.example" }], '{ forward: "ann@other.example" }'],
  ["a forward that stays", [{ "ann@example.com": { forward: "bob@example.com" } }], "would come back here"],
  [
    "a circle",
    [{ "ann@example.com": "bob@example.com", "bob@example.com": ["ann@example.com"] }],
    "leads back to itself",
  ],
  [
    "an account nobody knows",
    [{ "ann@example.com": { imap: "amn" } }, { personal: { imap: { ann: account } } }],
    "ann",
  ],
  ["a password in clear", [{ "ann@example.com": { imap: { ...account, tls: "none" } } }], "in clear"],
  ["a folder with a wildcard", [{ "ann@example.com": { imap: account, folder: "a*" } }], "cannot be a folder"],
  ["a way out of the Maildir", [{}, { personal: { folders: [{ match: {}, folder: "../x" }] } }], "cannot be a folder"],
  [
    "a smarthost that is not there",
    [{ "ann@example.com": { forward: { to: "a@other.example", via: "smarthost" } } }],
    "no local.smarthost",
  ],
  [
    "a smarthost on AWS",
    [{ "ann@example.com": { forward: { to: "a@other.example", via: "smarthost" } } }, { local: { smarthost } }, "prod"],
    "everything leaves through SES",
  ],
  ["a password of this machine on AWS", [{ "ann@example.com": { imap: account } }, {}, "prod"], "no function on AWS"],
  [
    "bounces that would not come back",
    [
      { "ann@example.com": { forward: "a@other.example" } },
      { local: { smarthost }, personal: { forwarding: { srsDomain: "srs.example.com" } } },
    ],
    "no personal stream receives",
  ],
])("the configuration refuses %s", ([, [map, more, stage], message]) => {
  expect(() => resolved(map, more, stage)).toThrow(message);
});

test("forwards leave by SES on AWS, by the smarthost on a machine that has one, else as SES would take them", () => {
  const map = { "ann@example.com": { forward: "a@other.example" } };
  const via = (...rest: [Partial<MailConfig>?, string?]) =>
    resolved(map, ...rest).streams.find(({ name }) => name === "personal")?.delivery["ann@example.com"];
  expect(via({}, "prod")).toEqual([{ kind: "forward", to: "a@other.example", via: "ses" }]);
  expect(via({ local: { smarthost } })).toMatchObject([{ via: "smarthost" }]);
  expect(via()).toMatchObject([{ via: "ses" }]);
});
