// Parts of mailauth by their files: its main one brings BIMI, MTA-STS and a command line along, some 10 MB.
declare module "mailauth/lib/arc/index.js" {
  export { arc, sealMessage } from "mailauth";
}

declare module "mailauth/lib/dmarc/index.js" {
  export { dmarc } from "mailauth";
}

// The verifier behind mailauth's dkimVerify(): the public function cannot be told which signatures to look at.
declare module "mailauth/lib/dkim/dkim-verifier.js" {
  import type { Writable } from "node:stream";
  import type { ARCData, DKIMResult, DNSResolver } from "mailauth";

  export interface SignatureHeader {
    type: "DKIM" | "ARC";
    parsed?: Record<string, { value?: unknown } | undefined>;
    tags?: { name: string; value: string }[];
    /** The field as it was read: the `line` of its header. */
    original?: Uint8Array;
    /** Set: reported as neutral, with this reason, without looking at the key. */
    skip?: string;
  }

  export class DkimVerifier extends Writable {
    constructor(options: {
      resolver?: DNSResolver;
      strict?: boolean;
      minBitLength?: number;
      curTime?: Date;
      sender?: string;
    });
    rejectRsaSha1: boolean;
    readonly headerFrom: string[];
    readonly fromFields: number;
    readonly results: DKIMResult[];
    readonly arc: ARCData;
    /** Set when the header section has been read. */
    headers?: { readonly parsed: readonly { readonly key: string; readonly line: Uint8Array }[] };
    prepareSignature(header: SignatureHeader): void;
    /** Reads `headers` before it first waits. */
    verifySignature(header: SignatureHeader, fallback?: boolean): Promise<DKIMResult>;
  }
}

declare module "mailauth/lib/tools.js" {
  /** Relaxed alignment by the Public Suffix List, private suffixes included. */
  export function getAlignment(author: string, domains: string[], strict?: boolean): { domain: string } | false;
}
