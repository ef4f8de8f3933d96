import { stagePrefix } from "../config/names.ts";
import type { ResolvedRetention } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import { periodsOf } from "../retention/period.ts";

/**
 * What a deployed function reads from its environment, once, at cold start. All the rest is derived from it and from the
 * configuration, which the bundle holds (see `open-config.ts`), so that no function carries a list of queues around:
 *
 * | name                    | value                                                                             |
 * | ----------------------- | --------------------------------------------------------------------------------- |
 * | `MAILWEIR_STAGE`        | `prod`, `dev`, …: everything is named `mailweir-<stage>…` (`shared/config/names`) |
 * | `MAILWEIR_ACCOUNT_ID`   | twelve digits                                                                     |
 * | `AWS_REGION`            | set by Lambda; must be the region of the configuration                            |
 * | `MAILWEIR_LEDGER_TABLE` | optional; default `mailweir-<stage>-ledger` (`tables.ts`)                         |
 * | `MAILWEIR_STORE_TABLE`  | optional; default `mailweir-<stage>-store`                                        |
 * | `MAILWEIR_CONFIG_VERSION` | optional; the configuration's version as whoever deployed it knows it: a bundle's functions read otherwise |
 * | `MAILWEIR_KEEP_DAYS`    | optional; how long the ledger remembers a mail, default 400                       |
 *
 * Never a secret: those are named by the configuration (`SecretSource`) and read when they are needed.
 * Beside it only `json-client.ts` reads `process.env`, for names that the AWS SDK reads too: `AWS_ENDPOINT_URL`, which leads to an
 * emulator, `AWS_USE_FIPS_ENDPOINT`, and the credentials.
 *
 * What else has to be there: the tables of `tables.ts`; the queues, topics and event sources of `deriveTopology`; the
 * bucket (its `ObjectCreated` events below `names.keyPrefix` only); the key behind the alias `names.kmsKeyArn`; and a
 * role per function with what `permissions.ts` lists. Queue names are at most 80 characters long, so a stage has at most 12.
 */
export interface Environment {
  readonly stage: string;
  /** `mailweir-<stage>`. */
  readonly prefix: string;
  readonly region: string;
  /** An emulator, where `AWS_ENDPOINT_URL` names one. */
  readonly endpoint?: string;
  readonly accountId: string;
  readonly ledgerTable: string;
  readonly storeTable: string;
  readonly keepDays: number;
  /** Of the file that was deployed. */
  readonly configVersion?: string;
}

export const defaultKeepDays = 400;

/** So long the ledger remembers mails by default: longer than any of them is kept that ends at all, or nobody would know its period. */
export function keepDaysFor(retention: ResolvedRetention): number {
  const longest = Math.max(0, ...periodsOf(retention).filter(Number.isFinite));
  return Math.max(defaultKeepDays, Math.ceil(longest) + 30);
}

export class EnvironmentError extends MailweirError {
  readonly code = "ERR_ENVIRONMENT";
  readonly retryable = false;
  constructor(faults: readonly string[]) {
    super(
      `This function's environment is incomplete: ${faults.join("; ")}. The deployment sets it; see shared/aws/environment.ts`,
    );
  }
}

interface Variable {
  readonly pattern: RegExp;
  readonly what: string;
  readonly optional?: true;
}

const variables = {
  MAILWEIR_STAGE: {
    pattern: /^[a-z][a-z0-9-]{0,11}$/,
    what: "lower-case letters, digits and hyphens, a letter first, at most 12",
  },
  MAILWEIR_ACCOUNT_ID: { pattern: /^\d{12}$/, what: "twelve digits" },
  AWS_REGION: { pattern: /^[a-z]{2,}(?:-[a-z]+)+-\d$/, what: "a region's name" },
  MAILWEIR_LEDGER_TABLE: { pattern: /^[A-Za-z0-9_.-]{3,255}$/, what: "a table's name", optional: true },
  MAILWEIR_STORE_TABLE: { pattern: /^[A-Za-z0-9_.-]{3,255}$/, what: "a table's name", optional: true },
  MAILWEIR_CONFIG_VERSION: { pattern: /^[0-9a-f]{16}$/, what: "sixteen hexadecimal digits", optional: true },
  MAILWEIR_KEEP_DAYS: { pattern: /^[1-9]\d{0,4}$/, what: "a number of days from 1", optional: true },
} as const satisfies Readonly<Record<string, Variable>>;

/** @throws {EnvironmentError} naming every missing or wrong name, never a value */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const faults = Object.entries<Variable>(variables).flatMap(([name, { pattern, what, optional }]) => {
    const value = env[name];
    if (value === undefined) return optional ? [] : [`${name} is missing (${what})`];
    return pattern.test(value) ? [] : [`${name} is wrong (${what})`];
  });
  const stage = env["MAILWEIR_STAGE"];
  const region = env["AWS_REGION"];
  const accountId = env["MAILWEIR_ACCOUNT_ID"];
  if (faults.length > 0 || stage === undefined || region === undefined || accountId === undefined) {
    throw new EnvironmentError(faults);
  }
  const prefix = stagePrefix(stage);
  const endpoint = env["AWS_ENDPOINT_URL"];
  const configVersion = env["MAILWEIR_CONFIG_VERSION"];
  return Object.freeze({
    stage,
    prefix,
    region,
    ...(endpoint !== undefined && endpoint !== "" && { endpoint }),
    accountId,
    ledgerTable: env["MAILWEIR_LEDGER_TABLE"] ?? `${prefix}-ledger`,
    storeTable: env["MAILWEIR_STORE_TABLE"] ?? `${prefix}-store`,
    keepDays: Number(env["MAILWEIR_KEEP_DAYS"] ?? defaultKeepDays),
    ...(configVersion !== undefined && { configVersion }),
  });
}
