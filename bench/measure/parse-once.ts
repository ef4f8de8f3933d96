/**
 * Reads one mail from a file, once, in a process of its own: `node bench/measure/parse-once.ts <ours|simple|stream> <file>`.
 * Attachments are decoded and hashed by all three. Says milliseconds and how far the memory grew.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

interface Peer {
  simpleParser(source: NodeJS.ReadableStream, options: object): Promise<{ attachments: { checksum: string }[] }>;
  MailParser: new (
    options: object,
  ) => NodeJS.ReadWriteStream & {
    on(
      event: "data",
      listener: (data: { type: string; content: NodeJS.ReadableStream; release(): void }) => void,
    ): unknown;
  };
}

const [who, file = ""] = process.argv.slice(2);
const peer = createRequire(new URL("../peers/package.json", import.meta.url));
const options = { checksumAlgo: "sha256" };
const run: Record<string, () => Promise<() => Promise<string[]>>> = {
  async ours() {
    const { parseMail } = await import("../../shared/mail/parse-mail.ts");
    return async () => (await parseMail(createReadStream(file))).attachments.map(({ sha256 }) => sha256);
  },
  async simple() {
    const { simpleParser } = peer("mailparser") as Peer;
    return async () => {
      const { attachments } = await simpleParser(createReadStream(file), options);
      return attachments.map(({ checksum }) => checksum);
    };
  },
  async stream() {
    const { MailParser } = peer("mailparser") as Peer;
    return async () => {
      const sums: string[] = [];
      const parser = new MailParser(options);
      const done = new Promise((resolve, reject) => parser.on("end", resolve).on("error", reject));
      parser.on("data", (data) => {
        if (data.type !== "attachment") return;
        const hash = createHash("sha256");
        const take = new Writable({
          write(chunk, _encoding, next) {
            hash.update(chunk);
            next();
          },
        });
        void pipeline(data.content, take).then(() => {
          sums.push(hash.digest("hex"));
          data.release();
        });
      });
      createReadStream(file).pipe(parser);
      await done;
      return sums;
    };
  },
};

const prepared = await run[who ?? ""]?.();
if (!prepared) throw new Error(`ours, simple or stream, not ${who}`);
const before = process.resourceUsage().maxRSS;
const began = performance.now();
const sums = await prepared();
const ms = performance.now() - began;
const grownMb = (process.resourceUsage().maxRSS - before) / 1_024;
process.stdout.write(`${JSON.stringify({ ms, grownMb, sums })}\n`);
