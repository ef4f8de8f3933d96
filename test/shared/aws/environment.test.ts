import { expect, test } from "vitest";
import { readEnvironment } from "../../../shared/aws/environment.ts";

const whole = { MAILWEIR_STAGE: "prod", MAILWEIR_ACCOUNT_ID: "111122223333", AWS_REGION: "eu-west-1" };

test("three names are enough; the rest follows from the stage", () => {
  expect(readEnvironment(whole)).toEqual({
    stage: "prod",
    prefix: "mailweir-prod",
    region: "eu-west-1",
    accountId: "111122223333",
    ledgerTable: "mailweir-prod-ledger",
    storeTable: "mailweir-prod-store",
    keepDays: 400,
  });
});

test("the optional ones are taken as they are", () => {
  const env = readEnvironment({
    ...whole,
    MAILWEIR_LEDGER_TABLE: "l-1",
    MAILWEIR_STORE_TABLE: "s-1",
    MAILWEIR_KEEP_DAYS: "30",
  });
  expect(env).toMatchObject({
    ledgerTable: "l-1",
    storeTable: "s-1",
    keepDays: 30,
  });
});

test("everything that is missing or wrong is named at once, without its value", () => {
  const wrong = { MAILWEIR_STAGE: "hunter2!", MAILWEIR_KEEP_DAYS: "0" };
  const thrown = () => readEnvironment(wrong);
  expect(thrown).toThrow(
    /MAILWEIR_STAGE is wrong.*MAILWEIR_ACCOUNT_ID is missing.*AWS_REGION is missing.*KEEP_DAYS is wrong/,
  );
  expect(thrown).not.toThrow(/hunter2/);
});
