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
  ["no such zone", ["--ip", "192.0.2.10", "--zone", join(folder, "none")], /no zone file/],
  ["a broken zone", ["--ip", "192.0.2.10", "--zone", file("bad.json", '{ "a": 1 }')], /"a" must be/],
  ["a name server that is a name", ["--ip", "192.0.2.10", "--server", "dns.example.org"], /write an IP address/],
])("wrong input, exit 1 and the remedy: %s", async ([, args, message]) => {
  const { exit, stdout, stderr } = await run(args);
  expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain("    at ");
});
