import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  InvalidCiphertextError,
  KeyAccessDeniedError,
  KeyNotFoundError,
  type Keys,
  KeysUnavailableError,
  KeyUnusableError,
} from "../encryption/keys.ts";
import { MailweirError } from "../errors.ts";
import { AwsAccessDeniedError, call, errorName, ThrottledError } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";

// GenerateDataKey's and Decrypt's own limit (KMS API Reference); an empty blob is none either.
const maxBlobBytes = 6144;

export function openKmsKeys(connection: Connection): Keys {
  return createKmsKeys(new KMSClient(clientOptions(connection)));
}

/** `Keys` on KMS. */
export function createKmsKeys(client: KMSClient): Keys {
  return {
    async generateDataKey(keyArn, context) {
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        KeySpec: "AES_256",
        EncryptionContext: { ...context },
      });
      const { Plaintext, CiphertextBlob } = await ask("GenerateDataKey", keyArn, () => client.send(command));
      return { plaintext: octets(Plaintext), ciphertextBlob: octets(CiphertextBlob) };
    },
    async decrypt(ciphertextBlob, context) {
      if (ciphertextBlob.length === 0 || ciphertextBlob.length > maxBlobBytes) throw new InvalidCiphertextError();
      const command = new DecryptCommand({ CiphertextBlob: ciphertextBlob, EncryptionContext: { ...context } });
      const { Plaintext } = await ask("Decrypt", context["kms_cmk_id"] ?? "of the encrypted data key", () =>
        client.send(command),
      );
      return octets(Plaintext);
    },
  };
}

/** KMS API Reference, "Common Errors" and the errors of Decrypt and GenerateDataKey. */
async function ask<T>(operation: string, keyArn: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const name = errorName(cause);
    switch (name) {
      case "InvalidCiphertextException":
      case "IncorrectKeyException":
        throw new InvalidCiphertextError({ cause });
      case "NotFoundException":
        throw new KeyNotFoundError(keyArn, { cause });
      case "DisabledException":
      case "KMSInvalidStateException":
      case "KeyUnavailableException":
        throw new KeyUnusableError(name, { cause });
      default:
        throw await other(operation, cause);
    }
  }
}

async function other(operation: string, cause: unknown): Promise<MailweirError> {
  const named: unknown = await call(`KMS ${operation}`, () => Promise.reject(cause)).catch((error: unknown) => error);
  if (named instanceof ThrottledError) return named;
  if (named instanceof AwsAccessDeniedError) return new KeyAccessDeniedError(errorName(cause), { cause });
  return new KeysUnavailableError(named instanceof MailweirError ? named.code : operation, { cause });
}

function octets(value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) throw new KeysUnavailableError("the answer lacks a member");
  // The caller overwrites it after use: it must not be part of somebody else's buffer.
  return Uint8Array.from(value);
}
