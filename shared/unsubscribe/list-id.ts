import { createHash } from "node:crypto";
import { encodeBase32 } from "../tokens/base32.ts";

/** The list id that means all mail. */
export const everything = "*";

/** Octets that a list takes in a token. */
export const listOctets = 5;

// What a list may be called: it stands in addresses, in List-Id and in subjects.
const listId = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;

/** The id in lower case, or `*`; `undefined` when the text cannot be a list's id. */
export function parseListId(text: string): string | undefined {
  const id = text.trim().toLowerCase();
  return id === everything || listId.test(id) ? id : undefined;
}

// Base 38: 0 is "no more characters". Seven of them take 37 bits, so a short id fits into a token as it is.
const letters = "abcdefghijklmnopqrstuvwxyz0123456789-";
const shortId = /^[a-z0-9-]{1,7}$/;
const hashed = 2 ** 39;

/**
 * A list in 5 octets: an id of up to seven letters, digits and hyphens as it is, a longer one as 39 bits of its hash, so that
 * a token needs no look-up table to be written.
 */
export function packList(list: string): Uint8Array {
  const octets = Buffer.alloc(listOctets);
  octets.writeUIntBE(list === everything ? 0 : shortId.test(list) ? literal(list) : codeOf(list), 0, listOctets);
  return octets;
}

/**
 * The list in a token: its id where it fitted or is one of `known`, else its key (`~` and eight characters), under which
 * the store keeps it: whoever asks for the list by its id finds it there (`listKeys`). `undefined` for octets that
 * `packList` does not write.
 */
export function unpackList(octets: Uint8Array, known: readonly string[] = []): string | undefined {
  const value = Buffer.from(octets).readUIntBE(0, listOctets);
  if (value >= hashed) return known.find((list) => codeOf(list) === value && !shortId.test(list)) ?? keyOf(value);
  if (value === 0) return everything;
  let id = "";
  for (let rest = value; rest > 0; rest = Math.floor(rest / 38)) id = (letters[(rest % 38) - 1] ?? "?") + id;
  return shortId.test(id) ? id : undefined;
}

/** The names under which a suppression of this list may be kept: its id, and the key that stands for a long one. */
export function listKeys(list: string): readonly string[] {
  return list === everything || shortId.test(list) || list.startsWith("~") ? [list] : [list, keyOf(codeOf(list))];
}

function literal(list: string): number {
  return [...list].reduce((value, letter) => value * 38 + letters.indexOf(letter) + 1, 0);
}

function codeOf(list: string): number {
  const digest = createHash("sha256").update("mailweir list ").update(list).digest();
  return hashed + (digest.readUIntBE(0, listOctets) % hashed);
}

function keyOf(code: number): string {
  const octets = Buffer.alloc(listOctets);
  octets.writeUIntBE(code, 0, listOctets);
  return `~${encodeBase32(octets)}`;
}
