import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { figures, type Measurements, withFigures } from "../slow/crash/figures.ts";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/guarantees.md", root), "utf8");
const measured = JSON.parse(readFileSync(new URL("docs/guarantees.json", root), "utf8")) as Measurements;
const promises = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("`test/"))
  .map((line) => line.slice(2, -2).split(" | ") as [string, string, string, string]);

test("the page's figures are those that were measured, and the code's defaults", () => {
  expect(page === withFigures(page, figures(measured)), "docs/guarantees.md: npm run guarantees").toBe(true);
});

test("what was measured is enough to speak of, and found nothing; every forgotten sync was found", () => {
  expect(measured.rounds.rounds).toBeGreaterThanOrEqual(200);
  expect(measured.rounds.faults + measured.powerCut.faults + measured.powerCut.restartFaults).toBe(0);
  expect(measured.soak.faults).toBe(0);
  expect(Object.values(measured.powerCut.forgotten).filter((found) => found === 0)).toEqual([]);
});

test("there are promises", () => expect(promises.length).toBeGreaterThan(8));

test.for(promises)("%s: code and tests that it names are there", ([, keptBy, attackedBy, voidWhen]) => {
  const files = [...keptBy.matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? "");
  expect(files.length).toBeGreaterThan(0);
  for (const path of files) expect(existsSync(new URL(path, root)), path).toBe(true);
  for (const part of attackedBy.split("; ")) {
    const path = /`(test\/[^`]+)`/.exec(part)?.[1] ?? "";
    expect(existsSync(new URL(path, root)), path).toBe(true);
    const code = readFileSync(new URL(path, root), "utf8");
    for (const [, title] of part.matchAll(/"([^"]+)"/g)) expect(code, `${path}: ${title}`).toContain(title);
  }
  expect(voidWhen).toMatch(/\S/);
});
