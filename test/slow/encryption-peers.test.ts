import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encryptForSes } from "../../shared/encryption/encrypt-for-ses.ts";
import { type EnvelopeName, openEnvelope } from "../../shared/encryption/open-envelope.ts";
import { startKmsStub } from "../shared/encryption/kms-stub.ts";
import { createMemoryKeys } from "../shared/encryption/memory-keys.ts";
import { keyArn, writeEnvelope } from "../shared/encryption/write-envelope.ts";
import { startS3Stub } from "./encryption-peers/s3-stub.ts";

/*
 * AWS's own S3 encryption clients, against our stubs of KMS and S3 on loopback: they write, we read; we write, they
 * read. What has to be there, else a peer is skipped by name:
 *
 *   Ruby    Debian packages ruby ruby-aws-sdk-s3 ruby-aws-sdk-kms
 *   Go      Debian packages golang-go golang-github-aws-aws-sdk-go-dev
 *   Java    Debian packages default-jdk-headless maven, and Maven Central's amazon-s3-encryption-client-java
 *   Python  Debian package python3-venv, and PyPI's amazon-s3-encryption-client-python (installed here into a
 *           temporary folder; or name an interpreter that has it: S3_ENCRYPTION_PYTHON=/path/to/python)
 */

interface Peer {
  readonly name: string;
  readonly writes: readonly EnvelopeName[];
  /** Also with the envelope in an instruction file. */
  readonly writesInstructionFiles: boolean;
  readonly reads: readonly EnvelopeName[];
  /** The command that speaks lines of JSON, or what is missing. */
  readonly prepare: () => readonly string[] | { readonly missing: string };
}

const scratch = mkdtempSync(join(tmpdir(), "mailweir-peers-"));
const source = (name: string) => fileURLToPath(new URL(`encryption-peers/${name}`, import.meta.url));
const run = (command: string, args: string[], options: object = {}) =>
  execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...options });

const peers: Peer[] = [
  {
    name: "Ruby (aws-sdk-s3)",
    writes: ["v2 kms cbc", "v2 kms+context gcm"],
    writesInstructionFiles: true,
    reads: ["v2 kms gcm", "v2 kms cbc", "v2 kms+context gcm"],
    prepare: () => {
      try {
        run("ruby", ["-e", 'require "aws-sdk-s3"; require "aws-sdk-kms"']);
        return ["ruby", source("peer.rb")];
      } catch {
        return { missing: "apt-get install ruby ruby-aws-sdk-s3 ruby-aws-sdk-kms" };
      }
    },
  },
  {
    name: "Go (aws-sdk-go, s3crypto)",
    writes: ["v2 kms gcm", "v2 kms cbc", "v2 kms+context gcm"],
    writesInstructionFiles: true,
    reads: ["v2 kms gcm", "v2 kms cbc", "v2 kms+context gcm"],
    prepare: () => {
      const packaged = "/usr/share/gocode/src/github.com/aws/aws-sdk-go/service/s3/s3crypto";
      try {
        run("go", ["version"]);
      } catch {
        return { missing: "apt-get install golang-go" };
      }
      if (!existsSync(packaged)) return { missing: "apt-get install golang-github-aws-aws-sdk-go-dev" };
      // Debian's libraries are a GOPATH, not modules.
      const folder = join(scratch, "go/src/peer");
      mkdirSync(folder, { recursive: true });
      cpSync(source("peer.go"), join(folder, "peer.go"));
      const program = join(scratch, "peer-go");
      const env = {
        ...process.env,
        GO111MODULE: "off",
        GOFLAGS: "",
        GOPATH: `${join(scratch, "go")}:/usr/share/gocode`,
      };
      run("go", ["build", "-o", program, "peer"], { env });
      return [program];
    },
  },
  {
    name: "Java (amazon-s3-encryption-client-java)",
    writes: ["v3 kms+context gcm", "v2 kms+context gcm"],
    writesInstructionFiles: true,
    reads: ["v3 kms+context gcm", "v2 kms+context gcm", "v2 kms gcm", "v2 kms cbc"],
    prepare: () => {
      const classPath = join(scratch, "java-class-path");
      const goals = ["dependency:build-classpath", `-Dmdep.outputFile=${classPath}`];
      try {
        run("javac", ["-version"]);
        run("mvn", ["-q", "-B", "-f", source("java/pom.xml"), ...goals]);
      } catch {
        return {
          missing: "apt-get install default-jdk-headless maven, and Maven Central within reach (Java 11 or newer)",
        };
      }
      return ["java", "-cp", readFileSync(classPath, "utf8"), source("java/Peer.java")];
    },
  },
  {
    name: "Python (amazon-s3-encryption-client-python)",
    writes: ["v3 kms+context gcm", "v2 kms+context gcm"],
    writesInstructionFiles: false,
    reads: ["v3 kms+context gcm", "v2 kms+context gcm", "v2 kms gcm", "v2 kms cbc"],
    prepare: () => {
      const given = process.env["S3_ENCRYPTION_PYTHON"];
      if (given !== undefined) return [given, source("peer.py")];
      const folder = join(scratch, "python");
      const python = join(folder, "bin/python");
      try {
        run("python3", ["-m", "venv", folder]);
        run(python, ["-m", "pip", "install", "--quiet", "amazon-s3-encryption-client-python==4.0.0"]);
        return [python, source("peer.py")];
      } catch {
        return { missing: "apt-get install python3-venv, and PyPI within reach (Python 3.10 or newer)" };
      }
    },
  },
];

const sizes = [0, 1, 15, 16, 17, 1024, 65_535, 65_536, 65_537, 1_048_577];
const readers = { accept: { unauthenticated: true } };

for (const peer of peers) {
  const command = peer.prepare();
  const missing = "missing" in command ? command.missing : undefined;
  const title = missing === undefined ? peer.name : `${peer.name}: skipped, needs ${missing}`;

  describe.skipIf(missing !== undefined)(title, () => {
    const keys = createMemoryKeys(keyArn);
    let s3: Awaited<ReturnType<typeof startS3Stub>>;
    let kms: Awaited<ReturnType<typeof startKmsStub>>;
    let client: ReturnType<typeof startPeer>;
    beforeAll(async () => {
      s3 = await startS3Stub();
      kms = await startKmsStub(keys, keyArn);
      client = startPeer([...(command as string[]), s3.url, kms.url, keyArn]);
    });
    afterAll(async () => {
      await client?.stop();
      await Promise.all([s3?.close(), kms?.close()]);
    });

    const store = (key: string, object: { metadata: Readonly<Record<string, string>>; body: Uint8Array }) =>
      s3.objects.set(`/mail/${key}`, { metadata: { ...object.metadata }, body: object.body });
    const openStored = (key: string) => {
      const stored = s3.objects.get(`/mail/${key}`);
      if (stored === undefined) throw new Error(`the peer did not write ${key}`);
      const instructionFile = async () => s3.objects.get(`/mail/${key}.instruction`)?.body;
      return openEnvelope({ ...stored, sizeBytes: stored.body.length, instructionFile }, keys, readers);
    };

    const written = peer.writes.flatMap((format) =>
      (peer.writesInstructionFiles ? [false, true] : [false]).map((instruction) => [format, instruction] as const),
    );
    test.for(written)("it writes %s (instruction file: %s), we read", async ([format, instruction]) => {
      for (const size of sizes) {
        const plain = randomBytes(size);
        const key = `${format.replaceAll(" ", "-")}-${instruction}-${size}`;
        await client.ask({
          Op: "put",
          Format: format,
          Key: key,
          Body: plain.toString("base64"),
          Instruction: instruction,
        });
        expect(s3.objects.has(`/mail/${key}.instruction`)).toBe(instruction);
        const opened = await openStored(key);
        expect(opened.envelope).toBe(format);
        expect((await collect(await opened.open())).equals(plain), `${size} octets`).toBe(true);
      }
    });

    const authenticated = written.filter(([format]) => format !== "v2 kms cbc");
    test.for(authenticated)("it writes %s (instruction file: %s), we refuse a changed octet", async ([
      format,
      instruction,
    ]) => {
      const key = `tampered-${format.replaceAll(" ", "-")}-${instruction}`;
      const Body = randomBytes(100).toString("base64");
      await client.ask({ Op: "put", Format: format, Key: key, Body, Instruction: instruction });
      const { body } = s3.objects.get(`/mail/${key}`) ?? {};
      body![50]! ^= 1;
      await expect(openStored(key).then(({ open }) => open())).rejects.toMatchObject({
        code: "ERR_BODY_NOT_AUTHENTIC",
      });
    });

    test("we write as SES does, it reads", async () => {
      for (const size of sizes) {
        const plain = randomBytes(size);
        const key = `ses-${size}`;
        const ses = { keyArn, ruleName: "store", account: "111122223333", sesMessageId: key };
        const object = await encryptForSes(plain, ses, keys, (length) => randomBytes(length));
        store(key, { metadata: object.metadata, body: await collect(object.body) });
        expect((await client.ask({ Op: "get", Format: "v2 kms gcm", Key: key })).equals(plain), `${size}`).toBe(true);
      }
    });

    test("it refuses ours with a changed octet, or under another rule's name", async () => {
      const ses = { keyArn, ruleName: "store", account: "111122223333", sesMessageId: "id" };
      const object = await encryptForSes(randomBytes(100), ses, keys, (length) => randomBytes(length));
      const body = await collect(object.body);
      const matdesc = object.metadata["x-amz-matdesc"]?.replace("store", "other") ?? "";
      store("sound", { metadata: object.metadata, body });
      expect(await client.ask({ Op: "get", Format: "v2 kms gcm", Key: "sound" })).toHaveLength(100);
      store("renamed", { metadata: { ...object.metadata, "x-amz-matdesc": matdesc }, body });
      store("changed", { metadata: object.metadata, body: body.map((octet, at) => (at === 50 ? octet ^ 1 : octet)) });
      for (const Key of ["renamed", "changed"]) {
        await expect(client.ask({ Op: "get", Format: "v2 kms gcm", Key })).rejects.toThrow(/./);
      }
    });

    // What our reader's own tests are fed with must be what the clients take for theirs.
    test.for(peer.reads)("our fixtures' writer writes %s, it reads", async (format) => {
      const context = { "aws:ses:rule-name": "store", "aws:ses:source-account": "111122223333" };
      for (const size of [0, 1, 16, 1000]) {
        const plain = randomBytes(size);
        const key = `fixture-${format.replaceAll(" ", "-")}-${size}`;
        store(key, await writeEnvelope(format as Exclude<EnvelopeName, "none">, plain, keys, context));
        expect((await client.ask({ Op: "get", Format: format, Key: key })).equals(plain), `${size}`).toBe(true);
      }
    });
  });
}

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface PeerRequest {
  readonly Op: "put" | "get";
  readonly Format: EnvelopeName;
  readonly Key: string;
  readonly Body?: string;
  readonly Instruction?: boolean;
}

function startPeer([program = "", ...args]: string[]) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** The object's plaintext for `get`; the client's own error as a rejection. */
    async ask(request: PeerRequest): Promise<Buffer> {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error(`${program} ended`);
      const { body, error }: { body: string | null; error: string } = JSON.parse(value);
      if (error !== "") throw new Error(error);
      return Buffer.from(body ?? "", "base64");
    },
    async stop(): Promise<void> {
      const exited = once(child, "exit");
      child.stdin.end();
      await exited;
    },
  };
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
