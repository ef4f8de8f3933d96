import { createTransport, type NodemailerError } from "nodemailer";
import { toCrlf } from "../local/smtp/to-crlf.ts";
import { findEngine } from "../local/store/lock.ts";
import { parseListen } from "../shared/config/resolve-config.ts";
import { headerValue, parseHeaderSection } from "../shared/mail/headers.ts";
import { parseMailboxes } from "../shared/mail/mailboxes.ts";
import { dataFolderOf, type FolderOptions, NoDataError, openForReading } from "./data-folder.ts";

export interface Mail extends FolderOptions {
  /** Without it a small mail is made of subject and text. */
  readonly raw: Uint8Array | undefined;
  readonly to: readonly string[];
  /** `""` is the null sender. */
  readonly from?: string;
  readonly subject: string;
  readonly text: string;
  /** `host:port`; default: the engine that runs on the data folder. */
  readonly smtp?: string;
  readonly helo: string;
  /** Use STARTTLS; the certificate may be anybody's, as between mail servers. */
  readonly tls?: boolean;
  /** Whom the engine takes the client for: through its API, because SMTP has no such command. */
  readonly ip?: string;
}

export interface Sent {
  /** There when at least one recipient was accepted. */
  readonly sesMessageId?: string;
  /** The server's last word. */
  readonly reply: string;
  readonly refused: readonly Refused[];
  /** Address of the console, when the engine was found through its folder. */
  readonly console?: string;
}

interface Refused {
  readonly recipient: string;
  readonly reply: string;
  /** From the engine's refusal log; a foreign server does not tell. */
  readonly reason?: string;
}

/**
 * Sends one mail over SMTP, or through the engine's API when it is to come from another address.
 *
 * @throws {NoDataError} when no server was named and no engine runs
 */
export async function send(mail: Mail): Promise<Sent> {
  const raw = mail.raw && (await withCrlf(mail.raw));
  const from = mail.from ?? (raw && authorOf(raw)) ?? "you@example.net";
  if (mail.ip !== undefined) return sendAs(mail.ip, { ...mail, raw, from });
  const server = await serverOf(mail);
  const transport = createTransport({
    host: server.host,
    port: server.port,
    name: mail.helo,
    ...(mail.tls ? { requireTLS: true, tls: { rejectUnauthorized: false } } : { ignoreTLS: true }),
  });
  const found = server.console === undefined ? {} : { console: server.console };
  const explained = async (errors: readonly NodemailerError[]) => {
    const refused = errors.map((error) => ({
      recipient: error.recipient ?? "?",
      reply: error.response ?? error.message,
    }));
    return server.console === undefined ? refused : addReasons(mail, refused);
  };
  try {
    const info = await transport.sendMail({
      envelope: { from, to: [...mail.to] },
      ...(raw ? { raw: Buffer.from(raw) } : composed(mail, from)),
    });
    const sesMessageId = /^250 OK ([0-9a-z]{20,64})/.exec(info.response)?.[1];
    const refused = await explained(info.rejectedErrors ?? []);
    return { reply: info.response, refused, ...(sesMessageId !== undefined && { sesMessageId }), ...found };
  } catch (error) {
    const failure = error as NodemailerError & { readonly rejectedErrors?: readonly NodemailerError[] };
    const refused = await explained(failure.rejectedErrors ?? []);
    return { reply: failure.response ?? failure.message, refused, ...found };
  } finally {
    transport.close();
  }
}

interface EngineAnswer {
  readonly sesMessageId?: string | null;
  readonly reply?: string;
  readonly recipients?: readonly { readonly recipient: string; readonly reply: string }[];
  readonly detail?: string;
}

async function sendAs(ip: string, mail: Mail & { readonly from: string }): Promise<Sent> {
  const { engine, folder } = await engineOf(mail);
  const query = new URLSearchParams([
    ["from", mail.from],
    ["ip", ip],
    ["helo", mail.helo],
    ...mail.to.map((address) => ["to", address]),
  ]);
  const answer = await fetch(`http://${engine.http}/api/messages?${query}`, {
    method: "POST",
    headers: { authorization: `Bearer ${engine.token}`, "content-type": "message/rfc822" },
    body: Buffer.from(mail.raw ?? (await compose(mail, mail.from))),
  }).catch((cause: unknown) => {
    throw new NoDataError(`The engine on ${folder} does not answer at http://${engine.http}: see its log`, { cause });
  });
  const said = (await answer.json().catch(() => ({}))) as EngineAnswer;
  const refused = (said.recipients ?? []).filter(({ reply }) => !reply.startsWith("250"));
  return {
    reply: said.reply ?? said.detail ?? `HTTP ${answer.status}`,
    refused: await addReasons(mail, refused),
    console: `http://${engine.http}`,
    ...(said.sesMessageId && { sesMessageId: said.sesMessageId }),
  };
}

function composed({ to, subject, text }: Mail, from: string) {
  return { from: from || "mailer-daemon@example.net", to: [...to], subject, text };
}

async function compose(mail: Mail, from: string): Promise<Uint8Array> {
  const info = await createTransport({ streamTransport: true, buffer: true, newline: "windows" }).sendMail(
    composed(mail, from),
  );
  return info.message as Buffer;
}

/** What the operator may read and the sender may not: the refusal log was written before the reply. */
async function addReasons(options: FolderOptions, refused: readonly Refused[]): Promise<readonly Refused[]> {
  if (refused.length === 0) return refused;
  const store = await openForReading(options);
  try {
    const log = await store.engine.refusals({ limit: 200 });
    return refused.map((entry) => {
      const found = log.find(({ recipient, reply }) => recipient === entry.recipient && reply === entry.reply);
      return found ? { ...entry, reason: found.reason } : entry;
    });
  } finally {
    await store.close();
  }
}

async function serverOf(
  mail: Mail,
): Promise<{ readonly host: string; readonly port: number; readonly console?: string }> {
  if (mail.smtp !== undefined) {
    const address = parseListen(mail.smtp);
    if (!address) throw new NoDataError(`"${mail.smtp}" is no address: give host:port, for example 127.0.0.1:2525`);
    return address;
  }
  const { engine, folder } = await engineOf(mail);
  const address = parseListen(engine.smtp);
  if (!address) throw new NoDataError(`The engine on ${folder} listens at "${engine.smtp}", which is no address`);
  return { ...address, console: `http://${engine.http}` };
}

async function engineOf(options: FolderOptions) {
  const folder = await dataFolderOf(options);
  const engine = await findEngine(folder);
  if (engine) return { engine, folder };
  throw new NoDataError(
    `No engine runs on ${folder}: start one (npm start), name its folder with --data, or a server with --smtp host:port`,
  );
}

async function withCrlf(octets: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of toCrlf([octets])) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function authorOf(raw: Uint8Array): string | undefined {
  const mailboxes = parseMailboxes(headerValue(parseHeaderSection(raw).headers, "from"));
  return mailboxes.find(({ address }) => address !== "")?.address;
}
