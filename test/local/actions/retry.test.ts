import { expect, test } from "vitest";
import { retryAt } from "../../../local/actions/retry.ts";

const received = new Date("2026-08-04T09:00:00Z");
const after = (ms: number) => new Date(received.getTime() + ms);
const drawing = (octet: number) => ({ bytes: (count: number) => new Uint8Array(count).fill(octet) });
const delay = (attempts: number, octet: number) =>
  (retryAt(attempts, received, received, drawing(octet))?.getTime() ?? 0) - received.getTime();

test("the delay doubles from one second to five minutes, and up to half of it is taken off", () => {
  expect([1, 2, 3, 8, 9, 10, 40].map((attempts) => delay(attempts, 0))).toEqual([
    1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000,
  ]);
  expect(delay(1, 255)).toBe(501);
  expect(delay(40, 255)).toBe(150_003);
});

test("the last attempt is at four hours after receipt, and none follows", () => {
  expect(retryAt(9, received, after(14_399_000), drawing(0))).toEqual(after(14_400_000));
  expect(retryAt(9, received, after(14_400_000), drawing(0))).toBeUndefined();
});
