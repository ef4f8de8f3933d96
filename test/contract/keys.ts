import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Keys } from "../../shared/encryption/keys.ts";

export interface OpenKeys {
  readonly keys: Keys;
  /** A key that exists and is enabled. */
  readonly keyArn: string;
  /** A well-formed ARN of a key that does not exist. */
  readonly missingKeyArn: string;
  /**
   * How a blob may be refused that names no key of the service: KMS then says that it does not exist "or you are not
   * allowed to access" it.
   */
  readonly damaged?: readonly string[];
  close?(): Promise<void> | void;
}

const context = { "aws:ses:rule-name": "store", "aws:ses:source-account": "111122223333", kms_cmk_id: "arn" };

/** What every implementation of the port `Keys` promises; run it on each. */
export function keysContract(name: string, open: () => Promise<OpenKeys>): void {
  describe(`Keys: ${name}`, () => {
    let opened: OpenKeys;
    let keys: Keys;
    beforeEach(async () => {
      opened = await open();
      keys = opened.keys;
    });
    afterEach(() => opened.close?.());
    const damagedCode = () => expect.toBeOneOf([...(opened.damaged ?? ["ERR_INVALID_CIPHERTEXT"])]);

    test("a data key has 32 octets, and its blob opens to the same ones", async () => {
      const { plaintext, ciphertextBlob } = await keys.generateDataKey(opened.keyArn, context);
      expect(plaintext).toHaveLength(32);
      expect(bytes(await keys.decrypt(ciphertextBlob, context))).toEqual(bytes(plaintext));
    });

    test("the blob does not show the key, and fits KMS's limit of 6144 octets", async () => {
      const { plaintext, ciphertextBlob } = await keys.generateDataKey(opened.keyArn, context);
      expect(Buffer.from(ciphertextBlob).includes(Buffer.from(plaintext))).toBe(false);
      expect(ciphertextBlob.length).toBeLessThanOrEqual(6144);
    });

    test("two data keys differ, and so do their blobs", async () => {
      const one = await keys.generateDataKey(opened.keyArn, context);
      const two = await keys.generateDataKey(opened.keyArn, context);
      expect(bytes(one.plaintext)).not.toEqual(bytes(two.plaintext));
      expect(bytes(one.ciphertextBlob)).not.toEqual(bytes(two.ciphertextBlob));
      expect(bytes(await keys.decrypt(one.ciphertextBlob, context))).toEqual(bytes(one.plaintext));
    });

    test("the order of the context's members does not count", async () => {
      const { plaintext, ciphertextBlob } = await keys.generateDataKey(opened.keyArn, context);
      const turned = Object.fromEntries(Object.entries(context).reverse());
      expect(bytes(await keys.decrypt(ciphertextBlob, turned))).toEqual(bytes(plaintext));
    });

    test("an empty context and one with quotes, a backslash and other letters are contexts too", async () => {
      for (const odd of [{}, { note: 'a "quoted" \\ value', größe: "weiß ✓" }]) {
        const { plaintext, ciphertextBlob } = await keys.generateDataKey(opened.keyArn, odd);
        expect(bytes(await keys.decrypt(ciphertextBlob, odd))).toEqual(bytes(plaintext));
      }
    });

    test.for<[string, Record<string, string>]>([
      ["no context at all", {}],
      ["a member less", { "aws:ses:rule-name": "store", "aws:ses:source-account": "111122223333" }],
      ["a member more", { ...context, more: "1" }],
      ["another value", { ...context, "aws:ses:rule-name": "other" }],
      ["a value in other case", { ...context, "aws:ses:rule-name": "Store" }],
      ["values exchanged", { ...context, kms_cmk_id: "store", "aws:ses:rule-name": "arn" }],
    ])("refuses %s", async ([, other]) => {
      const { ciphertextBlob } = await keys.generateDataKey(opened.keyArn, context);
      await expect(keys.decrypt(ciphertextBlob, other)).rejects.toMatchObject({
        code: "ERR_INVALID_CIPHERTEXT",
        retryable: false,
      });
    });

    test("refuses a blob with any octet changed", async () => {
      const { ciphertextBlob } = await keys.generateDataKey(opened.keyArn, context);
      for (let at = 0; at < ciphertextBlob.length; at += 1) {
        const changed = Uint8Array.from(ciphertextBlob);
        changed[at] = changed[at]! ^ 1;
        await expect(keys.decrypt(changed, context), `octet ${at}`).rejects.toMatchObject({ code: damagedCode() });
      }
    });

    test("refuses a blob that was cut, that goes on, or that never was one", async () => {
      const { ciphertextBlob } = await keys.generateDataKey(opened.keyArn, context);
      const strange = [
        new Uint8Array(),
        new Uint8Array(200),
        ciphertextBlob.subarray(0, -1),
        ciphertextBlob.subarray(1),
        Buffer.concat([ciphertextBlob, Buffer.of(0)]),
      ];
      for (const blob of strange) {
        await expect(keys.decrypt(blob, context)).rejects.toMatchObject({ code: damagedCode() });
      }
    });

    test("names a key that does not exist", async () => {
      await expect(keys.generateDataKey(opened.missingKeyArn, context)).rejects.toMatchObject({
        code: "ERR_KEY_NOT_FOUND",
        retryable: false,
        message: expect.stringContaining(opened.missingKeyArn),
      });
    });

    test("what comes back is the caller's to overwrite", async () => {
      const { plaintext, ciphertextBlob } = await keys.generateDataKey(opened.keyArn, context);
      const expected = bytes(plaintext);
      plaintext.fill(0);
      (await keys.decrypt(ciphertextBlob, context)).fill(0);
      expect(bytes(await keys.decrypt(ciphertextBlob, context))).toEqual(expected);
    });
  });
}

const bytes = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");
