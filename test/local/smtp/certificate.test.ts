import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CertificateError, certificateFiles, ownCertificate } from "../../../local/smtp/certificate.ts";
import { createSelfSignedCertificate } from "../../../local/smtp/self-signed-certificate.ts";

const now = new Date("2026-08-04T09:15:02Z");
const serial = Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-tls-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("the certificate is a P-256 one that its own key signed, for the names given", () => {
  const { key, cert } = createSelfSignedCertificate(["mx.shop.example", "127.0.0.1", "2001:db8::1"], now, serial);
  const certificate = new X509Certificate(cert);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" });
  expect(certificate.checkHost("mx.shop.example")).toBe("mx.shop.example");
  expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(certificate.checkIP("2001:db8::1")).toBe("2001:db8::1");
  expect(certificate.ca).toBe(false);
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect(certificate.serialNumber).toMatch(/^70F1F2/);
  expect(certificate.validFromDate).toEqual(new Date("2026-08-04T08:15:02Z"));
  expect(certificate.validToDate).toEqual(new Date("2036-08-01T09:15:02Z"));
});

test("a date from 2050 on is written with four digits of the year", () => {
  const { cert } = createSelfSignedCertificate(["mx.shop.example"], new Date("2045-01-01T00:00:00Z"), serial);
  expect(new X509Certificate(cert).validToDate).toEqual(new Date("2054-12-30T00:00:00Z"));
});

test("our own certificate is made once, readable for us alone, and made anew before it ends", async () => {
  let today = now;
  const source = ownCertificate(folder, {
    names: ["localhost"],
    now: () => today,
    random: () => serial,
  });
  const first = await source.load();
  expect((await stat(join(folder, "smtp-tls.pem"))).mode & 0o777).toBe(0o600);
  expect(await source.load()).toEqual(first);
  today = new Date("2036-07-15T00:00:00Z");
  const second = await source.load();
  expect(new X509Certificate(second.cert).validToDate.getUTCFullYear()).toBe(2046);

  await writeFile(join(folder, "smtp-tls.pem"), "damaged");
  expect((await source.load()).cert).not.toBe(second.cert);
});

test("the user's files are read again when they change, and only as a pair that belongs together", async () => {
  const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  const write = async (pair: { key: string; cert: string }, mtime: number) => {
    await writeFile(files.key, pair.key);
    await utimes(files.key, mtime, mtime);
    await writeFile(files.cert, pair.cert);
    await utimes(files.cert, mtime, mtime);
  };
  const first = createSelfSignedCertificate(["a.example"], now, serial);
  const second = createSelfSignedCertificate(["b.example"], now, serial);
  await write(first, 1_000);
  const source = certificateFiles(files);
  expect(await source.load()).toEqual(first);
  expect(await source.reload()).toBeUndefined();
  await write({ key: second.key, cert: first.cert }, 2_000);
  await expect(source.reload()).rejects.toThrow(CertificateError);
  await write(second, 3_000);
  expect(await source.reload()).toEqual(second);
  expect(await source.reload()).toBeUndefined();
});

test("a missing file is named with what to do", async () => {
  const source = certificateFiles({ key: join(folder, "none.pem"), cert: join(folder, "none.pem") });
  await expect(source.load()).rejects.toThrow(/local\.tls .*none\.pem.*give a PEM key/);
});
