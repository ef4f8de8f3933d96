import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { certaintyList, choiceTable, replyTable, rowTable, rowTests } from "../../bench/fidelity-page.ts";
import { configSchema, knownKeys } from "../../shared/config/config-schema.ts";
import { type Choice, choices } from "../../shared/receipt/choices.ts";
import { rows } from "../local/conformance-rows.ts";

const page = readFileSync(new URL("../../docs/ses-fidelity.md", import.meta.url), "utf8");
const stale = "docs/ses-fidelity.md is out of date: npm run fidelity";

test.for<[string, () => string]>([
  ["choices", choiceTable],
  ["certainties", certaintyList],
  ["rows", rowTable],
  ["replies", replyTable],
])("the page lists the %s as they are in the code", ([, table]) => {
  expect(page.includes(table()), stale).toBe(true);
});

test("every row of the checklist has its test", () => {
  const numbers = Object.keys(rows).map(Number) as (keyof typeof rows)[];
  expect(numbers).toEqual(Array.from({ length: 35 }, (_, at) => at + 1));
  expect(numbers.filter((number) => rowTests(number).length === 0)).toEqual([]);
});

test.for(Object.entries<Choice>(choices))("the choice %s names a file and a setting that are there", ([, choice]) => {
  expect(existsSync(new URL(`../../${choice.code}`, import.meta.url)), choice.code).toBe(true);
  if (choice.option === undefined) return;
  const path = choice.option.split(".");
  const key = path.pop() ?? "";
  const known = path.length === 0 ? Object.keys(configSchema.shape) : (knownKeys[path.join(".")] ?? []);
  expect(known, choice.option).toContain(key);
});
