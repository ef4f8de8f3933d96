import { openEnvelope } from "../encryption/open-envelope.ts";
import type { Ports } from "../ports.ts";
import { type AddressPattern, addressPattern } from "../retention/address-pattern.ts";
import { holds } from "../retention/holds-address.ts";
import { namesMessage } from "../retention/names-message.ts";
import type { StageHold } from "./holds.ts";
import type { ObjectVersion, ObjectVersions } from "./object-versions.ts";

/** Holds, ready to be looked for in what rows and mail say. */
export interface HeldWords {
  /** The first hold whose address or message a text names. */
  inText(words: string): StageHold | undefined;
  /** The first hold on an address that the octets name, also under an encoding. */
  inOctets(octets: Uint8Array): Promise<StageHold | undefined>;
  readonly hasAddresses: boolean;
}

export function heldWords(list: readonly StageHold[]): HeldWords {
  const addresses: { readonly hold: StageHold; readonly pattern: AddressPattern }[] = [];
  const messages: { readonly hold: StageHold; readonly ids: ReadonlySet<string> }[] = [];
  for (const hold of list) {
    const pattern = addressPattern(hold.subject);
    if (pattern) addresses.push({ hold, pattern });
    else messages.push({ hold, ids: new Set([hold.subject]) });
  }
  return {
    hasAddresses: addresses.length > 0,
    inText: (words) =>
      messages.find(({ ids }) => namesMessage(words, ids))?.hold ??
      addresses.find(({ pattern }) => pattern.isIn(words))?.hold,
    async inOctets(octets) {
      for (const { hold, pattern } of addresses) if (await holds(() => once(octets), pattern)) return hold;
      return undefined;
    },
  };
}

/**
 * What a version of an object says, in the clear.
 *
 * @returns `undefined` where it is gone; `"sealed"` where it cannot be opened, and never will be by asking again
 */
export async function openVersion(
  { versions, keys }: { readonly versions: ObjectVersions; readonly keys: Ports["keys"] },
  bucket: string,
  version: ObjectVersion,
): Promise<Uint8Array | "sealed" | undefined> {
  const object = await versions.read(bucket, version);
  if (object === undefined) return undefined;
  const { body, metadata } = object;
  const chunks: Uint8Array[] = [];
  try {
    const envelope = await openEnvelope({ metadata, body, sizeBytes: body.length }, keys);
    for await (const chunk of await envelope.open()) chunks.push(chunk);
  } catch (error) {
    // It may open another time: then nobody may believe that it does not say anything.
    if (error instanceof Error && "retryable" in error && error.retryable === true) throw error;
    return "sealed";
  }
  return Buffer.concat(chunks);
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}
