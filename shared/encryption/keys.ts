import { MailweirError } from "../errors.ts";

/** What a data key is bound to. KMS compares all of it, order apart: one member more, less or different is a refusal. */
export type EncryptionContext = Readonly<Record<string, string>>;

/**
 * A key service that hands out data keys and opens them again, as AWS KMS does with symmetric keys. Both octet
 * strings that come back belong to the caller, who may overwrite them.
 */
export interface Keys {
  /**
   * A fresh 256-bit data key, in the clear and as only this service can open it.
   *
   * @param keyArn - the ARN of the key, or of an alias of it
   * @throws {KeyNotFoundError | KeyUnusableError | KeyAccessDeniedError | KeysUnavailableError}
   */
  generateDataKey(keyArn: string, context: EncryptionContext): Promise<DataKey>;

  /**
   * The data key that `generateDataKey` wrapped. The blob names its key itself.
   *
   * @throws {InvalidCiphertextError} when the blob is not ours, was changed, or was made for another context
   * @throws {KeyNotFoundError | KeyUnusableError | KeyAccessDeniedError | KeysUnavailableError}
   */
  decrypt(ciphertextBlob: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
}

export interface DataKey {
  /** 32 octets. Overwrite them after use. */
  readonly plaintext: Uint8Array;
  readonly ciphertextBlob: Uint8Array;
}

/** KMS's InvalidCiphertextException and IncorrectKeyException: it never says which part was wrong. */
export class InvalidCiphertextError extends MailweirError {
  readonly code = "ERR_INVALID_CIPHERTEXT";
  readonly retryable = false;
  constructor(options?: ErrorOptions) {
    super(
      "The key service refused the encrypted data key (it was changed, belongs to another service, or the object's encryption context is not the one it was made with), so compare the object's metadata with what was written",
      options,
    );
  }
}

/** KMS's NotFoundException. */
export class KeyNotFoundError extends MailweirError {
  readonly code = "ERR_KEY_NOT_FOUND";
  readonly retryable = false;
  constructor(keyArn: string, options?: ErrorOptions) {
    super(`No key "${keyArn}", so check the ARN, its region and its account`, options);
  }
}

/** KMS's DisabledException, KMSInvalidStateException (pending deletion) and KeyUnavailableException. */
export class KeyUnusableError extends MailweirError {
  readonly code = "ERR_KEY_UNUSABLE";
  /** A key can be enabled again, and its deletion cancelled. */
  readonly retryable = true;
  constructor(reason: string, options?: ErrorOptions) {
    super(`The key exists but cannot be used now (${reason}), so enable it or cancel its deletion`, options);
  }
}

/** KMS's AccessDeniedException, and every way of not being known to the service at all. */
export class KeyAccessDeniedError extends MailweirError {
  readonly code = "ERR_KEY_ACCESS_DENIED";
  readonly retryable = false;
  constructor(reason: string, options?: ErrorOptions) {
    super(
      `The key service does not allow this (${reason}), so give the reader kms:Decrypt, the writer kms:GenerateDataKey, on that key`,
      options,
    );
  }
}

/** No answer, an answer that makes no sense, throttling, or a fault on the other side. */
export class KeysUnavailableError extends MailweirError {
  readonly code = "ERR_KEYS_UNAVAILABLE";
  readonly retryable = true;
  constructor(reason: string, options?: ErrorOptions) {
    super(`The key service gave no usable answer (${reason}), so try again and check its endpoint`, options);
  }
}
