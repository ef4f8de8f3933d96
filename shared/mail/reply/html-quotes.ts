/**
 * What an element says about the text in it, by the class names, ids and styles that mail clients write.
 * "quote": its text is quoted. "quote-start": quoted from here, who knows how far. "rule": a line that Outlook draws.
 */
export type ElementMeaning =
  | "quote"
  | "quote-start"
  | "forward-start"
  | "attribution"
  | "signature"
  | "rule"
  | "hidden";

const meanings: readonly [RegExp, ElementMeaning][] = [
  // Thunderbird's container of a forwarded mail.
  [/^moz-forward-container$/, "forward-start"],
  [/^(?:moz-cite-prefix|gmail_attr|reply-intro|replyintro|tmcontent-attribution|cite-prefix)$/, "attribution"],
  [
    /^(?:protonmail_quote|tutanota_quote|mailru-blockquote|mail-quote|ydpyahoo_quoted_begin|freshdesk_quote|front-blockquote|crisp-quote|skiff_quote)$/,
    "quote",
  ],
  [
    /^(?:gmail_quote|gmail_quote_container|gmail_extra|yahoo_quoted|ydp[0-9a-f]*yahoo_quoted|divrplyfwdmsg|appendonsend|olk_src_body_section|mail-editor-reference-message-container|mail-editor-reference-message|zmail_extra|zmail_extra_quote|wmquote|outlookmessageheader|bloop_original_html|airmail_ext_on|hey_quote|intercom-reply-history|quoted-?text|quotedmessage|replyforward|gorgias-quote|elided-text|isforwardcontent|isreplycontent|ntes_quote|ntes-mailmaster-quote|foxmail_quote|reply-quote|mcntmcontainer|origbody|originalmessage|mail_quote|freshdesk-quote|front_quote|zimbra-quote|inbox-quote|spark-quote|sh-quoted-content|unibox-quote|elm_quote)$/,
    "quote-start",
  ],
  [
    /^(?:gmail_signature|gmail_signature_prefix|moz-signature|protonmail_signature_block(?:-user|-proton)?|signature|applemailsignature|lineb?reakatbeginningofsignature|ms-outlook-mobile-signature|signatureblock|yahoo-signature|ydp[0-9a-f]*signature|bloop_sign|bloop_sign_[0-9]*|mobile-signature|x_signature|mail-signature|zm-signature|mailbird-signature|sparksignature|tutanota_signature|email-signature|mail_signature|fm-signature|ntes_signature|ntes-pcmac-signature|front-signature|outlooksignature|_mailsignature|signature_old|ms-outlook-ios-cursor-signature)$/,
    "signature",
  ],
  [/^(?:gmail_sendername_hidden|preheader|mcnpreviewtext|hidden-preheader)$/, "hidden"],
];

/** The meaning of one start tag; undefined for the many that have none. */
export function quotingElement(name: string, attributes: ReadonlyMap<string, string>): ElementMeaning | undefined {
  if (attributes.size === 0) return name === "blockquote" ? "quote" : undefined;
  const style = normalStyle(attributes.get("style"));
  if (/(?:^|;)(?:display:none|mso-hide:all)/.test(style)) return "hidden";
  const words =
    `${attributes.get("class") ?? ""} ${attributes.get("id") ?? ""} ${attributes.get("data-smartmail") ?? ""}`
      .toLowerCase()
      .split(/\s+/)
      .slice(0, 20)
      // Outlook on the web puts "x_" before the names of the mail it quotes, Gmail "m_…" and "gmail-", Yahoo "ydp…".
      .map((word) => word.replace(/^(?:x_|gmail-|m_-?\d+_?|ydp[0-9a-f]{6,10}){1,8}/, ""));
  if (name === "blockquote") {
    // Gmail's and Outlook's "indent" is a blockquote without a line at its side, and is no quotation.
    const indent =
      /(?:^|;)border(?:-left)?:(?:none|0)/.test(style) &&
      !attributes.has("type") &&
      !attributes.has("cite") &&
      !words.some(isQuoteWord);
    return indent ? undefined : "quote";
  }
  if (attributes.get("data-signatureblock") === "true") return "signature";
  // Spark's sections, and what GMX and WEB.DE put around the mail that is answered.
  const section = attributes.get("name")?.toLowerCase();
  if (section === "messagereplysection" || (section === "quote" && name === "div")) return "quote-start";
  if (section === "messagesignaturesection") return "signature";
  const marker = attributes.get("data-marker");
  if (marker === "__SIG_PRE__" || marker === "__SIG_POST__") return "signature";
  if (marker === "__HEADERS__" || marker === "__QUOTED_TEXT__") return "quote-start";
  for (const word of words) {
    if (word === "") continue;
    for (const [pattern, meaning] of meanings) if (pattern.test(word)) return meaning;
    if (word.startsWith("yahoo_quoted") || word.startsWith("aolmsgpart")) return "quote-start";
  }
  // Outlook and Windows Mail draw a line over the header block of what they quote.
  if (name === "div" && /(?:^|;)border-top(?:-style|-width|-color)?:(?!none|0)/.test(style)) return "rule";
  return undefined;
}

function isQuoteWord(word: string): boolean {
  return /quote|cite/.test(word);
}

function normalStyle(style: string | undefined): string {
  return style === undefined ? "" : style.slice(0, 2_000).toLowerCase().replace(/\s+/g, "");
}
