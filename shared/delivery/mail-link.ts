import { type SesMessageId, sesMessageIdOctets, sesMessageIdOfOctets } from "../ses-message-id.ts";
import type { KeyRing } from "../tokens/key-ring.ts";
import { createTokens } from "../tokens/tokens.ts";

/** Below this path of the engine's HTTP port a link brings the mail that it names, under any host name. */
export const mailLinkPath = "/m/";

export type OpenedMailLink =
  | { readonly kind: "valid"; readonly sesMessageId: SesMessageId; readonly expiresAt: Date }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

/**
 * Links to one stored mail, for whoever has them, until a time that is signed with it: five octets of seconds since the
 * Unix epoch, then the SES message id.
 */
export function createMailLinks(ring: KeyRing) {
  const tokens = createTokens(ring);
  return {
    /** `undefined` when the id has another shape than all ids seen so far: it would not fit. */
    sign(sesMessageId: SesMessageId, expiresAt: Date): string | undefined {
      const id = sesMessageIdOctets(sesMessageId);
      if (id === undefined) return undefined;
      const payload = Buffer.alloc(5 + id.length);
      payload.writeUIntBE(Math.floor(expiresAt.getTime() / 1000), 0, 5);
      payload.set(id, 5);
      return tokens.sign("mail-link", payload);
    },
    open(token: string, now: Date): OpenedMailLink {
      const verified = tokens.verify("mail-link", token, now);
      if (verified.kind === "expired") return { kind: "expired" };
      if (verified.kind === "invalid") return { kind: "invalid" };
      const payload = Buffer.from(verified.payload);
      const sesMessageId = payload.length > 5 ? sesMessageIdOfOctets(payload.subarray(5)) : undefined;
      if (sesMessageId === undefined) return { kind: "invalid" };
      const expiresAt = new Date(payload.readUIntBE(0, 5) * 1000);
      return now.getTime() < expiresAt.getTime() ? { kind: "valid", sesMessageId, expiresAt } : { kind: "expired" };
    },
  };
}
