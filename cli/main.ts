import { CommanderError } from "commander";
import { MailweirError } from "../shared/errors.ts";
import { createProgram } from "./program.ts";

/** Exit status when the command line itself cannot be understood. */
const usageError = 2;

/**
 * Runs the command line; sets the exit status: 0 done, 1 the command failed (its reason is on stderr), 2 wrong usage.
 *
 * @param argv - as `process.argv`
 */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that went away (`… | head`) is no error of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  try {
    const program = await createProgram(argv[2]);
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Says what went wrong on stderr, with the remedy and without a stack; answers the exit status. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
  if (error instanceof MailweirError) {
    process.stderr.write(`mailweir: ${error.message}\n`);
    return 1;
  }
  const text = error instanceof Error ? error.message : String(error);
  // What bundles and packages a stage is no dependency of the package (docs/package.md).
  if (/^Cannot find package '(?:esbuild|osls)'/.test(text)) {
    process.stderr.write("mailweir: Deploying is done from a clone, not from the package: see docs/package.md\n");
    return 1;
  }
  process.stderr.write(`mailweir: unexpected: ${text}\nSet MAILWEIR_DEBUG=1 to see where, and please report it.\n`);
  if (process.env["MAILWEIR_DEBUG"] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return 1;
}
