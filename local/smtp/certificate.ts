import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { MailweirError } from "../../shared/errors.ts";
import { makeFolder, nodeFileSystem, replaceFile } from "../store/files.ts";
import { createSelfSignedCertificate, type KeyAndCertificate } from "./self-signed-certificate.ts";

/** Where key and certificate of STARTTLS come from. */
export interface CertificateSource {
  load(): Promise<KeyAndCertificate>;
  /** The new pair when the files have changed since they were loaded last; `undefined` when they have not. */
  reload(): Promise<KeyAndCertificate | undefined>;
}

export class CertificateError extends MailweirError {
  readonly code = "ERR_TLS_CERTIFICATE";
  readonly retryable = false;
}

/** The user's own PEM files; read again when they change, so that a renewal needs no restart. */
export function certificateFiles(files: { readonly key: string; readonly cert: string }): CertificateSource {
  let loaded = "";
  const stamp = async () => {
    const [key, cert] = await Promise.all([stat(files.key), stat(files.cert)]);
    return `${key.mtimeMs}/${key.size}/${key.ino} ${cert.mtimeMs}/${cert.size}/${cert.ino}`;
  };
  const load = async () => {
    try {
      loaded = await stamp();
      const pair = { key: await readFile(files.key, "utf8"), cert: await readFile(files.cert, "utf8") };
      // A renewal that has written only one of the two files so far: OpenSSL says that they do not belong together.
      createSecureContext(pair);
      return pair;
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      throw new CertificateError(
        `Cannot use local.tls (key "${files.key}", cert "${files.cert}"): ${what}; give a PEM key and the PEM chain made for it`,
        { cause },
      );
    }
  };
  return { load, reload: async () => ((await stamp()) === loaded ? undefined : load()) };
}

/**
 * A certificate of our own, made once and kept in `folder` as `smtp-tls.pem` (mode 0600), so that senders which remember
 * it see the same one after a restart. Made anew when it is about to end or cannot be read.
 */
export function ownCertificate(
  folder: string,
  make: {
    readonly names: readonly string[];
    readonly now: () => Date;
    readonly random: (octets: number) => Uint8Array;
  },
): CertificateSource {
  const path = join(folder, "smtp-tls.pem");
  return {
    async load() {
      const kept = await readFile(path, "utf8").then(splitPem, () => undefined);
      if (kept && isUsable(kept, make.now())) return kept;
      const made = createSelfSignedCertificate(make.names, make.now(), make.random(16));
      await makeFolder(nodeFileSystem, folder);
      await replaceFile(nodeFileSystem, path, made.key + made.cert);
      return made;
    },
    reload: async () => undefined,
  };
}

const block = (label: string) => new RegExp(`-----BEGIN ${label}-----[^-]{1,8192}-----END ${label}-----\n?`);

function splitPem(text: string): KeyAndCertificate | undefined {
  const key = block("PRIVATE KEY").exec(text)?.[0];
  const cert = block("CERTIFICATE").exec(text)?.[0];
  return key === undefined || cert === undefined ? undefined : { key, cert };
}

const renewBeforeMs = 30 * 86_400_000;

function isUsable({ key, cert }: KeyAndCertificate, now: Date): boolean {
  try {
    createSecureContext({ key, cert });
    return new X509Certificate(cert).validToDate.getTime() - now.getTime() > renewBeforeMs;
  } catch {
    // Damaged: a new one takes its place.
    return false;
  }
}
