import type { Command } from "commander";
import { MailweirError } from "../shared/errors.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";

export class NoSuchMessageError extends MailweirError {
  readonly code = "ERR_NO_SUCH_MESSAGE";
  readonly retryable = false;
}

/** No output file, and nothing left of one. */
export class OutputError extends MailweirError {
  readonly code = "ERR_OUTPUT";
  readonly retryable = false;
}

export function register(program: Command): void {
  program
    .command("raw <sesMessageId>")
    .description("write a message's bytes: as stored, SES's header block on top, or exactly as received")
    .option("--without-ses-block", "exactly as the sender sent it")
    .option("--out <file>", "into a file, which appears only when it is complete")
    .option("--json", "one JSON object: the bytes as base64, or with --out the file that has them")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .addHelpText(
      "after",
      "\nExample:\n  mailweir raw 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1 --without-ses-block --out mail.eml",
    )
    .action(
      async (
        id: string,
        options: FolderOptions & { readonly withoutSesBlock?: boolean; readonly out?: string; readonly json?: boolean },
      ) => {
        const { dataFolderOf, openForReading } = await import("./data-folder.ts");
        const { parseSesMessageId } = await import("../shared/ses-message-id.ts");
        const store = await openForReading(options);
        try {
          const sesMessageId = parseSesMessageId(id);
          if (!sesMessageId || !(await store.engine.message(sesMessageId))) {
            throw new NoSuchMessageError(
              `There is no message ${JSON.stringify(id)} here: see  mailweir list  for those that are`,
            );
          }
          const { storedMessage } = await import("./stored-message.ts");
          const octets = options.withoutSesBlock
            ? store.engine.openRaw(sesMessageId)
            : await storedMessage(store, await dataFolderOf(options), sesMessageId);
          await writeOctets(octets, options.out, options.json ? { sesMessageId } : undefined);
        } finally {
          await store.close();
        }
      },
    );
}

/**
 * To stdout, or into a file that appears only when it is complete.
 *
 * @param about - for `--json`: what is told beside the octets
 * @throws {OutputError}
 */
export async function writeOctets(
  octets: AsyncIterable<Uint8Array>,
  out: string | undefined,
  about?: object,
): Promise<void> {
  if (about !== undefined) return writeAsJson(octets, out, about);
  const { pipeline } = await import("node:stream/promises");
  if (out === undefined) {
    await pipeline(octets, process.stdout, { end: false });
    return;
  }
  const { createWriteStream } = await import("node:fs");
  const { rename, rm } = await import("node:fs/promises");
  const temporary = `${out}.${process.pid}.part`;
  try {
    // "wx": what lies there by chance, or as a link, is not ours to write through.
    await pipeline(octets, createWriteStream(temporary, { flags: "wx", flush: true }));
    await rename(temporary, out);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    if (code !== "EEXIST") await rm(temporary, { force: true });
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new OutputError(`--out ${out} cannot be written (${code}): check folder, rights and space`, { cause: error });
  }
}

async function writeAsJson(octets: AsyncIterable<Uint8Array>, out: string | undefined, about: object): Promise<void> {
  const { buffer } = await import("node:stream/consumers");
  if (out === undefined) {
    const bytes = await buffer(octets);
    process.stdout.write(`${jsonText({ ...about, sizeBytes: bytes.length, base64: bytes.toString("base64") })}\n`);
    return;
  }
  let sizeBytes = 0;
  async function* counting() {
    for await (const chunk of octets) {
      sizeBytes += chunk.length;
      yield chunk;
    }
  }
  await writeOctets(counting(), out);
  process.stdout.write(`${jsonText({ ...about, sizeBytes, file: out })}\n`);
}
