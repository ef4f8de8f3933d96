import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SmarthostConfig } from "../../shared/config/types.ts";
import type { OutboxAttempt } from "../store/outbox-sending.ts";

/** A mail as the smarthost is to get it. */
export interface MailToSend {
  readonly envelopeSender: string;
  /** Those that still wait for it. */
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What came of one attempt: of each recipient, or why it came to nothing for all of them. */
export type SmarthostAnswer = Pick<OutboxAttempt, "recipients" | "cause">;

export interface Smarthost {
  /** One SMTP session. Never rejects: whatever goes wrong is part of the answer. */
  send(mail: MailToSend): Promise<SmarthostAnswer>;
  /** Breaks off what is under way; it counts as not sent. */
  close(): void;
}

export interface SmarthostOptions {
  readonly config: SmarthostConfig;
  readonly password?: string;
  /** For EHLO. */
  readonly name: string;
  /** A session that takes longer is broken off, whatever happens in it. Default 10 minutes. */
  readonly longestMs?: number;
}

const defaultLongestMs = 600_000;

export function createSmarthost({ config, password, name, longestMs = defaultLongestMs }: SmarthostOptions): Smarthost {
  const { host, port, auth, ca } = config;
  const tls = config.tls ?? (port === 465 ? "implicit" : "starttls");
  const open = new Set<SMTPConnection>();

  return {
    async send(mail) {
      let connection: SMTPConnection | undefined;
      let deadline: NodeJS.Timeout | undefined;
      try {
        const current = new SMTPConnection({
          host,
          port,
          name,
          secure: tls === "implicit",
          requireTLS: tls === "starttls",
          ignoreTLS: tls === "none",
          tls: ca === undefined ? {} : { ca: await readFile(ca) },
          connectionTimeout: 30_000,
          greetingTimeout: 60_000,
          socketTimeout: 300_000,
        });
        connection = current;
        open.add(current);
        // Every failure after the connection is emitted as well as answered; without a listener it would be thrown.
        const broken = new Promise<never>((_, reject) => {
          current.on("error", reject);
          current.on("end", () => reject(new Error("the connection was closed")));
          deadline = setTimeout(() => reject(new Error(`no end after ${longestMs} ms`)), longestMs);
        });
        broken.catch(() => undefined);
        const step = (run: (done: (error?: Error | null) => void) => void) =>
          Promise.race([
            broken,
            new Promise<void>((resolve, reject) => run((error) => (error ? reject(error) : resolve()))),
          ]);
        await step((done) => current.connect(done));
        if (auth) await step((done) => current.login({ user: auth.user, pass: password ?? "" }, done));
        let refused: readonly Refused[] = [];
        let reply = "";
        await step((done) =>
          current.send(
            {
              from: mail.envelopeSender,
              to: [...mail.recipients],
              size: mail.sizeBytes,
              use8BitMime: true,
            },
            Readable.from(mail.body, { objectMode: false }),
            (error, info) => {
              if (error) return done(error);
              refused = info.rejectedErrors ?? [];
              reply = info.response;
              done();
            },
          ),
        );
        current.quit();
        return {
          recipients: mail.recipients.map((recipient) => {
            const refusal = refused.find((candidate) => candidate.recipient === recipient);
            return refusal ? ofReply(recipient, refusal) : { recipient, state: "sent", reply };
          }),
        };
      } catch (error) {
        connection?.close();
        return ofFailure(mail.recipients, error as Refused);
      } finally {
        clearTimeout(deadline);
        if (connection) open.delete(connection);
      }
    },
    close() {
      for (const connection of open) connection.close();
    },
  };
}

/** What nodemailer's errors carry beside their message. */
interface Refused extends Error {
  readonly recipient?: string | undefined;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly command?: string | undefined;
  readonly rejectedErrors?: readonly Refused[] | undefined;
}

// RFC 4954 §6: the relay wants other credentials. That is ours to put right, and no mail's fault.
const accessCodes = new Set([530, 534, 535, 538]);

function ofFailure(recipients: readonly string[], error: Refused): SmarthostAnswer {
  if (error.rejectedErrors) {
    const { rejectedErrors } = error;
    return {
      recipients: recipients.flatMap((recipient) => {
        const refusal = rejectedErrors.find((candidate) => candidate.recipient === recipient);
        return refusal ? [ofReply(recipient, refusal)] : [];
      }),
    };
  }
  // Greeting, EHLO, STARTTLS, AUTH say something about the relay; MAIL, RCPT and DATA about the mail.
  const aboutMail = ["MAIL FROM", "RCPT TO", "DATA"].includes(error.command ?? "");
  if (aboutMail && error.responseCode !== undefined && !accessCodes.has(error.responseCode)) {
    return { recipients: recipients.map((recipient) => ofReply(recipient, error)) };
  }
  // The size that EHLO announced: it will not grow.
  if (aboutMail && error.message.startsWith("Message size larger")) {
    return { recipients: recipients.map((recipient) => ({ recipient, state: "failed", reply: error.message })) };
  }
  return { recipients: [], cause: error.response ?? error.message };
}

function ofReply(recipient: string, { responseCode = 0, response, message }: Refused) {
  const permanent = responseCode >= 500 && !accessCodes.has(responseCode);
  return { recipient, state: permanent ? "failed" : "waiting", reply: response ?? message } as const;
}
