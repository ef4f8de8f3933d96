import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, lstat, open, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import type { Keys } from "../shared/encryption/keys.ts";
import { parseKeysFile } from "../shared/encryption/keys-file.ts";
import { createKmsEndpointKeys } from "../shared/encryption/kms-endpoint.ts";
import { openEnvelope } from "../shared/encryption/open-envelope.ts";
import type { AwsCredentials } from "../shared/encryption/sign-aws4.ts";
import { MailweirError } from "../shared/errors.ts";

interface DecryptOptions {
  readonly metadata?: string;
  readonly keys?: string;
  readonly kms?: string;
  readonly out?: string;
  readonly authenticated?: boolean;
  readonly json?: boolean;
}

/** Describes `mailweir decrypt`: exit status 0, or 1 and one line `CODE: text, remedy` on stderr. */
export function register(program: Command): void {
  program
    .command("decrypt")
    .description("decrypt an object of an S3 action with a KMS key; a plain one is copied")
    .argument("<object>", "file with the object's bytes; <object>.instruction is read where the metadata lack the key")
    .option("--metadata <file>", "JSON of the object's user metadata, with or without x-amz-meta-")
    .option("--keys <file>", 'data keys instead of KMS: { "<encrypted key>": { "key": "…", "context": {…} } }, base64')
    .option("--kms <endpoint>", "a KMS endpoint; credentials and region from AWS_* variables")
    .option("--out <file>", "write here, whole or not at all, instead of to standard output")
    .option("--authenticated", "refuse AES/CBC, which proves nothing about who wrote the object")
    .option(
      "--json",
      "one JSON object: how it was encrypted, and the bytes as base64 or with --out the file that has them",
    )
    .addHelpText(
      "after",
      `
Examples:
  mailweir decrypt object --metadata head-object.json --kms https://kms.eu-west-1.amazonaws.com --out mail.eml
  mailweir decrypt object --metadata metadata.json --keys keys.json

Nothing is written before all of the object has proved authentic.`,
    )
    .action(async (objectPath: string, options: DecryptOptions) => {
      try {
        await decryptFile(objectPath, options);
      } catch (error) {
        if (!(error instanceof MailweirError)) throw error;
        process.stderr.write(`${error.code}: ${oneLine(error.message)}\n`);
        process.exitCode = 1;
      }
    });
}

/** A file or an option that cannot be used. */
class DecryptInputError extends MailweirError {
  readonly code = "ERR_DECRYPT_INPUT";
  readonly retryable = false;
}

/** No output file, and nothing left of one. */
class DecryptOutputError extends MailweirError {
  readonly code = "ERR_DECRYPT_OUTPUT";
  readonly retryable = false;
}

async function decryptFile(objectPath: string, options: DecryptOptions): Promise<void> {
  if (options.metadata === undefined) {
    throw new DecryptInputError("No metadata, so add --metadata <file> with the JSON of the object's user metadata");
  }
  const metadata = readMetadata(await readJson(options.metadata, "metadata"), options.metadata);
  const keys = await openKeys(options, metadata);
  const object = await openInput(objectPath);
  try {
    const { size } = await object.stat();
    const opened = await openEnvelope(
      {
        metadata,
        // `end` counts from 0 and is included, so an empty file needs no stream.
        body: size === 0 ? new Uint8Array() : object.createReadStream({ autoClose: false, end: size - 1 }),
        sizeBytes: size,
        instructionFile: () => readIfThere(`${objectPath}.instruction`),
      },
      keys,
      { accept: { unauthenticated: options.authenticated !== true } },
    );
    const plain = await opened.open();
    if (opened.envelope === "v2 kms cbc") {
      process.stderr.write(
        "note: AES/CBC has no authentication tag, so anybody who can write to the bucket may have changed this\n",
      );
    }
    const { out, json } = options;
    let sizeBytes = 0;
    async function* counted() {
      for await (const chunk of plain) {
        sizeBytes += chunk.length;
        yield chunk;
      }
    }
    if (out !== undefined) await writeAtomically(out, counted());
    else if (!json) await writeToStdout(plain);
    if (!json) return;
    const base64 = out === undefined ? (await buffer(counted())).toString("base64") : undefined;
    const told = { envelope: opened.envelope, sizeBytes, ...(base64 === undefined ? { file: out } : { base64 }) };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  } finally {
    await object.close();
  }
}

/** Accepts what `aws s3api head-object` prints, too: user metadata are its member `Metadata`. */
function readMetadata(input: unknown, path: string): Record<string, string> {
  const outer = isObject(input) ? input : undefined;
  const metadata = outer !== undefined && isObject(outer["Metadata"]) ? outer["Metadata"] : outer;
  if (metadata === undefined) {
    throw new DecryptInputError(
      `${path} is no JSON object, but it must map the names of user metadata to their values`,
    );
  }
  const entries = Object.entries(metadata).map(([name, value]) => {
    if (typeof value === "string" || Number.isSafeInteger(value)) return [name, String(value)] as const;
    throw new DecryptInputError(`${path} has a value that is no string, but user metadata are strings: quote it`);
  });
  return Object.fromEntries(entries);
}

async function openKeys(
  { keys, kms }: DecryptOptions,
  metadata: Record<string, string>,
): Promise<Pick<Keys, "decrypt">> {
  if (keys !== undefined && kms !== undefined) {
    throw new DecryptInputError("Both --keys and --kms are given, so leave one away");
  }
  if (keys !== undefined) return parseKeysFile(await readJson(keys, "keys"));
  if (kms !== undefined) return openKms(kms, metadata);
  return {
    // A plain object needs no keys, so their absence is an error only here.
    decrypt: async () => {
      throw new DecryptInputError("The object is encrypted, so add --keys <file> or --kms <endpoint>");
    },
  };
}

function openKms(text: string, metadata: Record<string, string>): Pick<Keys, "decrypt"> {
  const endpoint = URL.parse(text);
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol) || endpoint.search !== "" || endpoint.username !== "") {
    throw new DecryptInputError(`--kms ${text} is no endpoint, so give one like https://kms.us-east-1.amazonaws.com`);
  }
  const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(endpoint.hostname);
  // KMS answers with the data key in the clear.
  if (endpoint.protocol === "http:" && !loopback) {
    throw new DecryptInputError(
      `--kms ${text} would send the data key in the clear, so use https, or a loopback address`,
    );
  }
  return createKmsEndpointKeys({
    endpoint,
    region: regionOf(endpoint, metadata),
    credentials: readCredentials(loopback),
    fetch: globalThis.fetch,
    now: () => new Date(),
    timeoutMs: 15_000,
  });
}

function readCredentials(loopback: boolean): AwsCredentials {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    return {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    };
  }
  // An emulator on this machine takes anything; nobody should have to invent credentials for it.
  if (loopback) return { accessKeyId: "test", secretAccessKey: "test" };
  throw new DecryptInputError(
    "No credentials for --kms, so set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN)",
  );
}

/** The environment's, else the endpoint's, else that of the key which the metadata name. */
function regionOf(endpoint: URL, metadata: Record<string, string>): string {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const inHost = /^kms(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws|api\.aws)/.exec(endpoint.hostname)?.[1];
  const inKey = /arn:[\w-]+:kms:([a-z0-9-]+):/.exec(Object.values(metadata).join("\n"))?.[1];
  return AWS_REGION || AWS_DEFAULT_REGION || inHost || inKey || "us-east-1";
}

async function openInput(path: string): Promise<FileHandle> {
  const file = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    throw new DecryptInputError(`The object ${path} cannot be read (${cause.code}), so check the path`, { cause });
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new DecryptInputError(`The object ${path} is no regular file, so save it as one first`);
}

async function readJson(path: string, what: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new DecryptInputError(`The ${what} file ${path} cannot be read (${cause.code}), so check the path`, {
      cause,
    });
  });
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    // The parser's own message quotes the file, which may hold keys.
    throw new DecryptInputError(`The ${what} file ${path} is no JSON, so check what was saved there`);
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new DecryptInputError(`The instruction file ${path} cannot be read (${cause.code}), so check its rights`, {
      cause,
    });
  });
}

async function writeToStdout(plain: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of plain) if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
}

/** The file appears whole, or stays as it was: a temporary one beside it is synced and then takes its name. */
async function writeAtomically(path: string, plain: AsyncIterable<Uint8Array>): Promise<void> {
  const present = await lstat(path).catch(() => undefined);
  // A rename would replace a device or a named pipe.
  if (present !== undefined && !present.isFile()) {
    throw new DecryptOutputError(`--out ${path} is no regular file, so name another, or leave --out away`);
  }
  const temporary = join(dirname(path), `.mailweir-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
  try {
    // Mail is for its owner's eyes.
    const file = await open(temporary, "wx", 0o600);
    try {
      for await (const chunk of plain) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await unlink(temporary).catch(() => {
      // Never made, or already renamed: nothing to clean up either way.
    });
    if (!isSystemError(cause)) throw cause;
    throw new DecryptOutputError(`--out ${path} cannot be written (${cause.code}), so check folder, rights and space`, {
      cause,
    });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whatever an error's text quotes, scripts read one line. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
