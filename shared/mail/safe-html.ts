// Structure and emphasis. Nothing that loads, runs, submits or covers something else: no style, class, id, form or media.
const tags = [
  ...["p", "br", "hr", "div", "span", "blockquote", "pre", "code", "h1", "h2", "h3", "h4", "h5", "h6"],
  ...["b", "strong", "i", "em", "u", "s", "del", "ins", "sub", "sup", "small", "a"],
  ...["ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"],
];

// The parser's work grows with its input, and with the square of the elements that are open at once: what has more is shown as
// text. Newsletters have a few thousand.
const maxInputLength = 2_000_000;
const maxTags = 30_000;

/** Whether a stranger's HTML may be given to the parser. */
export function isParsable(html: string): boolean {
  if (html.length > maxInputLength) return false;
  let tags = 0;
  for (let at = html.indexOf("<"); at !== -1; at = html.indexOf("<", at + 1)) {
    // An opening tag; what closes one makes nothing longer.
    if (/[a-z]/i.test(html[at + 1] ?? "")) tags += 1;
    if (tags > maxTags) return false;
  }
  return true;
}

/**
 * HTML that may stand in a page of ours: formatted text with links to the web, to mail and to telephones, nothing else.
 * Pictures are named by their alternative text. `undefined` when the input is too long, or has too many tags, to be looked at.
 */
export async function safeHtml(html: string): Promise<string | undefined> {
  if (!isParsable(html)) return undefined;
  const { default: sanitize } = await import("sanitize-html");
  return sanitize(html, {
    allowedTags: tags,
    allowedAttributes: { a: ["href"], td: ["colspan", "rowspan"], th: ["colspan", "rowspan"] },
    allowedSchemes: ["https", "http", "mailto", "tel"],
    allowProtocolRelative: false,
    disallowedTagsMode: "discard",
    nestingLimit: 100,
    transformTags: {
      img: (_tag, { alt }) => ({ tagName: "span", attribs: {}, ...(alt && { text: `[${alt}]` }) }),
    },
  });
}
