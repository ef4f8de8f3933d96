import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Verdicts } from "../../shared/mail/judgement.ts";
import { openPipeline } from "../functions/pipeline.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";

const python = "/usr/bin/python3";
const isThere = spawnSync(python, ["-c", "import dkim, spf, authheaders"]).status === 0;
const missing = isThere ? "" : " (skipped: python3-dkim, -spf or -authheaders is not here, see .ci/debian-packages)";
const script = fileURLToPath(new URL("verify-forward.py", import.meta.url));

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const record = `v=DKIM1; k=rsa; p=${publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;
const relayIp = "192.0.2.20";
// Every domain publishes the same key; only ours names the relay.
const zone: Record<string, string> = {
  "example.com": `v=spf1 ip4:${relayIp} -all`,
  "_dmarc.example.com": "v=DMARC1; p=reject",
  "fwd._domainkey.example.com": record,
  "sender.example": "v=spf1 ip4:203.0.113.25 -all",
  "_dmarc.sender.example": "v=DMARC1; p=reject",
  "s1._domainkey.sender.example": record,
  "s1._domainkey.esp.example": record,
  "plain.example": "v=spf1 ip4:203.0.113.25 -all",
};

interface Verified {
  readonly dkim: readonly (readonly [boolean, string])[];
  readonly arc: string;
  readonly sets: number;
  readonly results: string;
}

describe.skipIf(!isThere)(`forwarded mail, checked by other programs${missing}`, { timeout: 120_000 }, () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mailweir-forward-"));
    await writeFile(join(folder, "key.pem"), pem);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function forwarded(author: string, signedBy: readonly string[], verdicts: Partial<Verdicts>, sealed = true) {
    const domain = author.slice(author.indexOf("@") + 1);
    const plain = `From: Ann Lee <${author}>\r\nTo: ann@example.com\r\nSubject: Order 1207\r\nMessage-ID: <m@${domain}>\r\nDate: Tue, 04 Aug 2026 09:15:00 +0000\r\n\r\nHello\r\n\r\n.dot\r\n`;
    let raw = plain;
    for (const signingDomain of signedBy) {
      const key = { signingDomain, selector: "s1", privateKey: pem };
      const { signatures } = await dkimSign(raw, { ...key, signatureData: [key] });
      raw = signatures + raw;
    }
    const key = { domain: "example.com", selector: "fwd", privateKeyFrom: { file: join(folder, "key.pem") } };
    const config = testConfig({
      streams: {
        personal: { recipients: ["example.com"], delivery: { "ann@example.com": { forward: "ann@away.example" } } },
      },
      local: { smarthost: { host: "127.0.0.1", port: 2526, tls: "none" } },
      ...(sealed && { personal: { forwarding: { key } } }),
    });
    const pipeline = await openPipeline(config, { sendsMail: true });
    try {
      const events = await pipeline.arrive({
        from: author,
        to: ["ann@example.com"],
        raw: Buffer.from(raw),
        verdicts,
        signedBy,
      });
      await pipeline.queue(config.names.noticeQueue, events.notice);
      await pipeline.settle();
      const { outbox } = pipeline.store.ports;
      const [entry] = await outbox.takeOutgoing(new Date("2100-01-01"), new Date("2100-01-02"), 1);
      if (entry === undefined) throw new Error("nothing was forwarded");
      const chunks: Uint8Array[] = [];
      for await (const chunk of outbox.open(entry.number) ?? []) chunks.push(chunk);
      return { mail: Buffer.concat(chunks), envelopeSender: entry.envelopeSender };
    } finally {
      await pipeline.close();
    }
  }

  function verify(mail: Uint8Array, envelopeSender: string): Verified {
    const args = [script, JSON.stringify(zone), relayIp, envelopeSender, "relay.example.com"];
    const { stdout, stderr, status } = spawnSync(python, args, { input: mail, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Verified;
  }

  test.for<[string, string, readonly string[], Partial<Verdicts>, "unchanged" | "rewritten", RegExp]>([
    ["an aligned signature survives", "ann@sender.example", ["sender.example"], {}, "unchanged", /dmarc=pass/],
    ["SPF only: rewritten", "ann@sender.example", [], {}, "rewritten", /dmarc=pass/],
    [
      "p=reject, only a stranger's signature: rewritten",
      "ann@sender.example",
      ["esp.example"],
      { dkim: "GRAY" },
      "rewritten",
      /dmarc=pass/,
    ],
    [
      "several signatures, one aligned",
      "ann@sender.example",
      ["esp.example", "sender.example"],
      {},
      "unchanged",
      /dmarc=pass/,
    ],
    [
      "no DMARC policy: unchanged, and nothing to fail",
      "ann@plain.example",
      [],
      { dmarc: "GRAY" },
      "unchanged",
      /spf=pass/,
    ],
  ])("%s", async ([, author, signedBy, verdicts, from, results]) => {
    const { mail, envelopeSender } = await forwarded(author, signedBy, verdicts);
    const verified = verify(mail, envelopeSender);
    expect(verified.results).toMatch(results);
    expect(verified.results).not.toMatch(/dmarc=fail/);
    expect(verified).toMatchObject({ arc: "pass", sets: 1 });
    expect(envelopeSender).toMatch(/^SRS0=/);
    const signers = verified.dkim.map(([ok, domain]) => (ok ? domain : `broken ${domain}`));
    expect(signers.toSorted()).toEqual(from === "unchanged" ? [...signedBy].sort() : ["example.com"]);
  });

  test("without a key rewritten mail passes by SPF alone, and nothing is sealed", async () => {
    const { mail, envelopeSender } = await forwarded("ann@sender.example", [], {}, false);
    const verified = verify(mail, envelopeSender);
    expect(verified.results).toMatch(/dmarc=pass/);
    expect(verified).toMatchObject({ dkim: [], arc: "none" });
  });

  test("the verifiers do tell: a changed body fails", async () => {
    const { mail, envelopeSender } = await forwarded("ann@sender.example", ["sender.example"], {});
    const changed = Buffer.from(mail.toString("latin1").replace("Hello", "Hullo"), "latin1");
    const verified = verify(changed, envelopeSender);
    expect(verified.results).toMatch(/dmarc=fail/);
    expect(verified.arc).toBe("fail");
  });
});
