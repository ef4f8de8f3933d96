import { createPrivateKey, createPublicKey } from "node:crypto";
import { dkimSign } from "mailauth/lib/dkim/sign.js";

// Split, so that no scanner takes this file for the thing itself.
export const eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");
export const gtube = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");

/** A key that is the same in every run: an Ed25519 signature has no randomness either. */
const seed = Buffer.alloc(32, "mailweir conformance");
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
  format: "der",
  type: "pkcs8",
});
const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);

/** The TXT record of that key. */
export const keyRecord = `v=DKIM1; k=ed25519; p=${publicKey.toString("base64")}`;

/** The mail with a DKIM-Signature of `s1._domainkey.<domain>` in front. */
export async function signed(raw: string, domain: string): Promise<string> {
  const signer = {
    signingDomain: domain,
    selector: "s1",
    privateKey: privateKey.export({ format: "pem", type: "pkcs8" }),
  };
  const { signatures, errors } = await dkimSign(raw, {
    algorithm: "ed25519-sha256",
    canonicalization: "relaxed/relaxed",
    signTime: new Date("2026-08-04T09:14:00Z"),
    // The types want them here, the library reads the list.
    ...signer,
    signatureData: [signer],
  });
  if (errors.length > 0 || signatures === "") throw new Error(`not signed: ${JSON.stringify(errors)}`);
  return signatures + raw;
}
