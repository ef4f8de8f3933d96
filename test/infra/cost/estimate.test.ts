import { expect, test } from "vitest";
import {
  busySeconds,
  estimateMail,
  estimateMonth,
  estimateOthers,
  type Stage,
  usdOf,
} from "../../../infra/cost/estimate.ts";
import { limitsAt } from "../../../infra/cost/limits.ts";
import type { MailUse, Measured } from "../../../infra/cost/measured.ts";
import { measured } from "../../../infra/cost/measured.ts";
import { prices } from "../../../infra/cost/prices.ts";
import { dollars, firstLimit, table } from "../../../infra/cost/tables.ts";

const stage: Stage = { queues: 2, alarms: 5, memoryMb: { journal: 1769, worker: 1769 }, workerConcurrency: 10 };
const use: MailUse = {
  invocations: { journal: 1, worker: 1 },
  writeUnits: { ledger: 8, store: 2 },
  readUnits: 4,
  requests: { dynamodb: 10, sqs: 1, sns: 0, "s3-read": 1, "s3-write": 0, kms: 0 },
  sends: 1,
  logBytes: 1024 - 600,
  tableBytes: 1024,
};
const from: Measured = {
  streams: { one: { single: use, full: { ...use, invocations: { journal: 1, worker: 0.1 } }, decrypts: 2 } },
  cpuMs: { journal: { warm: 10, first: 100 }, worker: { warm: 20, first: 200 } },
  metrics: ["MailRouted"],
};
const workload = { perMonth: 1_000_000, mix: { one: 1 }, sizeBytes: 600 * 1024, keepMonths: 1, encrypt: false };
const quantityOf = (estimate: ReturnType<typeof estimateMonth>, key: string) =>
  estimate.lines.find((line) => line.key === key)?.quantity;

test("one mail is its counts times the prices", () => {
  const { lines, usd } = estimateMail("one", workload, stage, "single", from);
  const quantities = Object.fromEntries(lines.map(({ key, quantity }) => [key, quantity]));
  expect(quantities).toMatchObject({
    "ses-received": 1,
    "ses-chunk": 2,
    "ses-sent": 1,
    "s3-write": 1,
    "s3-read": 1,
    "sns-publish": 1,
    // To two queues, one by our functions, one batch received and deleted.
    "sqs-request": 5,
    "lambda-request": 2,
    "dynamodb-write": 10,
    "dynamodb-read": 4,
    "logs-gb": 1024 / 1024 ** 3,
  });
  expect(usd).toBeCloseTo(
    lines.reduce((sum, { key, quantity }) => sum + (quantity * prices[key].usd) / prices[key].per, 0),
    12,
  );
  expect(quantities["kms-request"]).toBeUndefined();
  expect(
    estimateMail("one", { ...workload, encrypt: true }, stage, "single", from).lines.find(
      ({ key }) => key === "kms-request",
    )?.quantity,
  ).toBe(3);
});

test("a function has its processor's share: half the memory, twice the time", () => {
  const whole = busySeconds("one", stage, "single", from)["worker"] ?? 0;
  const half =
    busySeconds("one", { ...stage, memoryMb: { journal: 1769, worker: 884.5 } }, "single", from)["worker"] ?? 0;
  expect(half - whole).toBeCloseTo(0.02, 6);
});

test("a month is its mails and what the stage costs by itself; no stage costs nothing", () => {
  const month = estimateMonth(workload, stage, "single", { from });
  expect(quantityOf(month, "ses-received")).toBe(1_000_000);
  expect(quantityOf(month, "alarm")).toBe(5);
  const silent = estimateMonth({ ...workload, perMonth: 0 }, stage, "single", { from });
  expect(silent.lines.map(({ key }) => key)).toEqual(
    ["sqs-request", "alarm", "dashboard", "secret"].sort(
      (a, b) => silent.lines.findIndex((l) => l.key === a) - silent.lines.findIndex((l) => l.key === b),
    ),
  );
  // 2 queues, 5 pollers, one request in 20 seconds.
  expect(quantityOf(silent, "sqs-request")).toBe(2 * 5 * (2_592_000 / 20));
});

test("batches of ten cost less than batches of one, and more mail never costs less", () => {
  let before = 0;
  for (const perMonth of [0, 1, 100, 10_000, 1_000_000, 100_000_000]) {
    const [full, single] = (["full", "single"] as const).map(
      (batches) => estimateMonth({ ...workload, perMonth }, stage, batches, { from }).usd,
    ) as [number, number];
    expect(full).toBeLessThanOrEqual(single);
    expect(full).toBeGreaterThanOrEqual(before);
    before = full;
  }
});

test("what is always free is taken off each line, and no line falls below nothing", () => {
  const paid = estimateMonth(workload, stage, "single", { from });
  const free = estimateMonth(workload, stage, "single", { from, freeTier: true });
  expect(usdOf(paid, ["sns-publish"])).toBeCloseTo(0.5, 6);
  expect(usdOf(free, ["sns-publish"])).toBe(0);
  expect(free.lines.every(({ usd }) => usd >= 0)).toBe(true);
  expect(usdOf(free, ["ses-received"])).toBe(usdOf(paid, ["ses-received"]));
});

test("others: Mail Manager takes the place of SES's receiving alone; no price is made up above what is published", () => {
  const month = estimateMonth(workload, stage, "single", { from });
  const [manager, hosted] = estimateOthers(1_000_000, month);
  expect(manager?.usd).toBeCloseTo(50 + 150 + month.usd - usdOf(month, ["ses-received", "ses-chunk"]), 6);
  expect(hosted?.usd).toBeCloseTo(16.5 + 990 * 1.3, 6);
  expect(estimateOthers(100_000_000, month)[1]?.usd).toBeUndefined();
});

test("limits: the one that is nearest comes first, and grows with the mail", () => {
  const at = (perDay: number, of = stage) => limitsAt(perDay, { ...workload, encrypt: true }, of, from);
  const small = at(864_000);
  const find = (name: string, limits = small) => limits.find((limit) => limit.name === name);
  // 10 a second on average, 40 in the busiest.
  expect(find("s3-prefix")?.used).toBeCloseTo(40, 6);
  expect(find("kms")?.used).toBeCloseTo(40 * 3, 6);
  expect(find("dynamodb-table")?.used).toBeCloseTo(40 * 8, 6);
  expect(find("ses-sending")?.used).toBe(864_000);
  expect(small[0]?.name).toBe("ses-sending");
  expect(firstLimit(small)).toBe("SES sending");
  expect(firstLimit(at(10))).toMatch(/^none /);
  expect(find("worker-concurrency", at(8_640_000))?.used).toBeCloseTo(10 * (find("worker-concurrency")?.used ?? 0), 6);
});

test("every stream was measured with batches of both sizes, within the ledger's bound of design.md §5", () => {
  expect(Object.keys(measured.streams)).toEqual(
    expect.arrayContaining([
      "personal",
      "ticket",
      "unsubscribe",
      "bounce",
      "complaint",
      "auto-reply",
      "list",
      "quarantine",
    ]),
  );
  for (const { single, full } of Object.values(measured.streams)) {
    // 8, and the worker's own note of its effect, twice in a transaction.
    expect(single.writeUnits.ledger).toBeLessThanOrEqual(10);
    expect(full.writeUnits.ledger).toBeLessThanOrEqual(single.writeUnits.ledger);
    for (const name of Object.keys(single.invocations)) expect(measured.cpuMs[name]?.warm).toBeGreaterThan(0);
  }
});

test("every price says where it is from and when", () => {
  for (const price of Object.values(prices)) {
    expect(price.published).toMatch(/^https:\/\/(?:docs\.)?aws\.amazon\.com\//);
    expect(price.asOf).toMatch(/^20\d\d-\d\d/);
    expect(price.usd).toBeGreaterThan(0);
  }
});

test.for([
  [0, "0.00"],
  [0.0012, "0.0012"],
  [12.345, "12.35"],
  [1234.5, "1,235"],
] as const)("%d USD is written %s", ([usd, text]) => expect(dollars(usd)).toBe(text));

test("a table's figures stand to the right", () => {
  expect(
    table(
      ["a", "n"],
      [
        ["long", "1"],
        ["b", "20"],
      ],
    ).split("\n"),
  ).toEqual(["| a    |   n |", "| ---- | --: |", "| long |   1 |", "| b    |  20 |"]);
});
