import { createHash, createHmac } from "node:crypto";

export interface ReceiptSigningInput {
  readonly sesMessageId: string;
  readonly region: string;
  readonly recipient: string;
  readonly signedAt: Date;
}

/** Makes the values of X-SES-RECEIPT and X-SES-DKIM-SIGNATURE. */
export type ReceiptSigner = (input: ReceiptSigningInput) => {
  readonly receipt: string;
  readonly dkimSignature: string;
};

// Around 313 octets within the outer base64: one NUL and 312 characters of base64 (ses-receiving.md §4.3).
const receiptOctets = 234;
// SES's key has been RSA with 1024 bits.
const signatureOctets = 128;

/**
 * A signer whose values have the form of SES's: same tags in the same order, same lengths, no claim to SES's key. They
 * depend on nothing but the key and the message, so that a resumed message gets the same block again.
 *
 * @param key - at least 16 octets; whoever knows it can recognise blocks made here
 */
export function createReceiptSigner(key: Uint8Array): ReceiptSigner {
  if (key.length < 16) throw new RangeError("a receipt signing key needs at least 16 octets");
  const selectors = new Map<string, string>();
  const selectorOf = (region: string) => {
    const known = selectors.get(region) ?? selector(key, region);
    if (selectors.size < maxRegions) selectors.set(region, known);
    return known;
  };
  return ({ sesMessageId, region, recipient, signedAt }) => {
    const octets = derive(key, `${sesMessageId}\0${recipient}`, receiptOctets + signatureOctets);
    const inner = octets.toString("base64", 0, receiptOctets);
    const receipt = Buffer.from(`\0${inner}`).toString("base64");
    const bodyHash = createHash("sha256").update(receipt).digest("base64");
    const tags = [
      "a=rsa-sha256",
      "q=dns/txt",
      `b=${octets.toString("base64", receiptOctets)}`,
      "c=relaxed/simple",
      `s=${selectorOf(region)}`,
      "d=amazonses.com",
      `t=${Math.floor(signedAt.getTime() / 1000)}`,
      "v=1",
      `bh=${bodyHash}`,
      "h=From:To:Cc:Bcc:Subject:Date:Message-ID:MIME-Version:Content-Type:X-SES-RECEIPT",
    ];
    return { receipt, dkimSignature: `${tags.join("; ")};` };
  };
}

/** SHAKE256 keyed by its first input: unlike SHA-2 that may be done with a sponge (FIPS 202, NIST SP 800-185 §4). */
function derive(key: Uint8Array, subject: string, octets: number): Buffer {
  const length = Buffer.from([key.length >> 8, key.length & 0xff]);
  return createHash("shake256", { outputLength: octets }).update(length).update(key).update(subject).digest();
}

const maxRegions = 64;

/** SES's selectors are 32 characters of lower-case base32, one per region. */
function selector(key: Uint8Array, region: string): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  const octets = createHmac("sha256", key).update(`selector\0${region}`).digest();
  return [...octets].map((octet) => alphabet[octet & 31]).join("");
}
