import { expect, test } from "vitest";
import { toCrlf } from "../../../local/smtp/to-crlf.ts";

async function converted(text: string, pieceBytes: number): Promise<string> {
  const bytes = Buffer.from(text);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  const out: Uint8Array[] = [];
  for await (const chunk of toCrlf(pieces)) out.push(chunk);
  return Buffer.concat(out).toString();
}

test.for<[string, string, string]>([
  ["LF", "a\nb\n", "a\r\nb\r\n"],
  ["CRLF stays", "a\r\nb\r\n", "a\r\nb\r\n"],
  ["CR alone", "a\rb", "a\r\nb"],
  ["a mixture", "a\r\n\nb\r\r\nc\n\rd", "a\r\n\r\nb\r\n\r\nc\r\n\r\nd"],
  ["nothing", "", ""],
])("%s", async ([, text, expected]) => {
  for (const pieceBytes of [1, 2, 3, 100]) expect(await converted(text, pieceBytes)).toBe(expected);
});
