import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endProcess, type Running, startServer } from "./server-process.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const peers = join(root, "bench/peers");
const node = process.execPath;

export interface Workplace {
  readonly folder: string;
  /** Zone file with the senders' keys and policies. */
  readonly zone: string;
  readonly config: string;
}

/** Something to measure; started once for a row, in a folder of its own. */
export interface Server {
  readonly name: string;
  readonly ours?: true;
  /** Why it cannot run here. */
  missing?(): string | undefined;
  start(place: Workplace): Promise<Running>;
}

/** Installs the npm peers beside the benchmark, outside the project's own dependencies. */
export function installPeers(needed: "Haraka" | "maildev" = "Haraka"): void {
  if (existsSync(join(peers, `node_modules/${needed}/package.json`))) return;
  process.stderr.write("Installing the peers into bench/peers (once)\n");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd: peers,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (npm.status !== 0) throw new Error("npm ci in bench/peers failed: the peers need the registry once");
}

export function versions(): Record<string, string> {
  const npm = (name: string) =>
    (JSON.parse(readFileSync(join(peers, `node_modules/${name}/package.json`), "utf8")) as { version: string }).version;
  const postfix = spawnSync("postconf", ["-d", "-h", "mail_version"], { encoding: "utf8" });
  return {
    Node: process.version,
    SQLite: process.versions["sqlite"] ?? "",
    OpenSSL: process.versions.openssl,
    "smtp-server": npm("smtp-server"),
    mailauth: npm("mailauth"),
    mailparser: npm("mailparser"),
    Haraka: npm("Haraka"),
    Postfix: postfix.status === 0 ? postfix.stdout.trim() : "not installed",
  };
}

// The flag is the one that `mailweir start` sets for itself.
const ourFlags = ["--semi-space-growth-factor=1"];

export const mailweirAccept: Server = {
  name: "Mailweir, up to the 250",
  ours: true,
  start: ({ folder, config }) =>
    startServer(node, [...ourFlags, join(root, "bench/servers/accept.ts"), config, join(folder, "data")]),
};

/** The same, with old messages in its store. They are stored once for all rows of a run, and copied. */
export function mailweirGrown(stored: number): Server {
  return {
    name: `Mailweir with ${stored.toLocaleString("en")} stored messages`,
    ours: true,
    async start({ folder, config }) {
      const data = join(folder, "data");
      const filled = grown.get(stored) ?? grow(stored, config);
      grown.set(stored, filled);
      cpSync(await filled, data, { recursive: true });
      return startServer(node, [...ourFlags, join(root, "bench/servers/accept.ts"), config, data]);
    },
  };
}

const grown = new Map<number, Promise<string>>();

async function grow(stored: number, config: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "mailweir-grown-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "data");
  const seeding = spawn(node, [join(root, "bench/servers/grown.ts"), config, data, String(stored)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [status] = (await once(seeding, "exit")) as [number | null];
  if (status !== 0) throw new Error(`bench/servers/grown.ts ended with ${status}`);
  return data;
}

export const mailweirQueue: Server = {
  name: "Mailweir, to the queue",
  ours: true,
  start: ({ folder, config }) =>
    startServer(node, [...ourFlags, join(root, "bench/servers/engine.ts"), config, join(folder, "data"), "queue"]),
};

export const mailweirEffect: Server = {
  name: "Mailweir, to the effect",
  ours: true,
  start: ({ folder, config }) =>
    startServer(node, [...ourFlags, join(root, "bench/servers/engine.ts"), config, join(folder, "data")]),
};

const smtpServer = (name: string, store: "discard" | "sqlite"): Server => ({
  name,
  start: ({ folder }) => startServer(node, [join(peers, "smtp-server.mjs"), store, folder]),
});
export const smtpServerDiscard = smtpServer("smtp-server, discarding", "discard");
export const smtpServerSqlite = smtpServer("smtp-server + SQLite", "sqlite");

const obviousStack = (name: string, mode: "queue" | "effect"): Server => ({
  name,
  start: ({ folder, zone }) => startServer(node, [join(peers, "obvious-stack.mjs"), mode, folder, zone]),
});
export const obviousQueue = obviousStack("smtp-server + mailauth + mailparser + SQLite", "queue");
export const obviousEffect = obviousStack("smtp-server + mailauth + mailparser + SQLite, effect", "effect");

/** `nodes=0`: one process, as all the others here that run on Node. */
export const haraka: Server = {
  name: "Haraka + fsync",
  async start({ folder }) {
    const port = await freePort();
    const home = join(folder, "haraka");
    const spool = join(folder, "haraka-spool");
    for (const part of ["config", "plugins"]) mkdirSync(join(home, part), { recursive: true });
    mkdirSync(spool);
    cpSync(join(peers, "haraka-plugins"), join(home, "plugins"), { recursive: true });
    const write = (name: string, text: string) => writeFileSync(join(home, "config", name), text);
    write("smtp.ini", `listen=127.0.0.1:${port}\nnodes=0\n`);
    write("plugins", "rdns_stub\nrcpt_to.in_host_list\nqueue_fsync\n");
    write("host_list", "in.example\n");
    write("log.ini", "[main]\nlevel=error\n");
    write("loglevel", "error");
    write("databytes", "104857600");
    // Its own settings, with room for 40 MB.
    const settings = readFileSync(join(peers, "node_modules/Haraka/config/connection.ini"), "utf8");
    write("connection.ini", settings.replace(/^;?bytes *=.*$/m, "bytes=104857600"));
    write("me", "mx.in.example");
    const child = spawn(node, [join(peers, "node_modules/Haraka/bin/haraka"), "-c", home], {
      stdio: "ignore",
      env: { ...process.env, MALLOC_ARENA_MAX: "2", BENCH_SPOOL: spool },
    });
    await listens(port, "Haraka");
    return { pid: child.pid ?? 0, port, ready: {}, stop: () => endProcess(child) };
  },
};

const postfixDaemons = "/usr/lib/postfix/sbin";

/** Its queue is durable by itself; what it delivers is thrown away. Chroot and syslog are off, in its favour. */
export const postfix: Server = {
  name: "Postfix",
  missing: () =>
    !existsSync(join(postfixDaemons, "master"))
      ? "not installed: apt-get install postfix"
      : process.getuid?.() !== 0
        ? "its master must be started by root"
        : undefined,
  async start({ folder }) {
    const port = await freePort();
    const [config, queue, data] = ["postfix", "postfix-queue", "postfix-data"].map((name) => join(folder, name));
    if (!config || !queue || !data) throw new Error("no folder");
    for (const path of [config, queue, data]) mkdirSync(path, { recursive: true });
    spawnSync("chown", ["postfix", data]);
    for (const path of [folder, queue]) chmodSync(path, 0o755);
    const master = readFileSync("/etc/postfix/master.cf", "utf8")
      .split("\n")
      .map((line) => {
        const smtp = /^(smtp\s+inet)(\s.*)$/.exec(line);
        if (smtp) return `127.0.0.1:${port} inet n - n - - smtpd`;
        return line.replace(/^(\S+\s+(?:unix|fifo|inet)\s+\S+\s+\S+\s+)y(\s)/, "$1n$2");
      })
      .join("\n");
    writeFileSync(join(config, "master.cf"), master);
    writeFileSync(
      join(config, "main.cf"),
      `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
daemon_directory = ${postfixDaemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.in.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination = in.example
local_recipient_maps =
alias_maps =
local_transport = discard:
default_transport = discard:
smtpd_peername_lookup = no
in_flow_delay = 0
message_size_limit = 104857600
maillog_file = /dev/null
maillog_file_prefixes = /dev
`,
    );
    spawnSync("postfix", ["-c", config, "check"], { stdio: "ignore" });
    const child = spawn(join(postfixDaemons, "master"), ["-c", config, "-d"], { stdio: "ignore" });
    await listens(port, "Postfix");
    return {
      pid: child.pid ?? 0,
      port,
      ready: {},
      async stop() {
        const { processTree } = await import("./process-tree.ts");
        const family = processTree(child.pid ?? 0).filter((pid) => pid !== child.pid);
        await endProcess(child);
        // Its children outlive it for a while.
        for (const pid of family) {
          try {
            process.kill(pid, "SIGKILL");
          } catch {
            // Gone already.
          }
        }
      },
    };
  },
};

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

export async function listens(port: number, name: string): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 100) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => {
        socket.end("QUIT\r\n");
        resolve(true);
      });
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
      socket.setTimeout(2_000, () => socket.destroy());
    });
    if (answered) return;
    await sleep(100);
  }
  throw new Error(`${name} does not answer on port ${port}`);
}
