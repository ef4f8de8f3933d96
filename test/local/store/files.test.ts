import { expect, test } from "vitest";
import { createRounds } from "../../../local/store/files.ts";

/** Work whose rounds end when the test says so. */
function heldWork() {
  const rounds: PromiseWithResolvers<void>[] = [];
  const work = () => {
    const round = Promise.withResolvers<void>();
    rounds.push(round);
    return round.promise;
  };
  return { rounds, work };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("whoever comes while a round runs shares the next one, however many come", async () => {
  const { rounds, work } = heldWork();
  let idle = 0;
  const ask = createRounds(work, () => {
    idle += 1;
  });
  const first = ask();
  const late = Array.from({ length: 1_000 }, () => ask());
  expect(rounds).toHaveLength(1);
  expect(new Set(late).size).toBe(1);
  rounds[0]?.resolve();
  await first;
  await settled();
  expect(rounds).toHaveLength(2);
  const later = ask();
  expect(later).not.toBe(late[0]);
  expect(idle).toBe(0);
  rounds[1]?.resolve();
  await Promise.all(late);
  await settled();
  rounds[2]?.resolve();
  await later;
  expect(rounds).toHaveLength(3);
  expect(idle).toBe(1);
  const again = ask();
  rounds[3]?.resolve();
  await again;
  expect(idle).toBe(2);
});

test("a failure is told to those who share the round, and the next round is begun all the same", async () => {
  const { rounds, work } = heldWork();
  const ask = createRounds(work);
  const first = ask();
  const second = [ask(), ask()];
  rounds[0]?.reject(new Error("first"));
  await expect(first).rejects.toThrow("first");
  await settled();
  rounds[1]?.reject(new Error("second"));
  for (const one of second) await expect(one).rejects.toThrow("second");
  await settled();
  const third = ask();
  rounds[2]?.resolve();
  await third;
});
