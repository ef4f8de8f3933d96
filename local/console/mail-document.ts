import type { Attachment } from "../../shared/mail/parsed-mail.ts";
import { isParsable } from "../../shared/mail/safe-html.ts";

export interface MailDocument {
  /** A whole HTML document. */
  readonly html: string;
  /** Addresses elsewhere that it would load from: pictures, backgrounds. */
  readonly remote: number;
}

const tags = [
  ...["html", "head", "body", "title", "style", "p", "br", "hr", "div", "span", "center", "blockquote", "pre", "code"],
  ...["h1", "h2", "h3", "h4", "h5", "h6", "b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "sub", "sup"],
  ...["small", "big", "font", "a", "img", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "colgroup", "col"],
  ...["thead", "tbody", "tfoot", "tr", "td", "th", "address", "article", "section", "header", "footer", "main"],
];
const look = ["style", "class", "align", "valign", "width", "height", "bgcolor", "border", "dir", "lang", "title"];

/**
 * A stranger's HTML as a document of its own, without what runs, submits, redirects or names other resources than pictures.
 * It is still only to be shown in a sandbox under `documentPolicy`, which is what keeps it from loading anything.
 *
 * @param pictures - the octets of attachments that the text refers to, by Content-ID
 * @returns `undefined` when the input is too long to be looked at
 */
export async function mailDocument(
  html: string,
  pictures: ReadonlyMap<string, { readonly attachment: Attachment; readonly octets: Uint8Array }>,
): Promise<MailDocument | undefined> {
  if (!isParsable(html)) return undefined;
  const { default: sanitize } = await import("sanitize-html");
  let remote = 0;
  // Inside SVG and MathML the parser reads a style's text as markup, entities and all; without the element around it a browser
  // would not, and `&lt;/style&gt;&lt;link …` came out as an element. Behind the first of them no style is kept.
  let foreign = false;
  const body = sanitize(html, {
    allowedTags: tags,
    allowedAttributes: {
      "*": look,
      a: ["href", "name", "target", "rel"],
      img: ["src", "alt"],
      td: ["colspan", "rowspan", "background"],
      th: ["colspan", "rowspan", "background"],
      table: ["cellpadding", "cellspacing", "background"],
      font: ["color", "face", "size"],
      ol: ["start", "type"],
    },
    allowedSchemes: ["https", "http", "mailto", "tel"],
    allowedSchemesByTag: { img: ["https", "http", "data"] },
    allowedSchemesAppliedToAttributes: ["href", "src", "background"],
    allowProtocolRelative: false,
    // Styles stay inside the frame, and the document's policy keeps them from loading anything.
    allowVulnerableTags: true,
    disallowedTagsMode: "discard",
    nestingLimit: 200,
    transformTags: {
      // A link opens a page of its own, which does not learn where it was.
      a: (tagName, attribs) => ({
        tagName,
        attribs: { ...attribs, target: "_blank", rel: "noopener noreferrer nofollow" },
      }),
      img: (tagName, attribs) => {
        const { src = "", ...rest } = attribs;
        const cid = /^cid:(.+)$/i.exec(src.trim())?.[1];
        if (cid === undefined) return { tagName, attribs };
        const picture = pictures.get(decoded(cid)) ?? pictures.get(cid);
        return { tagName, attribs: picture ? { ...rest, src: dataUrl(picture) } : rest };
      },
      "*": (tagName, attribs) => {
        foreign ||= /^(?:svg|math)$/i.test(tagName);
        if (attribs["background"] !== undefined && isRemote(attribs["background"])) remote += 1;
        remote += remoteInStyle(attribs["style"] ?? "");
        return { tagName, attribs };
      },
    },
    exclusiveFilter: ({ tag, attribs, text }) => {
      if (tag === "img" && isRemote(attribs["src"] ?? "")) remote += 1;
      if (tag !== "style") return false;
      if (foreign) return true;
      remote += remoteInStyle(text);
      return false;
    },
  });
  return {
    html: `<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light"></head><body>${body}</body></html>`,
    remote,
  };
}

/** Under which the document is served: an origin of its own, no script, no form, nothing loaded but, when asked for, pictures. */
export function documentPolicy(remotePictures: boolean): string {
  return [
    "default-src 'none'",
    `img-src data:${remotePictures ? " https: http:" : ""}`,
    "style-src 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    "sandbox allow-popups allow-popups-to-escape-sandbox",
  ].join("; ");
}

const isRemote = (url: string) => /^\s*(?:https?:)?\/\//i.test(url);

function remoteInStyle(style: string): number {
  return style.match(/(?:url\(|@import)\s*(?:["']\s*)?(?:https?:)?\/\//gi)?.length ?? 0;
}

// SVG can hold script; as a picture it would not run it, but there is no need to find out.
const pictureTypes = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"]);

function dataUrl({ attachment, octets }: { readonly attachment: Attachment; readonly octets: Uint8Array }): string {
  if (!pictureTypes.has(attachment.contentType)) return "data:,";
  return `data:${attachment.contentType};base64,${Buffer.from(octets).toString("base64")}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not encoded, then.
    return text;
  }
}
