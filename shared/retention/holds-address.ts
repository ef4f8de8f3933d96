import { parseMail } from "../mail/parse-mail.ts";
import type { AddressPattern } from "./address-pattern.ts";

// Longer than an address may be: what a border between two chunks cuts apart is found in the next one.
const overlapCharacters = 1_024;

/** Whether octets hold the address: as they are, or as a mail that has it under a transfer encoding or in an encoded word. */
export async function holds(body: () => AsyncIterable<Uint8Array>, pattern: AddressPattern): Promise<boolean> {
  let before = "";
  let encoded = false;
  for await (const chunk of body()) {
    const text = before + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("utf8");
    if (text.toLowerCase().includes(pattern.needle) && pattern.isIn(text)) return true;
    encoded ||= /base64|quoted-printable|=\?/i.test(text);
    before = text.slice(-overlapCharacters);
  }
  if (!encoded) return false;
  const mail = await parseMail(body()).catch(() => undefined);
  return mail !== undefined && pattern.isIn(JSON.stringify(mail));
}
