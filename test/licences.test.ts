import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

// What may be passed on with a program under MIT, with its notice kept.
const allowed = new Set(["MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "Unlicense"]);

test("every dependency that ships has a licence that allows it", () => {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    packages: Record<string, { license?: string; dev?: boolean }>;
  };
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== "" && dev !== true);
  expect(shipped.length).toBeGreaterThan(100);
  const alternatives = (licence = "none") => licence.replace(/^\(|\)$/g, "").split(" OR ");
  const others = shipped.filter(([, { license }]) => !alternatives(license).some((one) => allowed.has(one)));
  expect(others.map(([path, { license }]) => `${path}: ${license ?? "no licence"}`)).toEqual([]);
});
