import { expect, test } from "vitest";
import { costDocument } from "../../infra/cost/document.ts";
import { callCli } from "./run-cli.ts";

test("docs/cost.md has the tables that the command prints; when not: node infra/cost/document.ts", () => {
  const { written, printed } = costDocument();
  expect(written).toBe(printed);
});

test("a month's bill, by service and by stream, with the first limit", async () => {
  const { stdout, exit } = await callCli(["cost", "--per-month", "1000000", "--mix", "ticket=60,personal=40"]);
  expect(exit).toBe(0);
  for (const text of [
    "1,000,000 mails a month",
    "| SES ",
    "| ticket ",
    "| personal ",
    "SES Mail Manager: ",
    "First limit: ",
  ])
    expect(stdout).toContain(text);
  expect(stdout).not.toContain("| bounce ");
});

test("--json is one object whose lines make the sum", async () => {
  const { stdout } = await callCli(["cost", "--per-month", "30000", "--json"]);
  const answer = JSON.parse(stdout) as { usdTo: number; usdFrom: number; lines: { usd: number }[]; perMail: object };
  expect(answer.lines.reduce((sum, { usd }) => sum + usd, 0)).toBeCloseTo(answer.usdTo, 9);
  expect(answer.usdFrom).toBeLessThanOrEqual(answer.usdTo);
  expect(Object.keys(answer.perMail)).toContain("quarantine");
});

test.for([
  [["--mix", "invoices=1"], 'nobody measured the stream "invoices"'],
  [["--mix", "ticket=much"], "--mix: the part of ticket is no number"],
  [["--mix", "ticket"], "--mix: the part of ticket is no number"],
  [["--mix", "ticket=0"], "every part is 0"],
] as const)("%j is refused with the remedy", async ([args, says]) => {
  const { stderr, exit } = await callCli(["cost", ...args]);
  expect(exit).toBe(1);
  expect(stderr).toContain(says);
});

test("--per-month 0 is wrong usage", async () => {
  expect((await callCli(["cost", "--per-month", "0"])).exit).toBe(2);
});
