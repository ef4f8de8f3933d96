import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { decodeCharset } from "./charset.ts";
import { parseStructuredValue, type StructuredValue } from "./content-type.ts";
import { decodeWords } from "./encoded-words.ts";
import { type Header, headerValue, headerValues, parseHeaderSection } from "./headers.ts";
import { parseMailboxes } from "./mailboxes.ts";
import { createMimeWalker, type EntityBody } from "./mime-walker.ts";
import type { Attachment, CharsetDecision, Defect, EmbeddedMail, MailPart, ParsedMail } from "./parsed-mail.ts";
import { htmlLines } from "./reply/html-lines.ts";
import { safeFileName } from "./safe-file-name.ts";
import { createTransferDecoder, type TransferDecoder } from "./transfer-decoder.ts";
import { takeUuencoded } from "./uuencoded.ts";

export interface ParseLimits {
  /** Nesting of multiparts. Default 50. */
  readonly maxDepth: number;
  /** Default 2000. */
  readonly maxParts: number;
  /** Of one entity, in octets. Default 1 MiB. */
  readonly maxHeaderBytes: number;
  /** Decoded text kept of all parts together, in octets. Default 4 MiB. */
  readonly maxTextBytes: number;
}

export interface ParseOptions {
  readonly limits?: Partial<ParseLimits>;
  /**
   * Gets each attachment with its octets, transfer encoding undone, in the pieces in which they came. Of one over 1 MiB it
   * gets none: `attachmentPieces` reads those. Without it octets are hashed and let go.
   */
  readonly onAttachment?: (attachment: Attachment, pieces: readonly Uint8Array[] | undefined) => Promise<void> | void;
}

const defaultLimits: ParseLimits = {
  maxDepth: 50,
  maxParts: 2_000,
  maxHeaderBytes: 1_048_576,
  maxTextBytes: 4_194_304,
};
const maxHeldBytes = 1_048_576;
const maxDefects = 100;
// Each level reads its octets again; what is deeper is in the attachment all the same.
const maxEmbeddedDepth = 5;
const maxEmbeddedText = 65_536;
const maxPreambleBytes = 262_144;
// What one line of decoded HTML may cost is bounded by the renderer; these bound its output.
const maxRenderedLines = 50_000;
const maxRenderedChars = 2_097_152;
const reportTypes =
  /^(?:message\/(?:delivery-status|global-delivery-status|disposition-notification|feedback-report)|text\/)/;
const embeddedTypes = /^(?:message\/(?:rfc822|global|rfc822-headers|global-headers)|text\/rfc822-headers)$/;

/**
 * Reads a message (RFC 5322, RFC 2045–2047, RFC 2231) as its octets arrive: memory holds header sections, text up to the
 * limits, and attachments of up to 1 MiB when somebody asked for them. Never throws for what is in a mail: what is broken becomes a
 * defect, what is too much stands in `exceeded`.
 */
export async function parseMail(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  options: ParseOptions = {},
): Promise<ParsedMail> {
  const limits = { ...defaultLimits, ...options.limits };
  const collector = createCollector(limits, options.onAttachment !== undefined);
  const walker = createMimeWalker(collector.events, limits);
  const deliver = async () => {
    for (const { attachment, pieces } of collector.takeFinished()) await options.onAttachment?.(attachment, pieces);
  };
  if (source instanceof Uint8Array) walker.write(source);
  else {
    for await (const chunk of source) {
      walker.write(chunk);
      if (options.onAttachment) await deliver();
    }
  }
  walker.end();
  if (options.onAttachment) await deliver();
  return collector.mail();
}

/** Octets of the attachment that `onAttachment` was told about in this place, counted from 0; none: it is complete. */
export interface AttachmentPiece {
  readonly ordinal: number;
  readonly octets?: Uint8Array;
}

/**
 * The octets of all attachments, transfer encoding undone, one after the other, as they arrive; nothing is held.
 *
 * @param limits - those that `parseMail` was given: which attachments there are depends on them
 */
export async function* attachmentPieces(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<ParseLimits> = {},
): AsyncGenerator<AttachmentPiece> {
  const pieces: AttachmentPiece[] = [];
  const all = { ...defaultLimits, ...limits };
  const collector = createCollector(all, true, (piece) => pieces.push(piece));
  const walker = createMimeWalker(collector.events, all);
  for await (const chunk of source) {
    walker.write(chunk);
    collector.takeFinished();
    yield* pieces.splice(0);
  }
  walker.end();
  yield* pieces.splice(0);
}

interface OpenLeaf {
  readonly path: string;
  readonly headers: readonly Header[];
  readonly type: StructuredValue;
  readonly disposition: StructuredValue | undefined;
  readonly decoder: TransferDecoder;
  /** Kept octets of text, reports and embedded messages, or of an attachment that is asked for. */
  readonly kept: Uint8Array[];
  readonly keeps: "text" | "attachment" | "nothing";
  readonly hash: ReturnType<typeof createHash>;
  /** Reads the message that the leaf is. */
  readonly inner?: EmbeddedReader;
  size: number;
  keptSize: number;
}

interface EmbeddedReader {
  write(octets: Uint8Array): void;
  end(): ParsedMail;
}

function createEmbeddedReader(limits: ParseLimits, level: number): EmbeddedReader {
  const collector = createCollector({ ...limits, maxTextBytes: maxEmbeddedText }, false, undefined, level);
  const walker = createMimeWalker(collector.events, limits);
  return {
    write: (octets) => walker.write(octets),
    end: () => {
      walker.end();
      return collector.mail();
    },
  };
}

function createCollector(
  limits: ParseLimits,
  wantsOctets: boolean,
  onPiece?: (piece: AttachmentPiece) => void,
  level = 0,
) {
  const parts: MailPart[] = [];
  const attachments: Attachment[] = [];
  const defects: Defect[] = [];
  const exceeded = new Set<string>();
  const texts: {
    readonly type: string;
    readonly text: string;
    readonly parent: string;
    readonly flowed: boolean;
    readonly delSp: boolean;
  }[] = [];
  const finished: { readonly attachment: Attachment; readonly pieces: readonly Uint8Array[] | undefined }[] = [];
  let ordinal = 0;
  let top: readonly Header[] = [];
  let textLeft = limits.maxTextBytes;
  let leaf: (OpenLeaf & { readonly parent: string }) | undefined;
  let depth = 0;
  let preamble: Uint8Array[] = [];
  let preambleSize = 0;

  const defect = (code: string, detail: string) => {
    if (defects.length < maxDefects) defects.push({ code, detail: detail.slice(0, 200) });
  };

  const header = (octets: Uint8Array, path: string, parent: string): EntityBody => {
    preamble = [];
    preambleSize = 0;
    const headers = readHeaders(octets);
    if (path === "" && parts.length === 0) top = headers;
    const declared = headerValue(headers, "content-type");
    const type = parseStructuredValue(declared ?? (parent === "multipart/digest" ? "message/rfc822" : "text/plain"));
    const contentType = type.value === "" ? "text/plain" : type.value;
    const dispositionText = headerValue(headers, "content-disposition");
    const disposition = dispositionText === undefined ? undefined : parseStructuredValue(dispositionText);
    const boundary = type.parameters["boundary"];
    depth = path === "" ? 0 : path.split(".").length;
    if (contentType.startsWith("multipart/")) {
      if (boundary === undefined || boundary === "") defect("boundary-missing", contentType);
      else if (depth >= limits.maxDepth) exceeded.add(`multiparts nested more than ${limits.maxDepth} deep`);
      else {
        parts.push({ path, contentType, parameters: type.parameters, headers, sizeBytes: 0 });
        return { kind: "multipart", boundary: boundary.trimEnd(), contentType };
      }
    }
    const encoding = (headerValue(headers, "content-transfer-encoding") ?? "7bit").trim().toLowerCase();
    const isText = reportTypes.test(contentType) || embeddedTypes.test(contentType);
    const attached = disposition?.value === "attachment";
    leaf = {
      path,
      parent,
      headers,
      type: { value: contentType, parameters: type.parameters },
      disposition,
      // RFC 2046 §5.2.1: an embedded message has no encoding of its own but these.
      decoder: createTransferDecoder(encoding),
      kept: [],
      keeps: wantsOctets && (attached || !contentType.startsWith("text/")) ? "attachment" : isText ? "text" : "nothing",
      hash: createHash("sha256"),
      ...(/^message\/(?:rfc822|global)$/.test(contentType) &&
        level < maxEmbeddedDepth && { inner: createEmbeddedReader(limits, level + 1) }),
      size: 0,
      keptSize: 0,
    };
    return { kind: "leaf" };
  };

  /** Header fields with raw octets in them (against RFC 5322, common all the same) are read in the charset they fit. */
  const readHeaders = (octets: Uint8Array): readonly Header[] => {
    const start = skipMboxLine(octets);
    if (isUtf8(start)) return readAround(start);
    const label = /^content-type:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*?charset="?([\w.:-]{1,60})/im.exec(
      Buffer.from(start).toString("latin1"),
    )?.[1];
    const { text, decision } = decodeCharset(start, label);
    defect("header-charset", `octets above ASCII read as ${decision.used}`);
    return readAround(Buffer.from(text, "utf8"));
  };

  /** A line that is no header field ends SES's list; what stands behind it is still wanted here. */
  const readAround = (octets: Uint8Array): readonly Header[] => {
    const headers: Header[] = [];
    let rest = octets;
    for (let tries = 0; tries < 20; tries++) {
      const section = parseHeaderSection(rest, limits.maxHeaderBytes);
      for (const header of section.headers) headers.push(header);
      if (!section.malformed || section.bodyOffset >= rest.length) break;
      defect("header-malformed", "a line that is no header field");
      const newline = rest.indexOf(10, section.bodyOffset);
      if (newline === -1) break;
      rest = rest.subarray(newline + 1);
    }
    return headers;
  };

  const keep = (octets: Uint8Array) => {
    if (!leaf || octets.length === 0) return;
    leaf.hash.update(octets);
    leaf.size += octets.length;
    leaf.inner?.write(octets);
    if (leaf.keeps === "nothing") return;
    const isAttachment = leaf.keeps === "attachment";
    if (isAttachment && onPiece) {
      onPiece({ ordinal, octets: Uint8Array.prototype.slice.call(octets) });
      return;
    }
    const room = Math.max(0, (isAttachment ? maxHeldBytes : textLeft) - leaf.keptSize);
    if (room < octets.length && !isAttachment) exceeded.add(`more than ${limits.maxTextBytes} octets of text`);
    // A copy: the decoder and the walker reuse nothing, but the chunk behind a slice is much larger.
    if (room > 0) leaf.kept.push(Uint8Array.prototype.slice.call(octets, 0, room));
    leaf.keptSize += Math.min(room, octets.length);
  };

  const end = () => {
    if (!leaf) return;
    keep(leaf.decoder.end());
    const done = leaf;
    leaf = undefined;
    if (done.keeps === "text") textLeft -= done.keptSize;
    const garbage = done.decoder.garbage();
    if (garbage > 0) defect("encoding-garbage", `${garbage} octets in part ${done.path || "1"}`);
    finish(done);
  };

  const finish = (done: OpenLeaf & { readonly parent: string }) => {
    const { value: contentType, parameters } = done.type;
    const octets = firstOf(done.kept, limits.maxTextBytes);
    const name = done.disposition?.parameters["filename"] ?? parameters["name"];
    const attached =
      done.disposition?.value === "attachment" || (name !== undefined && !contentType.startsWith("text/"));
    const isBodyText = (contentType === "text/plain" || contentType === "text/html") && !attached && name === undefined;
    const readable = contentType.startsWith("text/") || reportTypes.test(contentType);
    const decoded = readable ? decodeCharset(octets, parameters["charset"]) : undefined;
    const text = decoded && normaliseLines(decoded.text);
    const embedded = embeddedTypes.test(contentType) ? readAround(skipMboxLine(octets)) : undefined;
    parts.push({
      path: done.path === "" ? "1" : done.path,
      contentType,
      parameters,
      ...(done.disposition && { disposition: attached ? ("attachment" as const) : ("inline" as const) }),
      headers: done.headers,
      sizeBytes: done.size,
      ...(decoded && text !== undefined && { charset: decoded.decision, text }),
      ...(embedded && { embedded }),
      ...(done.inner && { embeddedMail: embeddedMail(done.inner.end()) }),
    });
    if (isBodyText && decoded && text !== undefined) {
      noteCharset(decoded.decision, done.path);
      const { text: words, files } = contentType === "text/plain" ? takeUuencoded(text) : { text, files: [] };
      for (const { name: fileName, octets: file } of files) addUuencoded(fileName, file);
      texts.push({
        type: contentType,
        text: words,
        parent: done.parent,
        flowed: parameters["format"]?.toLowerCase() === "flowed",
        delSp: parameters["delsp"]?.toLowerCase() === "yes",
      });
      return;
    }
    const contentId = headerValue(done.headers, "content-id")?.trim().replace(/^<|>$/g, "");
    const attachment: Attachment = {
      fileName: safeFileName(
        name === undefined ? undefined : decodeWords(name),
        fallbackName(contentType, attachments.length + 1),
      ),
      contentType,
      sizeBytes: done.size,
      sha256: done.hash.digest("hex"),
      inline: done.disposition?.value === "inline" || (!attached && done.parent === "multipart/related"),
      ...(contentId !== undefined && contentId !== "" && { contentId }),
      kind: kindOf(contentType, done.parent, name),
      part: parts.length - 1,
    };
    attachments.push(attachment);
    if (done.keeps !== "attachment") return;
    finished.push({ attachment, pieces: done.size <= maxHeldBytes ? done.kept : undefined });
    onPiece?.({ ordinal });
    ordinal += 1;
  };

  const addUuencoded = (name: string, octets: Uint8Array) => {
    const attachment: Attachment = {
      fileName: safeFileName(name, fallbackName("application/octet-stream", attachments.length + 1)),
      contentType: "application/octet-stream",
      sizeBytes: octets.length,
      sha256: createHash("sha256").update(octets).digest("hex"),
      inline: false,
      kind: "file",
      part: parts.length - 1,
    };
    attachments.push(attachment);
    if (!wantsOctets) return;
    finished.push({ attachment, pieces: octets.length <= maxHeldBytes ? [octets] : undefined });
    onPiece?.({ ordinal, octets });
    onPiece?.({ ordinal });
    ordinal += 1;
  };

  const noteCharset = (decision: CharsetDecision, path: string) => {
    if (decision.how === "sniffed")
      defect("charset-sniffed", `part ${path || "1"}: ${decision.declared ?? "undeclared"} read as ${decision.used}`);
    if (decision.how === "replaced")
      defect("charset-replaced", `part ${path || "1"}: octets that ${decision.used} does not have`);
  };

  return {
    events: {
      header,
      data: (octets: Uint8Array) => keep(leaf ? leaf.decoder.write(octets) : octets),
      end,
      preamble: (octets: Uint8Array) => {
        if (preambleSize >= maxPreambleBytes) return;
        preamble.push(Uint8Array.prototype.slice.call(octets, 0, maxPreambleBytes - preambleSize));
        preambleSize += Math.min(octets.length, maxPreambleBytes - preambleSize);
      },
      noParts: (path: string) => {
        const octets = Buffer.concat(preamble);
        preamble = [];
        if (octets.length === 0) return;
        defect("boundary-never-seen", `multipart ${path || "message"}`);
        const { text, decision } = decodeCharset(octets, undefined);
        const lines = normaliseLines(text);
        parts.push({
          path: path === "" ? "1" : path,
          contentType: "text/plain",
          parameters: {},
          headers: [],
          sizeBytes: octets.length,
          charset: decision,
          text: lines,
        });
        texts.push({ type: "text/plain", text: lines, parent: "", flowed: false, delSp: false });
      },
      defect,
      exceeded: (limit: string) => void exceeded.add(limit),
    },
    takeFinished: () => finished.splice(0),
    mail: (): ParsedMail => compose(top, texts, attachments, parts, defects, [...exceeded]),
  };
}

/** At most so many octets of the pieces, as one. */
function firstOf(pieces: readonly Uint8Array[], maxBytes: number): Uint8Array {
  let count = 0;
  for (let bytes = 0; count < pieces.length && bytes < maxBytes; count++) bytes += pieces[count]?.length ?? 0;
  return Buffer.concat(pieces.slice(0, count)).subarray(0, maxBytes);
}

function compose(
  headers: readonly Header[],
  texts: readonly {
    readonly type: string;
    readonly text: string;
    readonly parent: string;
    readonly flowed: boolean;
    readonly delSp: boolean;
  }[],
  attachments: readonly Attachment[],
  parts: readonly MailPart[],
  defects: readonly Defect[],
  exceeded: readonly string[],
): ParsedMail {
  const plain = texts
    .filter(({ type }) => type === "text/plain")
    .map(({ text, flowed, delSp }) => (flowed ? unflow(text, delSp) : text));
  const htmls = texts.filter(({ type }) => type === "text/html").map(({ text }) => text);
  const html = htmls.length > 0 ? htmls.join("\n") : undefined;
  const written = plain.join("\n");
  const text = written.trim() !== "" || html === undefined ? written : renderText(html);
  const author = parseMailboxes(headerValue(headers, "from"))[0];
  const subject = headerValue(headers, "subject");
  const date = dateOf(headerValue(headers, "date"));
  const messageId = headerValue(headers, "message-id")?.trim();
  const listId = headerValue(headers, "list-id");
  const autoSubmitted = headerValue(headers, "auto-submitted")?.trim();
  const mailboxes = (name: string) => headerValues(headers, name).flatMap((value) => parseMailboxes(value));
  return {
    headers,
    ...(author && { author }),
    to: mailboxes("to"),
    cc: mailboxes("cc"),
    replyTo: mailboxes("reply-to"),
    ...(subject !== undefined && { subject: decodeWords(subject) }),
    ...(date !== undefined && { date }),
    ...(messageId !== undefined &&
      messageId !== "" && { messageId: /<[^<>\s]+>/.exec(messageId)?.[0] ?? messageId.slice(0, 998) }),
    inReplyTo: messageIds(headerValue(headers, "in-reply-to")),
    references: messageIds(headerValue(headers, "references")),
    ...(listId !== undefined && { listId: /<([^<>]+)>/.exec(listId)?.[1] ?? listId.trim() }),
    ...(autoSubmitted !== undefined && autoSubmitted !== "" && { autoSubmitted }),
    text,
    ...(html !== undefined && { html }),
    attachments,
    parts,
    defects,
    exceeded,
  };
}

// RFC 5322 §3.6.4; senders put them in quotes, commas and comments too.
function messageIds(header: string | undefined): readonly string[] {
  return (header?.slice(0, 65_536).match(/<[^<>\s]{1,998}>/g) ?? []).slice(0, 1_000);
}

function dateOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const date = new Date(header.slice(0, 200).replace(/\([^()]*\)/g, " "));
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** RFC 3676 §4: a line that ends in a space goes on in the next one of the same quote depth. */
function unflow(text: string, delSp: boolean): string {
  const out: string[] = [];
  let open = false;
  let openDepth = 0;
  for (const line of text.split("\n")) {
    const depth = /^>*/.exec(line)?.[0].length ?? 0;
    const content = line.slice(depth).replace(/^ /, "");
    const flows = content.endsWith(" ") && content !== "-- ";
    const body = flows && delSp ? content.slice(0, -1) : content;
    const last = out.length - 1;
    if (open && depth === openDepth && content !== "-- ") out[last] = `${out[last]}${body}`;
    else out.push(depth > 0 ? `${">".repeat(depth)} ${body}` : body);
    open = flows;
    openDepth = depth;
  }
  return out.join("\n");
}

function renderText(html: string): string {
  return htmlLines(html, maxRenderedChars, maxRenderedLines).text;
}

/** A copy out of an mbox may start with its "From " line. */
function skipMboxLine(octets: Uint8Array): Uint8Array {
  if (!/^>?From /.test(Buffer.from(octets.subarray(0, 6)).toString("latin1"))) return octets;
  const newline = octets.indexOf(10);
  return newline === -1 ? octets : octets.subarray(newline + 1);
}

const normaliseLines = (text: string) => (text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);

function embeddedMail({ author, subject, messageId, date, text, attachments, parts }: ParsedMail): EmbeddedMail {
  return {
    ...(author && { author }),
    ...(subject !== undefined && { subject }),
    ...(messageId !== undefined && { messageId }),
    ...(date !== undefined && { date }),
    text: text.slice(0, maxEmbeddedText),
    attachments,
    embedded: parts.flatMap(({ embeddedMail: found }) => found ?? []),
  };
}

function kindOf(contentType: string, parent: string, name: string | undefined): Attachment["kind"] {
  if (contentType === "message/rfc822" || contentType === "message/global") return "message";
  if (contentType.startsWith("message/") || contentType === "text/rfc822-headers") return "report";
  if (/^application\/(?:pgp-signature|(?:x-)?pkcs7-signature)$/.test(contentType)) return "signature";
  if (/^application\/(?:pgp-encrypted|(?:x-)?pkcs7-mime)$/.test(contentType) || parent === "multipart/encrypted")
    return "encrypted";
  if (/^application\/(?:vnd\.)?ms-tnef$/.test(contentType)) return "tnef";
  // Gateways that know no type leave the name.
  if (contentType !== "application/octet-stream" || name === undefined) return "file";
  if (/^winmail\.dat$/i.test(name)) return "tnef";
  return /\.p7m$/i.test(name) ? "encrypted" : /\.(?:p7s|sig)$/i.test(name) ? "signature" : "file";
}

const extensions: Readonly<Record<string, string>> = {
  "message/rfc822": "eml",
  "text/plain": "txt",
  "text/html": "html",
  "text/calendar": "ics",
  "application/pdf": "pdf",
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
};

const fallbackName = (contentType: string, number: number) =>
  `attachment-${number}.${extensions[contentType] ?? "bin"}`;
