import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const corpus = "../shared/corpus";

test.skipIf(!existsSync(corpus))(
  "docs/understanding.md says what is measured (skipped where ../shared is missing)",
  async () => {
    const run = promisify(execFile)(process.execPath, ["bench/understand.ts", "--check", "--corpus", corpus]);
    await expect(run).resolves.toMatchObject({ stderr: "" });
  },
);
