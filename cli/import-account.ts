import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Account } from "../shared/adopt/account.ts";
import { type AdoptedFunction, type Adoption, adoptAccount } from "../shared/adopt/adopt-account.ts";
import { writeConfig } from "../shared/adopt/write-config.ts";
import { type AccountOptions, readAccount } from "../shared/aws/read-account.ts";
import { resolveConfig } from "../shared/config/resolve-config.ts";
import { MailweirError } from "../shared/errors.ts";

export interface ImportOptions extends AccountOptions {
  /** Where to write the configuration; without, it is only answered. */
  readonly out?: string;
  /** Replace a file that is there. Stubs of functions are never replaced. */
  readonly force?: boolean;
}

export interface Imported extends Adoption {
  readonly account: Account;
  /** The configuration as a TypeScript file. */
  readonly source: string;
  /** Absolute paths of what was written. */
  readonly written: readonly string[];
}

export class ImportFileError extends MailweirError {
  readonly code = "ERR_IMPORT_FILE";
  readonly retryable = false;
}

/**
 * Reads an account's receiving and makes a configuration of it, which is checked as every configuration is.
 *
 * @throws {AccountError} {AdoptError} {ImportFileError} {ConfigError}
 */
export async function importAccount(options: ImportOptions): Promise<Imported> {
  const out = options.out === undefined ? undefined : resolve(options.out);
  if (out !== undefined && existsSync(out) && !options.force) {
    throw new ImportFileError(`${out} exists already: name another file with --out, or replace it with --force`);
  }
  const account = await readAccount(options);
  const adoption = adoptAccount(account);
  // What the engine would refuse is better heard of now.
  resolveConfig(adoption.config);
  const source = writeConfig(adoption.config, {
    defineMail: defineMailFrom(out === undefined ? process.cwd() : dirname(out)),
    comment: headline(account, adoption),
  });
  return {
    ...adoption,
    account,
    source,
    written: out === undefined ? [] : await write(out, source, adoption.functions),
  };
}

async function write(out: string, source: string, functions: readonly AdoptedFunction[]): Promise<string[]> {
  const written = [out];
  try {
    await mkdir(dirname(out), { recursive: true });
    const half = `${out}.${process.pid}.tmp`;
    await writeFile(half, source);
    await rename(half, out);
    for (const each of functions) {
      const file = join(dirname(out), each.module);
      await mkdir(dirname(file), { recursive: true });
      if (existsSync(file)) continue;
      await writeFile(file, stub(each));
      written.push(file);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ImportFileError(`The configuration cannot be written (${reason}): name another file with --out`, {
      cause: error,
    });
  }
  return written;
}

function stub({ arn, synchronous }: AdoptedFunction): string {
  const answer = synchronous
    ? `// The rules wait for the answer: CONTINUE, STOP_RULE or STOP_RULE_SET.
export const handler = async () => ({ disposition: "CONTINUE" });`
    : "export const handler = async () => null;";
  return `// Stands on this machine for ${arn}.
// Import the function's code here; it gets the same event as on AWS.
${answer}
`;
}

function headline({ region, accountId, ruleSet }: Account, { gaps }: Adoption): string[] {
  const open = gaps.filter(({ severity }) => severity !== "note");
  return [
    `Rule set "${ruleSet?.name ?? ""}" of ${accountId === undefined ? "an account" : `account ${accountId}`} in ${region}, read by mailweir import.`,
    ...(open.length > 0 ? ["Not in this file:"] : []),
    ...open.map(({ at, what }) => `- ${at}: ${what}`),
  ];
}

/** How a configuration in this folder imports `defineMail`. */
function defineMailFrom(folder: string): string {
  const file = fileURLToPath(new URL("../shared/config/define-mail.ts", import.meta.url));
  // The package has no such file: there it is JavaScript, and known by the package's name.
  if (!existsSync(file)) return "mailweir";
  const path = relative(folder, file).split(sep).join("/");
  return path.startsWith(".") ? path : `./${path}`;
}
