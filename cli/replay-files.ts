import { createHash } from "node:crypto";
import { toCrlf } from "../local/smtp/to-crlf.ts";
import { findEngine } from "../local/store/lock.ts";
import { normaliseAddress } from "../shared/mail/address.ts";
import { type Header, headerValue, headerValues, parseHeaderSection } from "../shared/mail/headers.ts";
import { parseMailboxes } from "../shared/mail/mailboxes.ts";
import { createSesMessageId, type SesMessageId } from "../shared/ses-message-id.ts";
import { EngineRefusedError, NoEngineError } from "./call-engine.ts";
import { jsonText } from "./json-text.ts";
import { mailSources, readWhole } from "./mail-sources.ts";
import { printable } from "./printable.ts";
import type { ReplayCommand } from "./replay.ts";
import { createProgress } from "./stage/progress.ts";

/** One mail for one recipient, as it is received again. */
export interface Redelivery {
  readonly sesMessageId: SesMessageId;
  readonly receivedAt: Date;
  readonly envelopeFrom: string;
  readonly recipient: string;
}

interface Answer {
  readonly sesMessageId: string | null;
  readonly repeated?: boolean;
  readonly reply: string;
}

const waitMs = 1_000;
const maxAttempts = 600;
const timeoutMs = 120_000;

/** Receives the mails of files once more, in their order. @returns the exit status */
export async function replayFiles(
  folder: string,
  files: readonly string[],
  { to, dryRun = false, json = false }: Pick<ReplayCommand, "to" | "dryRun" | "json">,
): Promise<number> {
  const engine = await findEngine(folder);
  if (!engine) {
    throw new NoEngineError(`No engine runs on ${folder}: start one (npm start), or name its folder with --data`);
  }
  const progress = createProgress("mails", undefined);
  const counts = { received: 0, known: 0, refused: 0 };
  const skipped: string[] = [];
  try {
    for (const file of files) {
      for await (const source of mailSources(file, (path) => skipped.push(path))) {
        const raw = await crlf(await readWhole(source));
        const place = source.index === undefined ? source.path : `${source.path}#${source.index}`;
        const redeliveries = redeliveriesOf(raw, to);
        if (redeliveries.length === 0) {
          counts.refused += 1;
          progress.note(`${printable(place, 200)}: names no recipient; say --to`);
        }
        for (const redelivery of redeliveries) {
          const answer = dryRun ? undefined : await deliver(engine, raw, redelivery);
          const outcome =
            answer === undefined
              ? "planned"
              : answer.sesMessageId === null
                ? "refused"
                : answer.repeated
                  ? "known"
                  : "received";
          if (outcome !== "planned") counts[outcome] += 1;
          if (outcome === "refused") {
            progress.note(
              `${printable(place, 200)}, ${printable(redelivery.recipient, 100)}: ${printable(answer?.reply ?? "", 200)}`,
            );
          }
          if (json || dryRun) {
            const { sesMessageId, receivedAt, recipient } = redelivery;
            const line = { place, sesMessageId, recipient, receivedAt: receivedAt.toISOString(), outcome };
            process.stdout.write(
              json
                ? `${jsonText(line)}\n`
                : `${printable(place, 200)} → ${printable(recipient, 100)} as ${sesMessageId}, received ${line.receivedAt}\n`,
            );
          }
        }
        progress.step();
      }
    }
  } finally {
    progress.end();
  }
  if (!json && !dryRun) {
    process.stdout.write(`received: ${counts.received}, there before: ${counts.known}, refused: ${counts.refused}\n`);
  }
  if (skipped.length > 0) process.stderr.write(`${skipped.length} files are no mail by their names\n`);
  return counts.refused > 0 ? 1 : 0;
}

/**
 * Under which id, when, from whom and for whom a mail is received again: the same bytes for the same recipient are always
 * the same message.
 *
 * @param raw - CRLF line ends
 * @param to - default: those whom it was delivered to, else its addressees
 */
export function redeliveriesOf(raw: Uint8Array, to: readonly string[] | undefined): readonly Redelivery[] {
  const { headers } = parseHeaderSection(raw);
  const recipients = [...new Set((to ?? recipientsOf(headers)).map(normaliseAddress))];
  return recipients.map((recipient) => ({
    sesMessageId: createSesMessageId(
      createHash("sha256").update(raw).update("\0").update(recipient).digest().subarray(0, 24),
    ),
    receivedAt: receivedAtOf(headers),
    envelopeFrom: envelopeFromOf(headers),
    recipient,
  }));
}

function recipientsOf(headers: readonly Header[]): string[] {
  const delivered = ["Delivered-To", "X-Original-To", "Envelope-To"].flatMap((name) =>
    headerValues(headers, name).flatMap(addresses),
  );
  // The topmost is the last stop; what it was forwarded from stands below.
  if (delivered.length > 0) return delivered.slice(0, 1);
  return ["To", "Cc"].flatMap((name) => headerValues(headers, name).flatMap(addresses));
}

function envelopeFromOf(headers: readonly Header[]): string {
  const path = headerValue(headers, "Return-Path")?.trim();
  if (path !== undefined) return path.replace(/^<(.*)>$/, "$1");
  return addresses(headerValue(headers, "From") ?? "")[0] ?? "";
}

/** By the topmost Received, which our own side wrote; else by the author's Date. Neither: long ago, and always the same. */
function receivedAtOf(headers: readonly Header[]): Date {
  const received = headerValue(headers, "Received");
  const times = [received?.slice(received.lastIndexOf(";") + 1), headerValue(headers, "Date")];
  for (const text of times) {
    const at = Date.parse((text ?? "").replace(/\([^()]*\)\s*$/, "").trim());
    if (!Number.isNaN(at) && at >= 0) return new Date(at);
  }
  return new Date(0);
}

const addresses = (value: string) =>
  parseMailboxes(value).flatMap(({ address }) => (address.includes("@") ? [address] : []));

async function deliver(
  engine: { readonly http: string; readonly token: string },
  raw: Uint8Array<ArrayBuffer>,
  { sesMessageId, receivedAt, envelopeFrom, recipient }: Redelivery,
): Promise<Answer> {
  const query = new URLSearchParams({
    ...{ to: recipient, from: envelopeFrom },
    ...{ "ses-message-id": sesMessageId, "received-at": receivedAt.toISOString() },
  });
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`http://${engine.http}/api/messages?${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${engine.token}`, "content-type": "message/rfc822" },
      body: raw,
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((cause: unknown) => {
      throw new EngineRefusedError(
        "The engine does not answer: see its log, and run this again; it goes on where it was",
        {
          cause,
        },
      );
    });
    const answer = (await response.json().catch(() => ({}))) as Answer & { readonly detail?: string };
    if (typeof answer.reply !== "string") {
      throw new EngineRefusedError(answer.detail ?? `The engine answered HTTP ${response.status}`);
    }
    // Too much is under way: what is accepted is worked off first.
    if (answer.sesMessageId === null && /^4/.test(answer.reply) && attempt < maxAttempts) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      continue;
    }
    return answer;
  }
}

async function crlf(raw: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of toCrlf([raw])) chunks.push(Uint8Array.from(chunk));
  return Uint8Array.from(Buffer.concat(chunks));
}
