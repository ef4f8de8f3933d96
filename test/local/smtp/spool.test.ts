import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSpoolWriter, maxInlineBytes } from "../../../local/smtp/spool.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-spool-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function spool(octets: Buffer, pieceBytes: number) {
  const writer = createSpoolWriter(folder, "one");
  for (let at = 0; at < octets.length; at += pieceBytes) await writer.write(octets.subarray(at, at + pieceBytes));
  return writer.finish();
}

const octets = (length: number) => Buffer.from(Array.from({ length }, (_, index) => (index * 31) % 251));

test.for([
  ["nothing", 0, 1],
  ["64 KB in one piece", maxInlineBytes, maxInlineBytes],
  ["64 KB octet by octet", maxInlineBytes, 1],
] as const)("%s stays in memory and leaves no file", async ([, length, pieceBytes]) => {
  const message = octets(length);
  const result = await spool(message, pieceBytes);
  expect(result.kind === "inline" && Buffer.from(result.bytes).equals(message)).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

test.for([
  ["one octet more than 64 KB", maxInlineBytes + 1, 4_096],
  ["128 KB", 131_072, 65_536],
  ["one octet more than 128 KB", 131_073, 65_536],
  ["a large message in large pieces", 1_000_000, 300_000],
  ["a large message in odd pieces", 300_001, 977],
] as const)("%s becomes a file with the same octets", async ([, length, pieceBytes]) => {
  const message = octets(length);
  const result = await spool(message, pieceBytes);
  if (result.kind !== "file") throw new Error("it is no file");
  await result.durable;
  expect((await readFile(result.path)).equals(message)).toBe(true);
  expect(Buffer.from(result.beginning)).toEqual(message.subarray(0, maxInlineBytes));
});

test("what a list shows of a long message is at hand: its header section, of up to 64 KB", async () => {
  const header = "Subject: long\r\nFrom: ann@sender.example\r\n\r\n";
  const result = await spool(Buffer.from(`${header}${"a".repeat(300_000)}`), 30_000);
  expect(result.kind === "file" && Buffer.from(result.beginning).toString()).toBe(header);
});

test("a message that the disk did not take is not durable", async () => {
  const writer = createSpoolWriter(join(folder, "gone"), "one");
  await expect(writer.write(octets(200_000))).rejects.toThrow("ENOENT");
  await expect(async () => writer.finish()).rejects.toThrow("ENOENT");
});

test("discarding removes the file, and may come twice or late", async () => {
  const writer = createSpoolWriter(folder, "one");
  await writer.write(octets(200_000));
  expect(await readdir(folder)).toHaveLength(1);
  await writer.discard();
  await writer.discard();
  expect(await readdir(folder)).toEqual([]);
});

test("a name is never written twice", async () => {
  await spool(octets(100_000), 50_000);
  await expect(spool(octets(100_000), 50_000)).rejects.toThrow("EEXIST");
});
