import type { ResolvedConfig, SecretSource } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import { checkKeyRing, type KeyRing, type TokenKey } from "./key-ring.ts";

export class SecretError extends MailweirError {
  readonly code = "ERR_SECRET";
  readonly retryable: boolean;
  constructor(message: string, options: ErrorOptions & { readonly retryable?: boolean } = {}) {
    super(message, options);
    this.retryable = options.retryable ?? false;
  }
}

/**
 * The configured token keys with their secrets, or the one that was generated. What both homes share; they differ in how
 * a source is read.
 *
 * @param generated - reads the secret that was made for a configuration without keys
 * @throws {KeyRingError} when the ring cannot be used
 */
export async function readKeyRing(
  { tokens }: Pick<ResolvedConfig, "tokens">,
  read: (source: SecretSource) => Promise<string>,
  generated: () => Promise<string>,
): Promise<KeyRing> {
  if (tokens === undefined) return checkKeyRing({ keys: [{ id: "a", secret: await generated() }] });
  const keys = await Promise.all(
    tokens.keys.map(
      async ({ id, secretFrom, verifyUntil }): Promise<TokenKey> => ({
        id,
        secret: await read(secretFrom),
        ...(verifyUntil !== undefined && { verifyUntil }),
      }),
    ),
  );
  const { addressSecretFrom } = tokens;
  return checkKeyRing({ keys, ...(addressSecretFrom && { addressSecret: await read(addressSecretFrom) }) });
}
