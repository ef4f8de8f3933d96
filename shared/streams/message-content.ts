import { createHash } from "node:crypto";
import { type Header, parseHeaderSection } from "../mail/headers.ts";
import { type AttachmentPiece, attachmentPieces, type ParseOptions, parseMail } from "../mail/parse-mail.ts";
import type { ParsedMail } from "../mail/parsed-mail.ts";
import type { Ports } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { openContent } from "./open-content.ts";
import type { StreamContent } from "./stream-message.ts";

/** The mail behind one queue message, read only when somebody asks, and small ones only once for all who ask. */
export interface MessageContent {
  /** The stored message in the clear, SES's header block on top. */
  raw(): Promise<AsyncIterable<Uint8Array>>;
  mail(): Promise<ParsedMail>;
  /** As `mail`, with at most 1 MiB of text, and hands over each attachment with its octets, one at a time. */
  mailWith(onAttachment: NonNullable<ParseOptions["onAttachment"]>): Promise<ParsedMail>;
  /** The octets of the attachments that `mailWith` handed over without theirs. Reads the mail anew. */
  attachmentPieces(): Promise<AsyncIterable<AttachmentPiece>>;
  /** All header fields, without parsing the body. */
  headers(): Promise<readonly Header[]>;
  /** Hex SHA-256 of the octets behind the header section, which SES's block does not touch. */
  bodySha256(): Promise<string>;
  /** Octets of the stored message in the clear. Opens it. */
  sizeBytes(): Promise<number>;
}

// Messages up to this size are kept in memory for the second reader; nearly all mail is smaller.
const keptBytes = 1_048_576;

// Text that somebody is to read: the line by line work on it takes many times its size in memory.
const readableTextBytes = 1_048_576;

export function messageContent(
  ports: Pick<Ports, "objects" | "keys">,
  sesMessageId: SesMessageId,
  content: StreamContent,
): MessageContent {
  let kept: Promise<Kept> | undefined;
  let mail: Promise<ParsedMail> | undefined;
  let hash: Promise<string> | undefined;

  const open = () => openContent(ports, sesMessageId, content);
  const first = (): Promise<Kept> => {
    kept ??= (async () => {
      const { sizeBytes, body } = await open();
      if (sizeBytes > keptBytes) return { kind: "large", sizeBytes, body: onlyOnce(body) };
      const bytes = await collect(await body());
      return { kind: "small", sizeBytes: bytes.length, bytes };
    })();
    return kept;
  };
  const raw = async (): Promise<AsyncIterable<Uint8Array>> => {
    const from = await first();
    if (from.kind === "small") return once(from.bytes);
    // The object that was opened to learn its size serves the first reader; the next ones open it again.
    const body = from.body() ?? (await open()).body();
    return body;
  };
  return {
    raw,
    mail: () => {
      mail ??= raw().then((body) => parseMail(body));
      return mail;
    },
    attachmentPieces: async () => attachmentPieces(await raw(), { maxTextBytes: readableTextBytes }),
    mailWith: async (onAttachment) =>
      parseMail(await raw(), { onAttachment, limits: { maxTextBytes: readableTextBytes } }),
    headers: async () => (mail === undefined ? readHeaders(await raw()) : (await mail).headers),
    bodySha256: () => {
      hash ??= raw().then(hashBody);
      return hash;
    },
    sizeBytes: async () => (await first()).sizeBytes,
  };
}

type Kept =
  | { readonly kind: "small"; readonly sizeBytes: number; readonly bytes: Uint8Array }
  | {
      readonly kind: "large";
      readonly sizeBytes: number;
      /** `undefined` once it has been taken. */
      readonly body: () => Promise<AsyncIterable<Uint8Array>> | undefined;
    };

function onlyOnce<T>(take: () => T): () => T | undefined {
  let taken = false;
  return () => {
    if (taken) return undefined;
    taken = true;
    return take();
  };
}

async function readHeaders(body: AsyncIterable<Uint8Array>): Promise<readonly Header[]> {
  const head: Uint8Array[] = [];
  let headBytes = 0;
  for await (const chunk of body) {
    head.push(chunk);
    headBytes += chunk.length;
    if (headBytes >= maxHeaderBytes) break;
  }
  return parseHeaderSection(Buffer.concat(head), maxHeaderBytes).headers;
}

async function hashBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  let head: Uint8Array[] | undefined = [];
  let headBytes = 0;
  for await (const chunk of body) {
    if (head === undefined) {
      hash.update(chunk);
      continue;
    }
    head.push(chunk);
    headBytes += chunk.length;
    if (headBytes >= maxHeaderBytes) {
      hash.update(bodyIn(head));
      head = undefined;
    }
  }
  if (head !== undefined) hash.update(bodyIn(head));
  return hash.digest("hex");
}

const maxHeaderBytes = 1_048_576;

function bodyIn(head: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat(head);
  return bytes.subarray(parseHeaderSection(bytes, maxHeaderBytes).bodyOffset);
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
