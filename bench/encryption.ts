/**
 * How fast objects are encrypted as SES does and opened again, beside one call of node:crypto over all of it and beside
 * calls of 64 KB: `node bench/encryption.ts [megabytes] [rounds] [json]`. The ratio is ours to 64 KB calls; 1 is no cost at all.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { encryptForSes } from "../shared/encryption/encrypt-for-ses.ts";
import type { Keys } from "../shared/encryption/keys.ts";
import { openEnvelope } from "../shared/encryption/open-envelope.ts";

const megabytes = Number(process.argv[2] ?? 40);
const rounds = Number(process.argv[3] ?? 15);
const plain = randomBytes(megabytes * 1024 * 1024);
const chunkBytes = 65_536;

// No key service in the measurement: the same data key, copied.
const dataKey = randomBytes(32);
const keys: Keys = {
  generateDataKey: async () => ({ plaintext: Uint8Array.from(dataKey), ciphertextBlob: Uint8Array.of(1) }),
  decrypt: async () => Uint8Array.from(dataKey),
};
const ses = { keyArn: "arn", ruleName: "store", account: "111122223333", sesMessageId: "id" };
const object = await encryptForSes(plain, ses, keys, (length) => randomBytes(length));
const encrypted: Uint8Array[] = [];
for await (const chunk of object.body) encrypted.push(chunk);
const body = Buffer.concat(encrypted);
const iv = Buffer.from(object.metadata["x-amz-iv"] ?? "", "base64");

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

function decryptAtOnce(): void {
  const decipher = createDecipheriv("aes-256-gcm", dataKey, iv).setAuthTag(body.subarray(-16));
  decipher.update(body.subarray(0, -16));
  decipher.final();
}

function decryptInChunks(): void {
  const decipher = createDecipheriv("aes-256-gcm", dataKey, iv).setAuthTag(body.subarray(-16));
  const kept: Buffer[] = [];
  for (let at = 0; at < body.length - 16; at += chunkBytes) {
    kept.push(decipher.update(body.subarray(at, Math.min(at + chunkBytes, body.length - 16))));
  }
  decipher.final();
}

function encryptInChunks(): void {
  const cipher = createCipheriv("aes-256-gcm", dataKey, iv);
  for (let at = 0; at < plain.length; at += chunkBytes) cipher.update(plain.subarray(at, at + chunkBytes));
  cipher.final();
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of chunks);
}

const candidates: Record<string, () => void | Promise<void>> = {
  "decrypt: one call of node:crypto": decryptAtOnce,
  "decrypt: calls of 64 KB": decryptInChunks,
  "decrypt: openEnvelope, from one buffer": async () => {
    const opened = await openEnvelope({ metadata: object.metadata, body, sizeBytes: body.length }, keys);
    await drain(await opened.open());
  },
  "decrypt: openEnvelope, from a stream": async () => {
    const stored = { metadata: object.metadata, body: chunksOf(body), sizeBytes: body.length };
    await drain(await (await openEnvelope(stored, keys)).open());
  },
  "encrypt: calls of 64 KB": encryptInChunks,
  "encrypt: encryptForSes": async () => {
    await drain((await encryptForSes(plain, ses, keys, (length) => randomBytes(length))).body);
  },
};

// In turn and each time beginning with another, so that a busy machine, and what the one before left to the collector,
// meets all of them; the median of the rounds.
const times = new Map(Object.keys(candidates).map((name) => [name, [] as number[]]));
for (let round = 0; round <= rounds; round += 1) {
  const order = Object.entries(candidates);
  for (const [name, run] of [...order.slice(round % order.length), ...order.slice(0, round % order.length)]) {
    globalThis.gc?.();
    const began = process.hrtime.bigint();
    await run();
    // The first round warms up.
    if (round > 0) times.get(name)?.push(Number(process.hrtime.bigint() - began) / 1e6);
  }
}
const median = (name: string): number =>
  times.get(name)?.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;

console.log(`${megabytes} MB, median of ${rounds} rounds, Node ${process.version}`);
for (const name of Object.keys(candidates)) {
  const reference = median(name.startsWith("decrypt") ? "decrypt: calls of 64 KB" : "encrypt: calls of 64 KB");
  const speed = (megabytes / median(name)) * 1000;
  console.log(
    `${name.padEnd(42)} ${median(name).toFixed(1).padStart(8)} ms ${speed.toFixed(0).padStart(6)} MB/s  ratio ${(reference / median(name)).toFixed(2)}`,
  );
}
if (process.argv[4] === "json") console.log(JSON.stringify(Object.fromEntries(times)));
