import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { parse } from "acorn";
import { analyse } from "scslre";
import { expect, test } from "vitest";

interface Literal {
  readonly source: string;
  readonly flags: string;
  readonly file: string;
}

/** Every regular expression in what ships. */
function literals(): Literal[] {
  const found: Literal[] = [];
  for (const folder of ["cli", "functions", "infra", "local", "shared", "testing"]) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((one) =>
      one.endsWith(".ts"),
    )) {
      const file = join(folder, name);
      const program = parse(stripTypeScriptTypes(readFileSync(file, "utf8")), {
        ecmaVersion: "latest",
        sourceType: "module",
      });
      collect(program, (regex) => found.push({ ...regex, file }));
    }
  }
  return found;
}

function collect(node: unknown, take: (regex: { source: string; flags: string }) => void): void {
  if (typeof node !== "object" || node === null) return;
  if ("regex" in node) {
    const { pattern, flags } = node.regex as { pattern: string; flags: string };
    take({ source: pattern, flags });
  }
  for (const child of Object.values(node)) collect(child, take);
}

// Where a quadratic one meets text that is short, for the reason that stands there. Everything else takes linear time.
const boundedBy: Readonly<Record<string, string>> = {
  "cli/new-stream.ts": "a stream's name",
  "local/authenticate/client-name.ts": "an IP address from the socket",
  "infra/past-barrels.ts": "one name of an import in a package that we bundle",
  "local/authenticate/plain-signatures.ts": "a From field of at most 1,000 characters",
  "local/authenticate/spf-record.ts": "an SPF term: a record has at most 4,096 characters",
  "local/block-lists/dns-list.ts": "an IP address from the socket",
  "local/block-lists/file-list.ts": "the user's own file, a line at a time",
  "local/scan/clamd-scanner.ts": "the answer of the user's own scanner",
  "local/store/outbox.ts": "the head of a mail that we wrote",
  "shared/config/": "the user's own configuration",
  "shared/delivery/imap-mailbox.ts": "the user's own password",
  "shared/mail/arf.ts": "an address that was read from a header: at most 320 characters",
  "shared/mail/bounce-signs.ts": "a name or subject, from a header of at most 64 KB, anchored",
  "shared/mail/charset.ts": "a parameter of a header",
  "shared/mail/dsn-text.ts": "lines of at most 1,000 characters",
  "shared/mail/dsn.ts": "the first 500,000 characters, by lines",
  "shared/mail/failed-address.ts": "2,000 characters",
  "shared/mail/list.ts": "the first 100,000 characters, by lines",
  "shared/mail/reply/attribution.ts": "a line of at most 500 characters",
  "shared/mail/reply/separators.ts": "a line, cut before it is matched",
  "shared/mail/reply/signature.ts": "a line, cut before it is matched",
  "shared/mail/safe-file-name.ts": "a file name, cut before it is matched",
  "shared/mail/unsubscribe-request.ts": "a line of at most 1,000 characters",
  "shared/retention/addresses-in.ts": "an address: at most 320 characters",
  "shared/sinks/github.ts": "the user's own configuration",
  "shared/sinks/redmine.ts": "a ticket's text, of at most 64 KB",
  "shared/tickets/acknowledge.ts": "an address: at most 320 characters",
  "shared/tickets/record-ticket.ts": "text cut to its limit, whose end has at most three of them",
  "shared/tickets/reply-address.ts": "an address: at most 320 characters",
  "shared/unsubscribe/compose-notice.ts": "an address: at most 320 characters",
  "shared/unsubscribe/form.ts": "a form: the endpoint reads at most 8 KB",
  "shared/unsubscribe/mail-feedback.ts": "a field of at most 4,000 characters",
  "shared/unsubscribe/one-click.ts": "the path of a request: Node takes heads of at most 16 KB",
  "shared/unsubscribe/who.ts": "an address: at most 320 characters",
  "shared/unsubscribe/read-request.ts": "the request's own lines, cut before they are matched",
};
const entryOf = (file: string) => Object.keys(boundedBy).find((place) => file.startsWith(place));

const all = literals();
const reported = all.map((literal) => ({ ...literal, reports: analyse(literal, { maxReports: 5 }).reports }));

test("they are found", () => {
  expect(all.length).toBeGreaterThan(600);
});

test("none takes exponential time", () => {
  expect(reported.filter(({ reports }) => reports.some(({ exponential }) => exponential))).toEqual([]);
});

test("the analysis sees what is wrong with the classic ones", () => {
  for (const source of ["^(a+)+$", "(x+x+)+y", "^(\\w+\\s?)*$"]) {
    expect(
      analyse({ source, flags: "" }).reports.some(({ exponential }) => exponential),
      source,
    ).toBe(true);
  }
  expect(analyse({ source: "\\s+$", flags: "" }).reports).not.toEqual([]);
});

test("where one takes more than linear time, its text is bounded, and it is written down by what", () => {
  const slow = reported.filter(({ reports }) => reports.length > 0);
  expect(
    slow.filter(({ file }) => entryOf(file) === undefined).map(({ file, source }) => `${file}: /${source}/`),
  ).toEqual([]);
  const used = new Set(slow.map(({ file }) => entryOf(file)));
  expect(Object.keys(boundedBy).filter((place) => !used.has(place))).toEqual([]);
});
