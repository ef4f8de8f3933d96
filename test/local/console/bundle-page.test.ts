import { expect, test } from "vitest";
import { bundlePage } from "../../../local/console/bundle-page.ts";

test("the page is one script and one style sheet, small, and names nothing elsewhere", async () => {
  const { js, css } = await bundlePage();
  expect(js.length).toBeLessThan(120_000);
  expect(css).toContain("prefers-color-scheme");
  expect(css).not.toMatch(/@import|url\(/);
  // Namespaces of SVG and MathML are names, not addresses that anything asks.
  const elsewhere = js.match(/https?:\/\/[^"'`\s]+/g)?.filter((url) => !url.startsWith("http://www.w3.org/"));
  expect(elsewhere ?? []).toEqual([]);
});
