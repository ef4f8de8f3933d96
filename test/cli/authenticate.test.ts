import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const cli = fileURLToPath(new URL("../../cli/mailweir.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "authenticate-"));
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const zone = file(
  "zone.json",
  JSON.stringify({
    "example.org": { TXT: ["v=spf1 ip4:192.0.2.10 -all"] },
    "_dmarc.example.org": { TXT: ["v=DMARC1; p=quarantine"] },
    "mx.example.net": { TXT: ["v=spf1 a -all"], A: ["192.0.2.10"] },
    "slow.example": "TIMEOUT",
  }),
);
const message = file("message.eml", "From: ann@example.org\nTo: bob@example.com\n\nhello\n");

async function run(args: readonly string[], input = "") {
  const child = spawn(process.execPath, [cli, "authenticate", ...args], { stdio: "pipe" });
  child.stdin.end(input);
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exit: await exit, stdout, stderr };
}

const client = ["--ip", "192.0.2.10", "--helo", "mx.example.net", "--zone", zone];

test.for<[string, string[], unknown]>([
  [
    "a message",
    [message, ...client, "--mail-from", "ann@example.org"],
    {
      spf: { result: "pass", domain: "example.org" },
      dkim: [],
      dmarc: { result: "pass", policy: "quarantine", domain: "example.org" },
      arc: { result: "none" },
      verdicts: { spf: "PASS", dkim: "GRAY", dmarc: "PASS" },
    },
  ],
  [
    "a message whose author publishes no policy",
    [file("other.eml", "From: ann@nothing.example\n\nhello\n"), ...client, "--mail-from", "ann@example.org"],
    {
      spf: { result: "pass", domain: "example.org" },
      dkim: [],
      dmarc: { result: "none", policy: null, domain: "nothing.example" },
      arc: { result: "none" },
      verdicts: { spf: "PASS", dkim: "GRAY", dmarc: "GRAY" },
    },
  ],
  [
    "without a message, SPF alone",
    [...client, "--mail-from", "ann@example.org"],
    { spf: { result: "pass", domain: "example.org" }, verdicts: { spf: "PASS" } },
  ],
  [
    "the null sender: the HELO name",
    [...client, "--mail-from", ""],
    { spf: { result: "pass", domain: "mx.example.net" }, verdicts: { spf: "PASS" } },
  ],
  [
    "the sender in the brackets of SMTP",
    [...client, "--mail-from", "<ann@example.org>"],
    { spf: { result: "pass", domain: "example.org" }, verdicts: { spf: "PASS" } },
  ],
  [
    "DNS fails: that is an answer too",
    [...client, "--mail-from", "a@slow.example"],
    {
      spf: { result: "temperror", domain: "slow.example", reason: "TXT slow.example: the zone says TIMEOUT" },
      verdicts: { spf: "PROCESSING_FAILED" },
    },
  ],
])("--json: %s", async ([, args, expected]) => {
  const { exit, stdout, stderr } = await run([...args, "--json"]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual(expected);
  expect(stdout.trimEnd()).not.toContain("\n");
});

const bind = file(
  "example.zone",
  `; all that a hand-written zone may hold
$TTL 1h
$ORIGIN example.org.
@       IN SOA ns1 host (
            2026080401 ; serial
            1h 15m 1w 1d )
        IN NS  ns1
        3600 IN MX  10 mail
        TXT "v=spf1 mx " "include:_spf.example.org -all"
mail    300 A 192.0.2.10
        AAAA 2001:db8::10
_spf    60 IN TXT ( "v=spf1 ip6:2001:db8:1::/48 "
            "exists:%{ir}.%{l1r-}.list.example.org " ; who is listed
            "~all" )
*.wild  txt "v=spf1 ip4:203.0.113.7 -all"
alias   CNAME mail2.example.org.
mail2   TXT v=spf1\\032a:mail.example.org\\032-all
7.2.0.192.ann.list A 127.0.0.2
caa     CAA 0 issue "ca.example"
$ORIGIN sub.example.org.
@       TXT "v=spf1 redirect=example.org"
`,
);

test.for<[string, string[], string]>([
  ["an MX host of the zone", ["--ip", "192.0.2.10", "--mail-from", "ann@example.org"], "pass example.org"],
  ["its IPv6 address", ["--ip", "2001:db8::10", "--mail-from", "ann@example.org"], "pass example.org"],
  ["an IPv4-mapped address", ["--ip", "::ffff:192.0.2.10", "--mail-from", "ann@example.org"], "pass example.org"],
  ["a network behind include", ["--ip", "2001:db8:1::5", "--mail-from", "ann@example.org"], "pass example.org"],
  ["macros in exists", ["--ip", "192.0.2.7", "--mail-from", "ann-x@example.org"], "pass example.org"],
  ["macros that name nobody", ["--ip", "192.0.2.7", "--mail-from", "bob@example.org"], "fail example.org"],
  ["a wildcard", ["--ip", "203.0.113.7", "--mail-from", "a@any.wild.example.org"], "pass any.wild.example.org"],
  [
    "an alias, and an escaped space",
    ["--ip", "192.0.2.10", "--mail-from", "a@alias.example.org"],
    "pass alias.example.org",
  ],
  [
    "redirect below another $ORIGIN",
    ["--ip", "192.0.2.10", "--mail-from", "a@sub.example.org"],
    "pass sub.example.org",
  ],
  [
    "the null sender",
    ["--ip", "192.0.2.10", "--helo", "mail2.example.org", "--mail-from", ""],
    "pass mail2.example.org",
  ],
  [
    "a HELO that is an address",
    ["--ip", "192.0.2.10", "--helo", "[192.0.2.10]", "--mail-from", ""],
    "none [192.0.2.10]",
  ],
  ["a name that is not in the zone", ["--ip", "192.0.2.10", "--mail-from", "a@no.example.net"], "none no.example.net"],
])("a BIND zone file: %s", async ([, args, expected]) => {
  const { exit, stdout } = await run([...args, "--zone", bind, "--json"]);
  const { spf } = JSON.parse(stdout) as { spf: { result: string; domain: string } };
  expect({ exit, spf: `${spf.result} ${spf.domain}` }).toEqual({ exit: 0, spf: expected });
});

const failing = file(
  "failing.json",
  JSON.stringify({
    "gone.example": "NXDOMAIN",
    "broken.example": "SERVFAIL",
    "slow.example": { TXT: "TIMEOUT", A: ["192.0.2.10"] },
    "half.example": { TXT: ["v=spf1 a mx -all"], A: "SERVFAIL", MX: [] },
    "list.example": { TXT: ["v=spf1 mx -all"], MX: [{ priority: 10, exchange: "MX.List.Example." }] },
    "mx.list.example": { A: ["192.0.2.10"] },
    "void.example": { TXT: ["v=spf1 a:gone.example include:gone.example -all"] },
    "two.example": { TXT: ["v=spf1 -all", "v=spf1 +all"] },
    "other.example": { TXT: ["something else", ["v=spf1 ", "+all"]] },
  }),
);

test.for<[string, string]>([
  ["gone.example", "none"],
  ["broken.example", "temperror"],
  ["slow.example", "temperror"],
  ["half.example", "temperror"],
  ["list.example", "pass"],
  ["void.example", "permerror"],
  ["two.example", "permerror"],
  ["other.example", "pass"],
])("a JSON zone with failures for names and types: %s is %s", async ([domain, result]) => {
  const { exit, stdout } = await run(["--ip", "192.0.2.10", "--mail-from", `a@${domain}`, "--zone", failing, "--json"]);
  expect({ exit, result: JSON.parse(stdout).spf.result }).toEqual({ exit: 0, result });
});

test("for people, from standard input", async () => {
  const { exit, stdout } = await run(
    ["-", ...client, "--mail-from", "x@slow.example"],
    "From: ann@example.org\n\nhello\n",
  );
  expect(exit).toBe(0);
  expect(stdout).toBe(
    [
      "spf    temperror  verdict PROCESSING_FAILED slow.example (TXT slow.example: the zone says TIMEOUT)",
      "dkim   not signed verdict GRAY",
      "dmarc  fail       verdict FAIL example.org (policy quarantine)",
      "arc    none",
      "",
    ].join("\n"),
  );
});

test.for<[string, string[], RegExp]>([
  ["no client", ["--zone", zone], /add --ip/],
  ["a client that is no address", ["--ip", "mx.example.net"], /--ip mx\.example\.net is no/],
  ["no such message", [join(folder, "none.eml"), ...client], /cannot be read.*check the path/],
  ["a folder as message", [folder, ...client], /is no file/],
  ["a time that is none", [...client, "--at", "yesterday"], /--at yesterday is no time/],
  ["no such zone", ["--ip", "192.0.2.10", "--zone", join(folder, "none")], /no zone file/],
  ["a broken zone", ["--ip", "192.0.2.10", "--zone", file("bad.json", '{ "a": 1 }')], /"a" must be/],
  ["a name server that is a name", ["--ip", "192.0.2.10", "--server", "dns.example.org"], /write an IP address/],
])("wrong input, exit 1 and the remedy: %s", async ([, args, message]) => {
  const { exit, stdout, stderr } = await run(args);
  expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain("    at ");
});
