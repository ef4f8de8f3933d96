import { readFile, stat } from "node:fs/promises";
import { MailweirError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/ports.ts";
import { type AddressSet, createAddressSet } from "../../shared/receipt/address-set.ts";
import { validateCidr } from "../../shared/receipt/ip-filter.ts";
import type { Log } from "../log.ts";

export class BlockListFileError extends MailweirError {
  readonly code = "ERR_BLOCK_LIST_FILE";
  readonly retryable = false;
}

export interface FileList {
  /** The entry that holds the address, with its place in the file. */
  find(ip: string): Promise<string | undefined>;
}

// A file changes by the hour at most; each mail need not look.
const lookEveryMs = 2_000;
const maxBytes = 67_108_864;

/**
 * A block list in a file: an address or CIDR block a line, behind it what one likes, `#` and `;` begin comments. Read again
 * when it changed; while the new one cannot be read, the last good one holds.
 *
 * @throws {BlockListFileError} at the start, when it cannot be read or a line is wrong
 */
export async function openFileList(file: string, clock: Clock, log: Pick<Log, "info" | "error">): Promise<FileList> {
  let version = await versionOf(file);
  let entries = await load(file);
  let lookedAt = clock.now().getTime();
  let looking: Promise<void> | undefined;

  const look = async () => {
    const found = await versionOf(file);
    if (found === version) return;
    // Noted before it is read: a file that is wrong is told of once.
    version = found;
    entries = await load(file);
    log.info("block list read again", { file, entries: entries.size });
  };
  return {
    async find(ip) {
      const now = clock.now().getTime();
      if (now - lookedAt >= lookEveryMs && !looking) {
        lookedAt = now;
        looking = look()
          .catch((error: unknown) =>
            log.error("block list not read again, the last good one holds", {
              file,
              error: error instanceof Error ? error.message : String(error),
            }),
          )
          .finally(() => {
            looking = undefined;
          });
      }
      await looking;
      const line = entries.find(ip);
      return line && `${file}, line ${line.number}: ${line.cidr}`;
    },
  };
}

interface Line {
  readonly number: number;
  readonly cidr: string;
}

async function versionOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function load(file: string): Promise<AddressSet<Line>> {
  let text: string;
  try {
    text = await readFile(file, "latin1");
  } catch (error) {
    throw unreadable(file, error);
  }
  if (text.length > maxBytes) throw new BlockListFileError(`The block list ${file} is larger than ${maxBytes} bytes`);
  const blocks: (readonly [string, Line])[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const cidr =
      line
        .replace(/[#;].*$/s, "")
        .trim()
        .split(/\s/)[0] ?? "";
    if (cidr === "") continue;
    if (validateCidr(cidr)) {
      throw new BlockListFileError(
        `Line ${index + 1} of the block list ${file} is no address or CIDR block: ${JSON.stringify(cidr.slice(0, 60))}`,
      );
    }
    blocks.push([cidr, { number: index + 1, cidr }]);
  }
  return createAddressSet(blocks);
}

function unreadable(file: string, error: unknown): BlockListFileError {
  const why = error instanceof Error ? error.message : String(error);
  return new BlockListFileError(`The block list ${file} cannot be read (${why}): check local.blockLists.files`, {
    cause: error,
  });
}
