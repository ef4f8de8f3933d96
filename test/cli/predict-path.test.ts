import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Explanation } from "../../cli/explain-mail.ts";
import { resourceNames } from "../../shared/config/names.ts";
import type { ReceiptAction, ReceiptRule } from "../../shared/receipt/model.ts";
import { configFile, temporaryFolder } from "./config-file.ts";
import { callCli } from "./run-cli.ts";

const names = resourceNames("mailweir", "us-east-1", "000000000000");
const store: ReceiptAction = { type: "S3", bucketName: names.bucket };
const stop: ReceiptAction = { type: "Stop", scope: "RuleSet" };
const lambda = (name: string): ReceiptAction => ({
  type: "Lambda",
  functionArn: names.functionArn(name),
  invocationType: "RequestResponse",
});
const rule = (name: string, recipients: readonly string[], actions: readonly ReceiptAction[], scanEnabled = true) =>
  ({ name, enabled: true, tlsPolicy: "Optional", scanEnabled, recipients, actions }) satisfies ReceiptRule;

const streams = { personal: { recipients: ["in.example"] }, ticket: { recipients: ["help@in.example"] } };
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
const mailOf = (body: string, headers = "") =>
  `From: Lee <lee@sender.example>\nTo: help@in.example\nSubject: door\nMessage-ID: <m@sender.example>\n${headers}\n${body}\n`;

/** Asks through the command line, with this configuration and message. */
async function ask(config: object, args: readonly string[], message?: string): Promise<Explanation> {
  const folder = await temporaryFolder();
  await writeFile(
    join(folder, "zone.json"),
    JSON.stringify({ "sender.example": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] } }),
  );
  const whole = { domains: ["in.example"], streams, local: { dns: { zone: join(folder, "zone.json") } }, ...config };
  const file = await configFile(JSON.stringify(whole), folder);
  if (message !== undefined) await writeFile(join(folder, "mail.eml"), message);
  const { exit, stdout, stderr } = await callCli([
    "explain",
    ...(message === undefined ? [] : [join(folder, "mail.eml")]),
    ...args,
    ...["--from", "lee@sender.example", "--config", file, "--json"],
  ]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  return JSON.parse(stdout);
}

const course = ({ rules }: Explanation) =>
  rules.map(({ rule: name, fate, actions }) => `${name} ${fate}: ${actions.map((action) => action.fate).join(", ")}`);
const ends = ({ streams: found }: Explanation) => found?.map(({ stream, outcome }) => stream ?? outcome);

test("a gate that bounces spam ends the set in front of the reject, and every recipient is bounced", async () => {
  const config = {
    gate: { spam: "bounce" },
    rejects: [{ recipients: ["old@in.example"], template: "mailbox-does-not-exist" }],
  };
  const found = await ask(config, ["--to", "help@in.example"], mailOf(gtube));
  expect(found.verdicts).toMatchObject({ spam: "FAIL", spf: "PASS" });
  expect(course(found)).toEqual(["store runs: will-run, will-run", "gate runs: will-run", "reject-1 no-match: "]);
  expect(found.rules[1]?.actions[0]?.reason).toBe("it answered STOP_RULE_SET; the set ends here");
  expect(ends(found)).toEqual(["bounced"]);
});

test("a reject's own gate keeps the bounce from a sender that SPF does not vouch for", async () => {
  const config = { rejects: [{ recipients: ["old@in.example"], template: "mailbox-does-not-exist" }] };
  const to = ["--to", "old@in.example", "--to", "ann@in.example"];
  const genuine = await ask(config, to, mailOf("hello"));
  expect(course(genuine)).toEqual(["store runs: will-run, will-run", "reject-1 runs: will-run, will-run"]);
  const forged = await ask(config, [...to, "--ip", "198.51.100.7"], mailOf("hello"));
  expect(course(forged)).toEqual(["store runs: will-run, will-run", "reject-1 runs: will-run, skipped"]);
  expect(ends(forged)).toEqual(["rejected", "personal"]);
});

test("a Stop for one recipient ends the set for the other, who is told to no stream", async () => {
  const ruleSet = {
    name: "own",
    rules: [rule("first", ["help@in.example"], [store, stop]), rule("second", ["in.example"], [store])],
  };
  const found = await ask({ ruleSet }, ["--to", "help@in.example", "--to", "ann@in.example"]);
  expect(course(found)).toEqual(["first runs: will-run, will-run", "second stopped: skipped"]);
  expect(ends(found)).toEqual(["ticket", 'not-routed: stopped by rule "first"']);
});

test("a function of the user's own is assumed to let the mail pass, and named", async () => {
  const ruleSet = { name: "own", rules: [rule("all", ["in.example"], [store, lambda("classify"), stop])] };
  const found = await ask({ ruleSet }, ["--to", "help@in.example"]);
  expect(course(found)).toEqual(["all runs: will-run, will-run, will-run"]);
  expect(found.assumptions).toContain(`Function ${names.functionArn("classify")} answers CONTINUE.`);
});

test("a rule without scanning shows the router no spam verdict", async () => {
  const rules = (scan: boolean) => ({ ruleSet: { name: "own", rules: [rule("all", ["in.example"], [store], scan)] } });
  const to = ["--to", "help@in.example"];
  expect(ends(await ask(rules(true), to, mailOf(gtube)))).toEqual(["quarantine"]);
  expect(ends(await ask(rules(false), to, mailOf(gtube)))).toEqual(["ticket"]);
});

test.for<[string, number, string]>([
  ["a small mail is published to the router", 10, "ticket"],
  ["a mail beyond SNS's limit is not", 160_000, "not-routed: no action of its rules tells the router"],
  // 152,752 octets as it arrives; SNS counts SES's block too.
  [
    "a mail that the header block makes too large is not",
    150_520,
    "not-routed: no action of its rules tells the router",
  ],
])("by content: %s", async ([, bytes, end]) => {
  const publish: ReceiptAction = { type: "SNS", topicArn: names.noticeTopicArn, encoding: "Base64" };
  const ruleSet = { name: "own", rules: [rule("all", ["in.example"], [publish])] };
  const body = "x"
    .repeat(70)
    .concat("\n")
    .repeat(Math.ceil(bytes / 71));
  expect(ends(await ask({ ruleSet }, ["--to", "help@in.example"], mailOf(body)))).toEqual([end]);
});

test("a bounce is diverted by the stream that does not take bounces", async () => {
  const dsn = mailOf(
    "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; x@sender.example\nAction: failed\nStatus: 5.1.1\n\n--b--",
    'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n',
  );
  const found = await ask({}, ["--to", "help@in.example"], dsn);
  expect(found.judgement?.nature.kind).toBe("bounce");
  expect(ends(found)).toEqual(["bounce"]);
});

test("without a zone no name server is asked, and the explanation says so", async () => {
  // 192.0.2.53 (RFC 5737) answers nobody: were it asked, SPF would be PROCESSING_FAILED.
  const found = await ask({ local: { dns: { servers: ["192.0.2.53"] } } }, ["--to", "help@in.example"], mailOf("hi"));
  expect(found.verdicts).toMatchObject({ spf: "GRAY", dkim: "GRAY", dmarc: "GRAY" });
  expect(found.assumptions).toEqual([expect.stringContaining("No DNS was asked")]);
});

test("without a message a mail is assumed that passes, and nothing is claimed about it", async () => {
  const found = await ask({}, ["--to", "help@in.example", "--to", "HELP@in.example"]);
  expect(found).toMatchObject({ verdicts: null, judgement: null });
  expect(ends(found)).toEqual(["ticket"]);
  expect(found.assumptions).toEqual([expect.stringContaining("A person wrote the mail")]);
});

test.for<[string, string[], number, string]>([
  ["no recipient", [], 2, "required option '--to <address>'"],
  ["no address", ["--to", "a@in.example", "--ip", "10.0.0"], 2, "Give an IPv4 or IPv6 address."],
  ["no file", ["/nowhere/mail.eml", "--to", "a@example.com"], 1, 'The message "/nowhere/mail.eml" cannot be read'],
])("%s is told with its exit status", async ([, args, exit, text]) => {
  const result = await callCli(["explain", ...args]);
  expect(result.exit).toBe(exit);
  expect(result.stderr).toContain(text);
});
