import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dkimSign } from "mailauth/lib/dkim/sign.js";

const domains = Array.from({ length: 8 }, (_, index) => `sender${index}.example`);
const words =
  `please could you look into the invoice from last week because our order did not arrive and nobody answers the phone
  when we ask about delivery to the new office thank you for your help with this question and kind regards from all of us
  here at the workshop where the machine still waits for the part that was promised in spring`.split(/\s+/);

export interface Senders {
  readonly keys: ReadonlyMap<string, string>;
  /** What their DNS says, as a zone file. */
  readonly zone: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

export function createSenders(): Senders {
  const keys = new Map<string, string>();
  const zone: Record<string, Record<string, string[]>> = {
    "_spf.hosting.example": { TXT: ["v=spf1 ip4:192.0.2.0/24 ip4:127.0.0.0/8 -all"] },
  };
  for (const domain of domains) {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    keys.set(domain, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    const p = publicKey.export({ type: "spki", format: "der" }).toString("base64");
    zone[`s1._domainkey.${domain}`] = { TXT: [`v=DKIM1; k=rsa; p=${p}`] };
    zone[domain] = { TXT: ["v=spf1 include:_spf.hosting.example -all"] };
    zone[`_dmarc.${domain}`] = { TXT: ["v=DMARC1; p=reject"] };
  }
  return { keys, zone };
}

/** Mails that no run has seen before, 1 to 12 KB, text or text with HTML, signed as `relaxed/relaxed` with RSA of 2048 bits. */
export async function writeSignedMails(
  folder: string,
  { keys }: Senders,
  { count, recipients, random }: { count: number; recipients: readonly string[]; random: () => number },
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const text = (length: number) => {
    const lines: string[] = [];
    for (let at = 0; at < length; at += 70) lines.push(Array.from({ length: 11 }, () => pick(words)).join(" "));
    return lines.join("\r\n");
  };
  const run = random().toString(36).slice(2);
  for (let number = 0; number < count; number += 1) {
    const domain = domains[number % domains.length] ?? "";
    const to = recipients[number % recipients.length] ?? "";
    const from = `${pick(words)}.${number}@${domain}`;
    const size = 600 + Math.floor(random() ** 3 * 8_000);
    const asks = to.startsWith("unsubscribe@");
    const subject = asks ? "unsubscribe" : `Question ${number} about ${pick(words)} ${pick(words)}`;
    const body = asks
      ? "Please unsubscribe me from all your mailing lists."
      : `Hello,\r\n\r\n${text(size)}\r\n\r\nRegards`;
    const boundary = `=_${run}${number}`;
    const [type, content] =
      !asks && number % 2 === 1
        ? [
            `multipart/alternative; boundary="${boundary}"`,
            `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}\r\n--${boundary}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>${body.replaceAll("\r\n", "<br>\r\n")}</p></body></html>\r\n--${boundary}--`,
          ]
        : ["text/plain; charset=utf-8", body];
    const raw = `Received: from client.${domain} (client.${domain} [192.0.2.7])\r\n\tby out.${domain} with ESMTPS id ${run}${number};\r\n\tTue, 3 Nov 2026 09:12:44 +0000\r\nFrom: "${pick(words)} ${pick(words)}" <${from}>\r\nTo: <${to}>\r\nSubject: ${subject}\r\nDate: Tue, 3 Nov 2026 09:12:44 +0000\r\nMessage-ID: <${run}.${number}@${domain}>\r\nMIME-Version: 1.0\r\nContent-Type: ${type}\r\n\r\n${content}\r\n`;
    const signer = { signingDomain: domain, selector: "s1", privateKey: keys.get(domain) ?? "" };
    const { signatures } = await dkimSign(raw, {
      canonicalization: "relaxed/relaxed",
      headerList: "from:to:subject:date:message-id:mime-version:content-type",
      ...signer,
      signatureData: [signer],
    });
    writeFileSync(join(folder, `${number}.eml`), signatures + raw);
    writeFileSync(join(folder, `${number}.json`), JSON.stringify({ from, to }));
  }
}

/** Repeatable numbers from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
