import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ResolvedConfig, SecretSource } from "../../shared/config/types.ts";
import type { Secrets } from "../../shared/ports.ts";
import type { KeyRing } from "../../shared/tokens/key-ring.ts";
import { readKeyRing, SecretError } from "../../shared/tokens/read-key-ring.ts";
import { makeFolder, nodeFileSystem, readKept, replaceFile } from "./files.ts";

/** Secrets of one machine: environment variables, files, and a token key that is made at the first start. */
export function createSecrets(
  config: Pick<ResolvedConfig, "tokens">,
  keyFolder: string,
  env: Readonly<Record<string, string | undefined>>,
): Secrets {
  const read = (source: SecretSource) => readSource(source, env);
  let ring: Promise<KeyRing> | undefined;
  return {
    read,
    keyRing() {
      ring ??= readKeyRing(config, read, () => generatedSecret(join(keyFolder, "tokens.key")));
      // A file that was missing may be there the next time.
      ring.catch(() => {
        ring = undefined;
      });
      return ring;
    },
  };
}

async function readSource(source: SecretSource, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  if ("env" in source) {
    const value = env[source.env];
    if (value !== undefined && value.trim() !== "") return value;
    throw new SecretError(
      `The environment variable ${source.env} is not set: the configuration takes a secret from it`,
    );
  }
  if ("file" in source) {
    const value = await readFile(source.file, "utf8").catch((cause: NodeJS.ErrnoException) => {
      throw new SecretError(`Cannot read the secret in ${source.file} (${cause.code}): make the file, mode 0600`, {
        cause,
      });
    });
    if (value.trim() !== "") return value;
    throw new SecretError(`The secret file ${source.file} is empty: put a secret of at least 16 characters in it`);
  }
  throw new SecretError(
    "The configuration takes a secret from AWS, which this machine does not ask: use { env } or { file } here",
  );
}

/** A secret as one line of text, so that it can be copied to the program that sends; made at the first call, mode 0600. */
async function generatedSecret(path: string): Promise<string> {
  try {
    return (await readKept(nodeFileSystem, path)).toString().trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const secret = randomBytes(32).toString("base64url");
  // Without it nobody on the suppression list would be found: it must be there before anything is signed or hashed with it.
  await makeFolder(nodeFileSystem, dirname(path));
  await replaceFile(nodeFileSystem, path, `${secret}\n`);
  return secret;
}
