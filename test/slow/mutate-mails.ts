// Understands seeded mutations of mails and handmade bombs: no exception, at most 2 s of CPU for each, bounded memory.
// Usage: npm run mutate -- [--count 100000] [--seed 20260804] [folder …, default the corpus beside this project, else test/mail]
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMail, understandMail } from "../../cli/understand-mail.ts";
import { bombs } from "./bombs.ts";

/** Small and fast; the same sequence on every machine (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const spices = [
  "\r\n",
  "\n\n",
  "--",
  "--=_b",
  "=?utf-8?b?",
  "?=",
  "<",
  ">",
  '"',
  "(",
  "\u0000",
  "\u001b$B",
  "Content-Type: multipart/mixed; boundary=",
  "Content-Transfer-Encoding: base64",
  ":",
  ";",
  "=",
  "=\r\n",
  "@",
  ">>>",
  "From ",
  "\xff\xfe",
  "%00",
  "*0*=",
];

/** One to eight cuts, copies, swaps and insertions. */
export function mutate(mail: Uint8Array, random: () => number): Uint8Array {
  let octets = Buffer.from(mail);
  const at = () => Math.floor(random() * (octets.length + 1));
  for (let count = 1 + Math.floor(random() * 8); count > 0; count--) {
    const [start, end] = [at(), at()].sort((a, b) => a - b) as [number, number];
    const piece = octets.subarray(start, Math.min(end, start + 2000));
    const kind = Math.floor(random() * 5);
    if (kind === 0) octets = Buffer.concat([octets.subarray(0, start), octets.subarray(start + piece.length)]);
    else if (kind === 1) octets = Buffer.concat([octets.subarray(0, start), piece, octets.subarray(start)]);
    else if (kind === 2) {
      const spice = Buffer.from(spices[Math.floor(random() * spices.length)] as string, "latin1");
      octets = Buffer.concat([octets.subarray(0, start), spice, octets.subarray(start)]);
    } else if (kind === 3) {
      octets = Buffer.from(octets);
      for (let flips = 0; flips < 10 && octets.length > 0; flips++)
        octets[Math.min(at(), octets.length - 1)] = Math.floor(random() * 256);
    } else
      octets = Buffer.concat([
        octets.subarray(0, start),
        Buffer.from(piece).reverse(),
        octets.subarray(start + piece.length),
      ]);
  }
  return octets.length > 1_000_000 ? octets.subarray(0, 1_000_000) : octets;
}

export function mailFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => /\.(?:eml|raw)$/.test(path) && statSync(path).size < 300_000)
    .sort();
}

/** @returns the slowest time in ms of CPU and its seed */
export async function mutateAll(
  files: readonly string[],
  rounds: number,
  seed = 20260804,
): Promise<{ slowestMs: number; slowest: string }> {
  const mails = files.map((path) => readFileSync(path));
  let slowestMs = 0;
  let slowest = "";
  for (let round = 0; round < rounds; round++) {
    const random = seededRandom(seed + round);
    const which = round % mails.length;
    const mail = mutate(mails[which] as Buffer, random);
    const before = process.cpuUsage();
    try {
      const options = { recipients: [], fromSes: true };
      JSON.stringify(describeMail("m", undefined, await understandMail(mail, options), options));
    } catch (error) {
      throw new Error(`round ${round}, seed ${seed + round}, ${files[which]}`, { cause: error });
    }
    const used = process.cpuUsage(before);
    const ms = (used.user + used.system) / 1000;
    if (ms > slowestMs) {
      slowestMs = ms;
      slowest = `${files[which]} round ${round}`;
    }
    if (ms > 2000) throw new Error(`${ms} ms: round ${round}, ${files[which]}`);
  }
  return { slowestMs, slowest };
}

/** The same for one message; the CPU it took, in ms. */
export async function understandWhole(raw: Uint8Array): Promise<{ ms: number; line: ReturnType<typeof describeMail> }> {
  const options = { recipients: [], fromSes: true };
  const before = process.cpuUsage();
  const line = describeMail("m", undefined, await understandMail(raw, options), options);
  JSON.stringify(line);
  const used = process.cpuUsage(before);
  return { ms: (used.user + used.system) / 1000, line };
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: {
      count: { type: "string", default: "100000" },
      seed: { type: "string", default: "20260804" },
    },
    allowPositionals: true,
  });
  const count = Number(values.count);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(count) || count < 0 || !Number.isSafeInteger(seed))
    throw new Error("--count and --seed take whole numbers");
  const corpus = "../shared/corpus";
  const defaults = existsSync(corpus)
    ? ["torture", "mime", "dsn", "arf", "autoreply", "unsubscribe"].map((name) => join(corpus, name))
    : ["test/mail"];
  const files = (positionals.length > 0 ? positionals : defaults).flatMap(mailFiles);
  const result = await mutateAll(files, count, seed);
  const peak = () => `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`;
  console.log(
    `${count} mutations of ${files.length} mails: no exception; slowest ${result.slowestMs.toFixed(0)} ms of CPU (${result.slowest}); peak memory ${peak()}`,
  );
  for (const { name, raw } of bombs()) {
    const { ms, line } = await understandWhole(raw);
    console.log(
      `${name} (${(raw.length / 1e6).toFixed(1)} MB): ${ms.toFixed(0)} ms of CPU; ${line.nature.kind}, ${line.safety?.kind ?? "no finding"}; peak memory so far ${peak()}`,
    );
    if (ms > 2000) process.exitCode = 1;
  }
}
