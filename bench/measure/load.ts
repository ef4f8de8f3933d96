import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Load {
  readonly sessions: number;
  readonly count: number;
  /** Octets of one mail; without `mails`. */
  readonly bytes: number;
  /** A folder of ready mails. */
  readonly mails?: string;
  /** A connection for each mail. */
  readonly reconnect?: boolean;
  /** At most so many; as fast as they are taken where it is missing. With `mails` only. */
  readonly perSecond?: number;
}

const smtpSource = ["/usr/sbin/smtp-source", "/usr/bin/smtp-source"].find((path) => existsSync(path));
const sender = fileURLToPath(new URL("./send-mails.ts", import.meta.url));

export const generatorOf = ({ mails }: Pick<Load, "mails">) =>
  mails === undefined && smtpSource ? "smtp-source" : "bench/measure/send-mails.ts";

export interface Sent {
  /** Milliseconds of the epoch: when the first and the last mail went. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Sends it all. @throws when one mail was refused */
export async function send(port: number, load: Load): Promise<Sent> {
  if (generatorOf(load) === "smtp-source" && smtpSource) {
    const { sessions, count, bytes, reconnect } = load;
    const args = [
      "-s",
      sessions,
      "-m",
      count,
      "-l",
      bytes,
      "-C",
      "50",
      "-f",
      "a@client.example",
      "-t",
      "user@in.example",
    ];
    const startedAt = now();
    const child = spawn(smtpSource, [...args, ...(reconnect ? [] : ["-d"]), `inet:127.0.0.1:${port}`].map(String), {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk;
    });
    const [status] = (await once(child, "exit")) as [number | null];
    if (status !== 0) throw new Error(`smtp-source failed: ${errors.slice(0, 500)}`);
    return { startedAt, endedAt: now() };
  }
  const { sessions, count, bytes, mails = "-", reconnect = false, perSecond = 0 } = load;
  const args = [sender, port, sessions, mails, count, bytes, reconnect, perSecond].map(String);
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const startedAt = now();
  child.stdin.end("go\n");
  const { value } = (await lines.next()) as { value?: string };
  const { seconds, failed } = JSON.parse(value ?? "{}") as { seconds?: number; failed?: string };
  if (failed !== undefined || seconds === undefined) throw new Error(`a mail was refused: ${failed}`);
  return { startedAt, endedAt: startedAt + seconds * 1_000 };
}

const now = () => performance.timeOrigin + performance.now();

export const haveStrace = spawnSync("strace", ["-V"], { stdio: "ignore" }).status === 0;
