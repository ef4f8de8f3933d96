import { createTransport, type NodemailerError } from "nodemailer";
import { findEngine } from "../local/store/lock.ts";
import { parseListen } from "../shared/config/resolve-config.ts";
import { headerValue, parseHeaderSection } from "../shared/mail/headers.ts";
import { dataFolderOf, type FolderOptions, NoDataError } from "./data-folder.ts";

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
}

export interface Sent {
  /** There when at least one recipient was accepted. */
  readonly sesMessageId?: string;
  /** The server's last word. */
  readonly reply: string;
  readonly refused: readonly { readonly recipient: string; readonly reply: string }[];
  /** Address of the console, when the engine was found through its folder. */
  readonly console?: string;
}

/**
 * Sends one mail over SMTP.
 *
 * @throws {NoDataError} when no server was named and no engine runs
 */
export async function send(mail: Mail): Promise<Sent> {
  const server = await serverOf(mail);
  const from = mail.from ?? (mail.raw && authorOf(mail.raw)) ?? "you@example.net";
  const transport = createTransport({ host: server.host, port: server.port, name: mail.helo, ignoreTLS: true });
  const found = server.console === undefined ? {} : { console: server.console };
  try {
    const info = await transport.sendMail({
      envelope: { from, to: [...mail.to] },
      ...(mail.raw
        ? { raw: Buffer.from(mail.raw) }
        : { from: from || "mailer-daemon@example.net", to: [...mail.to], subject: mail.subject, text: mail.text }),
    });
    const refused = (info.rejectedErrors ?? []).map(refusal);
    const sesMessageId = /^250 OK ([0-9a-z]{20,64})/.exec(info.response)?.[1];
    return { reply: info.response, refused, ...(sesMessageId !== undefined && { sesMessageId }), ...found };
  } catch (error) {
    const failure = error as NodemailerError & { readonly rejectedErrors?: readonly NodemailerError[] };
    return {
      reply: failure.response ?? failure.message,
      refused: (failure.rejectedErrors ?? []).map(refusal),
      ...found,
    };
  } finally {
    transport.close();
  }
}

function refusal(error: NodemailerError) {
  return { recipient: error.recipient ?? "?", reply: error.response ?? error.message };
}

async function serverOf(
  mail: Mail,
): Promise<{ readonly host: string; readonly port: number; readonly console?: string }> {
  if (mail.smtp !== undefined) {
    const address = parseListen(mail.smtp);
    if (!address) throw new NoDataError(`"${mail.smtp}" is no address: give host:port, for example 127.0.0.1:2525`);
    return address;
  }
  const folder = await dataFolderOf(mail);
  const engine = await findEngine(folder);
  const address = engine && parseListen(engine.smtp);
  if (!engine || !address) {
    throw new NoDataError(
      `No engine runs on ${folder}: start one (npm start), name its folder with --data, or a server with --smtp host:port`,
    );
  }
  return { ...address, console: `http://${engine.http}` };
}

function authorOf(raw: Uint8Array): string | undefined {
  const from = headerValue(parseHeaderSection(raw).headers, "from");
  return from?.match(/[^\s<>"(),;:]+@[^\s<>"(),;:]+/)?.[0];
}
