import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ImapFlow } from "imapflow";
import type { ImapAccount } from "../../shared/config/types.ts";
import { end } from "./python-tools.ts";

/** Debian's Dovecot; `undefined` where it is not installed. */
export const dovecotProgram = ["/usr/sbin/dovecot"].find((path) => existsSync(path));

export interface Dovecot {
  readonly port: number;
  readonly plainPort: number;
  readonly ca: string;
  account(user: string, more?: Partial<ImapAccount>): ImapAccount;
  /** Every message of a folder, in the order of its UIDs. */
  read(user: string, folder?: string): Promise<readonly Buffer[]>;
  stop(): Promise<void>;
}

export const password = "correct-horse";

/** A server of its own on free ports with a certificate of its own; `full@example.com` may keep 20 KB. */
export async function startDovecot(program: string): Promise<Dovecot> {
  const root = await mkdtemp(join(tmpdir(), "mailweir-dovecot-"));
  await chmod(root, 0o755);
  const isRoot = userInfo().uid === 0;
  const user = isRoot ? "mail" : userInfo().username;
  for (const folder of ["run", "state", "mail"]) await mkdir(join(root, folder));
  if (isRoot) {
    const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, "mail"])));
    await chown(join(root, "mail"), uid ?? 0, gid ?? 0);
  }
  const users = ["ann", "bob", "full"].map((name) => {
    const extra = name === "full" ? "userdb_quota_rule=*:bytes=20000" : "";
    return `${name}@example.com:{PLAIN}${password}::::::${extra}\n`;
  });
  await writeFile(join(root, "users"), users.join(""));
  const [key, cert] = [join(root, "key.pem"), join(root, "cert.pem")];
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
  ]);
  const [port, plainPort] = [await freePort(), await freePort()];
  const lines = [
    `base_dir = ${root}/run`,
    `state_dir = ${root}/state`,
    "log_path = /dev/stderr",
    "listen = 127.0.0.1",
    "protocols = imap",
    "ssl = yes",
    `ssl_cert = <${cert}`,
    `ssl_key = <${key}`,
    "disable_plaintext_auth = no",
    "first_valid_uid = 1",
    "mail_location = maildir:~/Maildir",
    "mail_plugins = quota",
    "mail_max_userip_connections = 50",
    "protocol imap {\n mail_plugins = quota imap_quota\n}",
    "plugin {\n quota = maildir:User quota\n}",
    `passdb {\n driver = passwd-file\n args = ${root}/users\n}`,
    `userdb {\n driver = passwd-file\n args = ${root}/users\n default_fields = uid=${user} gid=${user} home=${root}/mail/%u\n}`,
    `service imap-login {\n inet_listener imap {\n port = ${plainPort}\n }\n inet_listener imaps {\n port = ${port}\n ssl = yes\n }\n}`,
    ...(isRoot
      ? []
      : [
          ...["default_internal_user", "default_internal_group", "default_login_user"].map(
            (name) => `${name} = ${user}`,
          ),
          ...["anvil", "imap-login", "stats"].map((name) => `service ${name} {\n chroot =\n}`),
        ]),
  ];
  await writeFile(join(root, "dovecot.conf"), `${lines.join("\n")}\n`);
  const child = spawn(program, ["-F", "-c", join(root, "dovecot.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += String(chunk);
  });
  for (let tries = 0; !(await answers(plainPort)); tries++) {
    if (child.exitCode !== null || tries > 300) throw new Error(`dovecot did not start: ${log}`);
    await sleep(50);
  }
  const account = (name: string, more: Partial<ImapAccount> = {}): ImapAccount => ({
    host: "127.0.0.1",
    port,
    tls: "implicit",
    ca: cert,
    user: `${name}@example.com`,
    passwordFrom: { env: "IMAP_PASSWORD" },
    ...more,
  });
  return {
    port,
    plainPort,
    ca: cert,
    account,
    async read(name, folder = "INBOX") {
      const client = new ImapFlow({
        host: "127.0.0.1",
        port,
        secure: true,
        tls: { ca: await readFile(cert) },
        auth: { user: `${name}@example.com`, pass: password },
        logger: false,
      });
      await client.connect();
      try {
        await client.mailboxOpen(folder === "INBOX" ? folder : folder.split("/"));
        const found: Buffer[] = [];
        for await (const { source } of client.fetch("1:*", { source: true })) if (source) found.push(source);
        return found;
      } finally {
        await client.logout();
      }
    },
    async stop() {
      await end(child);
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.on("data", () => resolve(true));
  socket.on("error", () => resolve(false));
  socket.on("close", () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

export async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  const port = await promise;
  await new Promise((done) => server.close(done));
  return port;
}
