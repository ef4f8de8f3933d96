import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseKeysFile } from "../../../shared/encryption/keys-file.ts";
import { openEnvelope } from "../../../shared/encryption/open-envelope.ts";

// Objects of AWS's own Go and Ruby clients, good and broken ones.
const folder = new URL("../../../../shared/corpus/s3-encryption/", import.meta.url);
const present = existsSync(new URL("manifest.json", folder));

interface Vector {
  name: string;
  note?: string;
  metadata: Record<string, string>;
  body: string;
  instructionFile?: string;
  kms?: { ciphertextBlob: string; encryptionContext: Record<string, string>; plaintextKey: string };
  expect: { outcome: "ok" | "plain" | "error"; size?: number; sha256?: string; kind?: string };
}

const { vectors }: { vectors: Vector[] } = present
  ? JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8"))
  : { vectors: [] };

const codes: Record<string, string> = {
  auth: "ERR_BODY_NOT_AUTHENTIC",
  "kms-denied": "ERR_INVALID_CIPHERTEXT",
  malformed: "ERR_ENVELOPE_MALFORMED",
  unsupported: "ERR_ENVELOPE_UNSUPPORTED",
};

// The manifest expects a reader that stops at format V2. This one reads V3, so the made-up key is what it refuses.
const readFurther: Record<string, string> = { "v3-commit-a": "kms-denied" };

describe.skipIf(!present)("vectors of other clients (skipped where ../shared/corpus/s3-encryption is missing)", () => {
  test.for(
    vectors.map((vector) => [`${vector.name}: ${vector.note ?? vector.expect.outcome}`, vector] as const),
  )("%s", async ([, vector]) => {
    const body = readFileSync(new URL(vector.body, folder));
    const keys = parseKeysFile(
      vector.kms === undefined
        ? {}
        : {
            [vector.kms.ciphertextBlob]: {
              key: vector.kms.plaintextKey,
              context: vector.kms.encryptionContext,
            },
          },
    );
    const object = {
      metadata: vector.metadata,
      body,
      sizeBytes: body.length,
      instructionFile: async () =>
        vector.instructionFile === undefined ? undefined : readFileSync(new URL(vector.instructionFile, folder)),
    };
    const opening = openEnvelope(object, keys, { accept: { unauthenticated: true } }).then(({ open }) => open());
    if (vector.expect.outcome === "error") {
      const kind = readFurther[vector.name] ?? vector.expect.kind ?? "";
      await expect(opening).rejects.toMatchObject({ code: codes[kind] });
      return;
    }
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of await opening) {
      hash.update(chunk);
      size += chunk.length;
    }
    expect({ size, sha256: hash.digest("hex") }).toEqual({
      size: vector.expect.size,
      sha256: vector.expect.sha256,
    });
  });

  test("all of them are there", () => expect(vectors.length).toBeGreaterThanOrEqual(19));
});
