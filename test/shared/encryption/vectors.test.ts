import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseKeysFile } from "../../../shared/encryption/keys-file.ts";
import { openEnvelope } from "../../../shared/encryption/open-envelope.ts";

interface Vector {
  name: string;
  envelope: string;
  metadata: Record<string, string>;
  body: string;
  keys: unknown;
  plaintext: string;
}

// Its `about` says which client wrote them. They pin format V3, whose content IV descriptions disagree about.
const file = new URL("vectors/python-client-4.json", import.meta.url);
const { vectors }: { vectors: Vector[] } = JSON.parse(readFileSync(file, "utf8"));

test.for(vectors.map((vector) => [vector.name, vector] as const))("%s, by AWS's Python client, opens", async ([
  ,
  vector,
]) => {
  const body = Buffer.from(vector.body, "base64");
  const object = { metadata: vector.metadata, body, sizeBytes: body.length };
  const opened = await openEnvelope(object, parseKeysFile(vector.keys), { accept: { plain: false } });
  expect(opened).toMatchObject({
    envelope: vector.envelope,
    authenticated: true,
    plainBytes: vector.plaintext.length,
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of await opened.open()) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe(vector.plaintext);
});
