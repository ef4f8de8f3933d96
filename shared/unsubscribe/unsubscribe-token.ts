import type { TokenPurpose, Tokens, VerifiedToken } from "../tokens/tokens.ts";
import { listOctets, packList, unpackList } from "./list-id.ts";
import { personFromOctets, personOctets, personToOctets } from "./person.ts";

/** `unsubscribe`: in List-Unsubscribe. `confirm`: in a confirmation mail. `bounce`: in the envelope sender (VERP). */
export type UnsubscribePurpose = Extract<TokenPurpose, "unsubscribe" | "confirm" | "bounce">;

export interface Subject {
  /** See `createPersonOf`. */
  readonly person: string;
  /** A list's id, `*`, or a key (see `unpackList`). */
  readonly list: string;
}

export type ReadToken =
  /** `expired`: the key's time is over; the token proves nothing any more. */
  | ({ readonly kind: "valid" | "expired"; readonly keyId: string } & Subject)
  | Extract<VerifiedToken, { readonly kind: "invalid" }>;

/** 51 characters: `unsubscribe+` and a token make a local part of 63 octets (RFC 5321 §4.5.3.1.1 allows 64). */
export function writeUnsubscribeToken(tokens: Tokens, purpose: UnsubscribePurpose, { person, list }: Subject): string {
  return tokens.sign(purpose, Buffer.concat([packList(list), personToOctets(person)]));
}

/** @param known - lists whose ids do not fit into a token and shall be named nevertheless */
export function readUnsubscribeToken(
  tokens: Tokens,
  purpose: UnsubscribePurpose,
  text: string,
  now: Date,
  known: readonly string[] = [],
): ReadToken {
  const verified = tokens.verify(purpose, text, now);
  if (verified.kind === "invalid") return verified;
  const { kind, payload, keyId } = verified;
  const list =
    payload.length === listOctets + personOctets ? unpackList(payload.subarray(0, listOctets), known) : undefined;
  if (list === undefined) return { kind: "invalid", reason: "malformed" };
  return { kind, keyId, person: personFromOctets(payload.subarray(listOctets)), list };
}
