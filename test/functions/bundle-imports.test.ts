import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

test.for([
  "functions",
  "shared",
])("%s imports zod as a namespace: as a name it brings 260 KB of translations into each bundle", (folder) => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(20);
  const wrong = files.filter((name) => /import \{[^}]*\} from "zod"/.test(readFileSync(join(folder, name), "utf8")));
  expect(wrong).toEqual([]);
});
