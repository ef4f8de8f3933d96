import type { DkimFinding } from "../../shared/receipt/authentication.ts";

/** A message whose header section fits the bounds below, to be read once. */
export interface BoundedMessage {
  /** The message, without the signatures in `unread`. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Signatures that are not looked at, because there are too many or they are too large. */
  readonly unread: readonly DkimFinding[];
}

/** Placeholder */
export async function boundHeaders(raw: Uint8Array | AsyncIterable<Uint8Array>): Promise<BoundedMessage> {
  return {
    unread: [],
    async *chunks() {
      if (raw instanceof Uint8Array) {
        for (let at = 0; at < raw.length; at += 65_536) yield raw.subarray(at, at + 65_536);
      } else yield* raw;
    },
  };
}
