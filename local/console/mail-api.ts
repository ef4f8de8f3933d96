import { Readable } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import type { Header } from "../../shared/mail/headers.ts";
import { attachmentPieces, parseMail } from "../../shared/mail/parse-mail.ts";
import type { Attachment, Defect, Mailbox, MailPart } from "../../shared/mail/parsed-mail.ts";
import type { ReplySegment } from "../../shared/mail/reply/extract-reply.ts";
import { extractFromAny } from "../../shared/mail/reply/is-forwarded.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { documentPolicy, mailDocument } from "./mail-document.ts";
import { problem } from "./problem.ts";

/** `GET /api/messages/<id>/mail`: what the message says, read from the bytes as received. Documented in docs/http-api.md. */
export interface MailAnswer {
  readonly sesMessageId: string;
  readonly author: Mailbox | null;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  readonly subject: string | null;
  readonly date: string | null;
  readonly messageId: string | null;
  /** At most 256 Ki characters; `textCut` when there is more. */
  readonly text: string;
  readonly textCut: boolean;
  /** Where the HTML is shown from, in a sandbox; null: there is none. */
  readonly htmlUrl: string | null;
  /** What the author wrote, and what is quotation, signature or forwarded. */
  readonly reply: {
    readonly text: string;
    readonly segments: readonly ReplySegment[];
    readonly confidence: number;
    readonly source: "text" | "html" | "none";
  };
  readonly headers: readonly Header[];
  readonly parts: readonly (Pick<MailPart, "path" | "contentType" | "sizeBytes"> & {
    readonly disposition: string | null;
    readonly charset: MailPart["charset"] | null;
    /** Index into `attachments`; null when it is text or a container. */
    readonly attachment: number | null;
  })[];
  readonly attachments: readonly (Attachment & { readonly url: string })[];
  readonly defects: readonly Defect[];
  readonly exceeded: readonly string[];
}

const noMessage = "There is no such message: GET /api/messages lists those that are.";
const maxShownCharacters = 262_144;
const maxHeaderCharacters = 10_000;
// Of all pictures of one text together.
const maxPictureBytes = 8_388_608;

/** What a message says: its parts, its HTML in a sandbox, its attachments. Read anew from the stored bytes each time. */
export function serveMail(
  api: Hono<{ Bindings: HttpBindings }>,
  engine: Pick<EngineStore, "message" | "openRaw">,
): void {
  const known = async (c: Context): Promise<SesMessageId | undefined> => {
    const id = parseSesMessageId(c.req.param("id"));
    return id && (await engine.message(id)) ? id : undefined;
  };

  api.get("/messages/:id/mail", async (c) => {
    const id = await known(c);
    return id ? c.json(await readMail(engine, id)) : problem(c, 404, noMessage);
  });

  api.get("/messages/:id/html", async (c) => {
    const id = await known(c);
    if (!id) return problem(c, 404, noMessage);
    const document = await readDocument(engine, id);
    if (document === "none") return problem(c, 404, "The message has no HTML: its text is in …/mail.");
    if (document === undefined) {
      return problem(c, 422, "The HTML is too long to be shown: read the text, or download the raw message.");
    }
    c.header("content-type", "text/html; charset=utf-8");
    c.header("content-security-policy", documentPolicy(c.req.query("remote") === "1"));
    c.header("x-dns-prefetch-control", "off");
    c.header("x-remote-resources", String(document.remote));
    return c.body(document.html);
  });

  api.get("/messages/:id/attachments/:number", async (c) => {
    const id = await known(c);
    if (!id) return problem(c, 404, noMessage);
    const number = Number(c.req.param("number"));
    const { attachments } = await parseMail(engine.openRaw(id));
    const attachment = Number.isInteger(number) ? attachments[number] : undefined;
    if (!attachment) return problem(c, 404, "The message has no such attachment: …/mail lists those that it has.");
    // A stranger's file is never shown by the browser, whatever it says it is.
    c.header("content-type", "application/octet-stream");
    c.header("content-disposition", `attachment; filename*=UTF-8''${encodeURIComponent(attachment.fileName)}`);
    c.header("content-length", String(attachment.sizeBytes));
    return c.body(Readable.toWeb(Readable.from(octetsOf(engine, id, number))) as ReadableStream);
  });
}

async function readMail(engine: Pick<EngineStore, "openRaw">, id: SesMessageId): Promise<MailAnswer> {
  const mail = await parseMail(engine.openRaw(id));
  const { text, segments, confidence, source } = extractFromAny({
    text: mail.text.slice(0, maxShownCharacters),
    html: mail.html?.slice(0, maxShownCharacters),
    headers: mail.headers,
  }).reply;
  const places = new Map(mail.attachments.map(({ part }, index) => [part, index]));
  return {
    sesMessageId: id,
    author: mail.author ?? null,
    to: mail.to,
    cc: mail.cc,
    replyTo: mail.replyTo,
    subject: mail.subject ?? null,
    date: mail.date ?? null,
    messageId: mail.messageId ?? null,
    text: mail.text.slice(0, maxShownCharacters),
    textCut: mail.text.length > maxShownCharacters,
    htmlUrl: mail.html === undefined ? null : `/api/messages/${id}/html`,
    reply: { text, segments, confidence, source },
    headers: mail.headers.map(({ name, value }) => ({ name, value: value.slice(0, maxHeaderCharacters) })),
    parts: mail.parts.map((part, index) => ({
      path: part.path,
      contentType: part.contentType,
      sizeBytes: part.sizeBytes,
      disposition: part.disposition ?? null,
      charset: part.charset ?? null,
      attachment: places.get(index) ?? null,
    })),
    attachments: mail.attachments.map((attachment, index) => ({
      ...attachment,
      url: `/api/messages/${id}/attachments/${index}`,
    })),
    defects: mail.defects,
    exceeded: mail.exceeded,
  };
}

async function readDocument(engine: Pick<EngineStore, "openRaw">, id: SesMessageId) {
  const pictures = new Map<string, { attachment: Attachment; octets: Uint8Array }>();
  let held = 0;
  const { html } = await parseMail(engine.openRaw(id), {
    onAttachment(attachment, pieces) {
      const { contentId, sizeBytes } = attachment;
      if (contentId === undefined || pieces === undefined || held + sizeBytes > maxPictureBytes) return;
      held += sizeBytes;
      pictures.set(contentId, { attachment, octets: Buffer.concat(pieces) });
    },
  });
  return html === undefined ? "none" : mailDocument(html, pictures);
}

async function* octetsOf(engine: Pick<EngineStore, "openRaw">, id: SesMessageId, wanted: number) {
  for await (const { ordinal, octets } of attachmentPieces(engine.openRaw(id))) {
    if (ordinal === wanted && octets) yield octets;
    if (ordinal > wanted) return;
  }
}
