import { createHash, generateKeyPairSync, sign } from "node:crypto";

// RFC 6376 in forty lines, so that the verifier is not tested by its own library's signer.

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** `p=` of the key that signs. */
export const publicKeyText = publicKey.export({ format: "der", type: "spki" }).toString("base64");

export interface Draft {
  /** In place of, or beside, the usual tags; `null` leaves one out. `b` cannot be given. */
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

export const usualHeaders: readonly (readonly [string, string])[] = [
  ["From", " ann@sender.example"],
  ["To", " b@shop.example"],
  ["Subject", " a"],
];

/** A signature over octets that somebody else canonicalised; `header` and `body` as they go into the hashes. */
export function signCanonical(canon: "relaxed" | "simple", header: string, body: string): string {
  const names = [...header.matchAll(/^([!-9;-~]+):/gm)].map(([, name]) => name);
  const bh = createHash("sha256").update(body).digest("base64");
  const value = `v=1; a=rsa-sha256; c=${canon}/${canon}; d=sender.example; s=s1; h=${names.join(":")}; bh=${bh}; b=`;
  const own = canon === "relaxed" ? `dkim-signature:${value}` : `DKIM-Signature: ${value}`;
  return `DKIM-Signature: ${value}${sign("sha256", Buffer.from(header + own), privateKey).toString("base64")}\r\n`;
}

const relaxedHeader = (name: string, value: string) =>
  `${name.toLowerCase()}:${value
    .replace(/\r\n/g, "")
    .replace(/[ \t]+/g, " ")
    .trim()}\r\n`;

function relaxedBody(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  const text = lines.join("\r\n").replace(/(?:\r\n)*$/, "");
  return text === "" ? "" : `${text}\r\n`;
}

/** A message signed by sender.example, relaxed/relaxed; text as Latin-1. */
export function signByHand({ tags = {}, headers = usualHeaders, body = "hello\r\n" }: Draft = {}): string {
  const covered =
    typeof tags["l"] === "string"
      ? relaxedBody(body).slice(0, /^\d+$/.test(tags["l"]) ? Number(tags["l"]) : undefined)
      : relaxedBody(body);
  const all: Record<string, string | null> = {
    ...{ v: "1", a: "rsa-sha256", c: "relaxed/relaxed", d: "sender.example", s: "s1", h: "from:to:subject" },
    bh: createHash("sha256").update(covered, "latin1").digest("base64"),
    ...tags,
  };
  const written = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
  const value = ` ${written.join("; ")}; b=`;
  const left = [...headers];
  let data = "";
  for (const name of (all["h"] ?? "").split(":").map((text) => text.trim().toLowerCase())) {
    const at = left.findLastIndex(([header]) => header.toLowerCase() === name);
    const [found] = at === -1 ? [] : left.splice(at, 1);
    if (found) data += relaxedHeader(...found);
  }
  data += relaxedHeader("DKIM-Signature", value).slice(0, -2);
  const signature = sign("sha256", Buffer.from(data, "latin1"), privateKey).toString("base64");
  const lines = headers.map(([name, text]) => `${name}:${text}\r\n`);
  return `DKIM-Signature:${value}${signature}\r\n${lines.join("")}\r\n${body}`;
}
