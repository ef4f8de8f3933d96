import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { encryptForSes } from "../../../shared/encryption/encrypt-for-ses.ts";
import { openEnvelope } from "../../../shared/encryption/open-envelope.ts";
import { createMemoryKeys } from "../../shared/encryption/memory-keys.ts";
import { keyArn } from "../../shared/encryption/write-envelope.ts";

const plainBytes = Number(process.argv[2]);
const cut = Number(process.argv[3]);
const keys = createMemoryKeys(keyArn);
const folder = await mkdtemp(join(tmpdir(), "mailweir-memory-"));
const file = join(folder, "object");

/** The same chunk again and again: the source itself must not count. */
async function* source(): AsyncGenerator<Uint8Array> {
  const chunk = randomBytes(cut);
  for (let left = plainBytes; left > 0; left -= cut) {
    const part = chunk.subarray(0, Math.min(cut, left));
    written.update(part);
    yield part;
  }
}

const written = createHash("sha256");
globalThis.gc?.();
const before = process.memoryUsage();
const used = ({ heapUsed, external }: NodeJS.MemoryUsage) => heapUsed + external;
let peak = 0;
// Sampled where memory is highest: between chunks, not by a clock.
function sample(): void {
  peak = Math.max(peak, used(process.memoryUsage()) - used(before));
}

const ses = { keyArn, ruleName: "store", account: "111122223333", sesMessageId: "id", sizeBytes: plainBytes };
const object = await encryptForSes(source(), ses, keys, (length) => randomBytes(length));
await pipeline(object.body, createWriteStream(file));

async function* sampled(): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: cut })) {
    count += 1;
    if (count % 16 === 0) sample();
    yield chunk;
  }
}
const { size } = await stat(file);
const opened = await openEnvelope({ metadata: object.metadata, body: sampled(), sizeBytes: size }, keys);
const read = createHash("sha256");
let total = 0;
const chunks = await opened.open();
sample();
for await (const chunk of chunks) {
  read.update(chunk);
  total += chunk.length;
}
await rm(folder, { recursive: true });
if (read.digest("hex") !== written.digest("hex")) throw new Error("what was read is not what was written");
process.send?.({ plainBytes: total, peakBytes: peak });
