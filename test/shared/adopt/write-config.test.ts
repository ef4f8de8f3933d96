import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { writeConfig } from "../../../shared/adopt/write-config.ts";
import { temporaryFolder } from "../../cli/config-file.ts";
import { fc } from "../../property.ts";

test("what was written is what is read", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "define.mjs"), "export const defineMail = (config) => config;\n");
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), async (config, line) => {
      count += 1;
      const file = join(folder, `config-${count}.ts`);
      await writeFile(
        file,
        writeConfig(config, { defineMail: "./define.mjs", comment: [`${line}\r\n*/ \u2028 ${line}`] }),
      );
      const { default: read } = await import(pathToFileURL(file).href);
      expect(JSON.stringify(read)).toBe(JSON.stringify(config));
    }),
    {
      numRuns: 50,
      examples: [
        [{ __proto__: { a: 1 } } as never, ""],
        [{ "a-b": [1, "x".repeat(200)], c: {} }, "*/"],
      ],
    },
  );
});

test("as a person would write it", () => {
  const config = {
    domains: ["example.com"],
    ruleSet: { name: "main", rules: [{ name: "a", recipients: ["x".repeat(60), "y".repeat(60)] }] },
  };
  expect(
    writeConfig(config, { defineMail: "./define-mail.ts", comment: ["From an account."] }),
  ).toBe(`import { defineMail } from "./define-mail.ts";

// From an account.
export default defineMail({
  domains: ["example.com"],
  ruleSet: {
    name: "main",
    rules: [
      {
        name: "a",
        recipients: [
          "${"x".repeat(60)}",
          "${"y".repeat(60)}",
        ],
      },
    ],
  },
});
`);
});
