import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import {
  type DataKey,
  type EncryptionContext,
  InvalidCiphertextError,
  KeyNotFoundError,
  type Keys,
} from "../../../shared/encryption/keys.ts";

/**
 * A key service in memory, for tests: each key of the list has a random master key, which seals the data key with the
 * context as additional data. `calls` lists the contexts that decrypt was asked with.
 */
export function createMemoryKeys(...keyArns: string[]): Keys & { readonly calls: EncryptionContext[] } {
  const masters = new Map(keyArns.map((arn) => [arn, randomBytes(32)]));
  const calls: EncryptionContext[] = [];
  return {
    calls,
    async generateDataKey(keyArn, context): Promise<DataKey> {
      const master = masters.get(keyArn);
      if (master === undefined) throw new KeyNotFoundError(keyArn);
      const plaintext = randomBytes(32);
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", master, iv).setAAD(canonical(context));
      const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      const name = Buffer.from(keyArn);
      const blob = Buffer.concat([Buffer.from([name.length]), name, iv, sealed, cipher.getAuthTag()]);
      return { plaintext: new Uint8Array(plaintext), ciphertextBlob: new Uint8Array(blob) };
    },
    async decrypt(blob, context) {
      calls.push(context);
      const bytes = Buffer.from(blob);
      const named = 1 + (bytes[0] ?? 0);
      const master = masters.get(bytes.toString("utf8", 1, named));
      if (master === undefined || bytes.length !== named + 12 + 32 + 16) throw new InvalidCiphertextError();
      const decipher = createDecipheriv("aes-256-gcm", master, bytes.subarray(named, named + 12), {
        authTagLength: 16,
      });
      decipher.setAAD(canonical(context)).setAuthTag(bytes.subarray(-16));
      try {
        return new Uint8Array(Buffer.concat([decipher.update(bytes.subarray(named + 12, -16)), decipher.final()]));
      } catch (cause) {
        throw new InvalidCiphertextError({ cause });
      }
    },
  };
}

function canonical(context: EncryptionContext): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));
}
