import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bombs } from "./bombs.ts";
import { mailFiles, mutateAll, understandWhole } from "./mutate-mails.ts";

// A sample of what `npm run mutate` does with 100,000.
test("5,000 mutations of mails neither throw nor take 2 s of CPU", async () => {
  const corpus = "../shared/corpus";
  const folders = existsSync(corpus)
    ? ["torture", "mime", "dsn", "arf"].map((name) => `${corpus}/${name}`)
    : ["test/mail"];
  const { slowestMs } = await mutateAll(folders.flatMap(mailFiles), 5_000);
  expect(slowestMs).toBeGreaterThan(0);
});

describe("a bomb is read to the limits, and what exceeds them is suspicious", () => {
  test.for([...bombs()].map(({ name }) => name))("%s", async (name) => {
    const bomb = [...bombs()].find((candidate) => candidate.name === name);
    const { line } = await understandWhole(bomb?.raw ?? new Uint8Array());
    expect(line.message.defects.length).toBeLessThanOrEqual(100);
    if (bomb?.exceeds)
      expect(line.safety).toMatchObject({ kind: "suspicious", reasons: [expect.stringContaining("over a limit")] });
  });
});
