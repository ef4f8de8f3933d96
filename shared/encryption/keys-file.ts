import { MailweirError } from "../errors.ts";
import { type EncryptionContext, InvalidCiphertextError, type Keys } from "./keys.ts";

/** A keys file that is not one. The text never repeats what the file holds. */
export class KeysFileError extends MailweirError {
  readonly code = "ERR_KEYS_FILE";
  readonly retryable = false;
  constructor(what: string) {
    super(
      `The keys file ${what}, but it must be JSON of the form { "<encrypted data key, base64>": { "key": "<base64>", "context": {} } }`,
    );
  }
}

/**
 * A key service that knows a list of data keys: `{ "<encrypted data key, base64>": { "key": "<base64>", "context": {…} } }`.
 * It answers as KMS would: a blob it does not know, or a context that differs, is an InvalidCiphertextError.
 *
 * @throws {KeysFileError} naming the place
 */
export function parseKeysFile(input: unknown): Pick<Keys, "decrypt"> {
  const entries = Object.entries(asObject(input, "is no object")).map(([blob, value], index) => {
    const place = `entry ${index + 1}`;
    const { key, context = {} } = asObject(value, `has a wrong ${place}`) as { key?: unknown; context?: unknown };
    if (!isBase64(blob)) throw new KeysFileError(`has no base64 as the name of ${place}`);
    if (typeof key !== "string" || !isBase64(key)) throw new KeysFileError(`has no base64 as "key" of ${place}`);
    const members = Object.entries(asObject(context, `has a wrong "context" in ${place}`));
    if (!members.every(([, member]) => typeof member === "string")) {
      throw new KeysFileError(`has a "context" in ${place} whose members are not all strings`);
    }
    return [
      blob,
      { key: Buffer.from(key, "base64"), context: Object.fromEntries(members) as EncryptionContext },
    ] as const;
  });
  const known = new Map(entries);
  return {
    async decrypt(ciphertextBlob, context) {
      const entry = known.get(Buffer.from(ciphertextBlob).toString("base64"));
      if (entry === undefined || !sameContext(entry.context, context)) throw new InvalidCiphertextError();
      return Uint8Array.from(entry.key);
    },
  };
}

function sameContext(one: EncryptionContext, two: EncryptionContext): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(two).length &&
    names.every((name) => Object.hasOwn(two, name) && one[name] === two[name])
  );
}

function asObject(value: unknown, otherwise: string): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new KeysFileError(otherwise);
}

function isBase64(text: string): boolean {
  return text !== "" && Buffer.from(text, "base64").toString("base64") === text;
}
