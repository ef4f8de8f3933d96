import { expect, test } from "vitest";
import { byteBudget } from "../../functions/byte-budget.ts";

test("what fits begins, what does not waits its turn, and something too heavy runs alone", async () => {
  const budget = byteBudget(100);
  const begun: string[] = [];
  const ask = (name: string, bytes: number) =>
    budget.take(bytes).then((release) => {
      begun.push(name);
      return release;
    });
  const first = ask("60", 60);
  const second = ask("40", 40);
  const heavy = ask("500", 500);
  const late = ask("1", 1);
  const [releaseFirst, releaseSecond] = [await first, await second];
  expect(begun).toEqual(["60", "40"]);
  releaseFirst();
  await Promise.resolve();
  expect(begun).toEqual(["60", "40"]);
  releaseSecond();
  const releaseHeavy = await heavy;
  expect(begun).toEqual(["60", "40", "500"]);
  releaseHeavy();
  await late;
  expect(begun).toEqual(["60", "40", "500", "1"]);
});
