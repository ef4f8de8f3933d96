import { sealMessage } from "mailauth/lib/arc/index.js";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { MailweirError } from "../errors.ts";
import { splitFields } from "./header-fields.ts";

export class ForwardKeyError extends MailweirError {
  readonly code = "ERR_FORWARD_KEY";
  readonly retryable = false;
}

export interface ForwardKey {
  readonly domain: string;
  readonly selector: string;
  /** PEM. */
  readonly privateKey: string;
}

/**
 * Signs a rewritten mail (DKIM) and seals it (ARC, RFC 8617) with what was found out when it came in. A mail that brings a
 * chain is not sealed again: an unchanged chain still verifies, and nobody here has checked it.
 *
 * @param results - Authentication-Results without the name of who found them out
 * @throws {ForwardKeyError} when the key cannot be used
 */
export async function signForward(
  raw: Uint8Array,
  { domain, selector, privateKey }: ForwardKey,
  { sign, results, now }: { readonly sign: boolean; readonly results: string; readonly now: Date },
): Promise<Uint8Array> {
  const key = { signingDomain: domain, selector, privateKey };
  let mail = Buffer.from(raw);
  if (sign) {
    const { signatures, errors } = await dkimSign(mail, {
      canonicalization: "relaxed/relaxed",
      signTime: now,
      // The types want them here, the library reads the list.
      ...key,
      signatureData: [key],
    });
    if (errors.length > 0 || signatures === "") throw wrongKey(domain);
    mail = Buffer.concat([Buffer.from(signatures), mail]);
  }
  if (splitFields(mail).fields.some(({ name }) => name.startsWith("arc-"))) return mail;
  const authResults = `${domain}; ${results === "" ? "none" : results}`;
  const seal = await sealMessage(mail, { ...key, signTime: now, authResults, cv: "none" });
  if (seal.length === 0) throw wrongKey(domain);
  return Buffer.concat([seal, mail]);
}

const wrongKey = (domain: string) =>
  new ForwardKeyError(
    `Nothing can be signed for ${domain}: personal.forwarding.key.privateKeyFrom must name an RSA or Ed25519 key in PEM form`,
  );
