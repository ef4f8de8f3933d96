import { expect, test } from "vitest";
import { pairedRatio, spread } from "../../bench/measure/ratios.ts";

test("a ratio is taken within each round, so that a slow minute meets both sides", () => {
  // Ours is twice as fast in each round; the machine became ten times slower in the last two.
  expect(pairedRatio([200, 20, 20], [100, 10, 10])).toEqual({ median: 2, min: 2, max: 2 });
});

test.for<[string, number[], number]>([
  ["an odd number of rounds", [5, 1, 3], 3],
  ["an even number of rounds", [4, 1, 3, 2], 2.5],
])("the median of %s", ([, values, median]) => expect(spread(values).median).toBe(median));
