export type HtmlToken =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "open";
      readonly name: string;
      readonly attributes: ReadonlyMap<string, string>;
      readonly selfClosing: boolean;
    }
  | { readonly kind: "close"; readonly name: string };

// Their content is not markup and is never shown.
const rawElements: ReadonlySet<string> = new Set([
  "script",
  "style",
  "title",
  "textarea",
  "xmp",
  "noembed",
  "noframes",
  "template",
]);
const maxTagChars = 20_000;
const maxAttributes = 50;

/**
 * Cuts HTML into text and tags, forgiving as browsers are; comments (Outlook's conditional ones too), declarations and the
 * content of script, style and title are left out. Linear in the input; text is not decoded yet.
 */
export function* htmlTokens(html: string, maxChars: number): Generator<HtmlToken> {
  const stop = Math.min(html.length, maxChars);
  // Positions past which a search is known to fail, so that a million "<!--" do not search a million times to the end.
  let noComment = false;
  const noClosing = new Set<string>();
  let at = 0;
  while (at < stop) {
    const open = html.indexOf("<", at);
    if (open === -1 || open >= stop) {
      yield { kind: "text", text: html.slice(at, stop) };
      return;
    }
    if (open > at) yield { kind: "text", text: html.slice(at, open) };
    const next = html.charCodeAt(open + 1);
    if (next === 0x21 || next === 0x3f) {
      if (html.startsWith("<!--", open) && !noComment) {
        const end = html.indexOf("-->", open + 4);
        if (end === -1) noComment = true;
        at = end === -1 ? open + 4 : end + 3;
      } else {
        at = tagEnd(html, open + 1, stop);
      }
      continue;
    }
    const closing = next === 0x2f;
    const nameStart = closing ? open + 2 : open + 1;
    const nameEnd = endOfName(html, nameStart, stop);
    if (nameEnd === nameStart) {
      yield { kind: "text", text: "<" };
      at = open + 1;
      continue;
    }
    const name = html.slice(nameStart, nameEnd).toLowerCase();
    const end = tagEnd(html, nameEnd, stop);
    if (closing) {
      yield { kind: "close", name };
      at = end;
      continue;
    }
    yield {
      kind: "open",
      name,
      attributes: readAttributes(html.slice(nameEnd, Math.min(end, nameEnd + maxTagChars))),
      selfClosing: html.charCodeAt(end - 2) === 0x2f,
    };
    at = end;
    if (rawElements.has(name) && !noClosing.has(name)) {
      const close = indexOfClosing(html, name, at, stop);
      if (close === -1) noClosing.add(name);
      else at = close;
    }
  }
}

function isNameChar(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x3a ||
    code === 0x2d
  );
}

function endOfName(html: string, from: number, stop: number): number {
  const first = html.charCodeAt(from) | 0x20;
  if (!(first >= 0x61 && first <= 0x7a)) return from;
  let at = from;
  while (at < stop && at < from + 40 && isNameChar(html.charCodeAt(at))) at++;
  return at;
}

/** Behind the ">" that ends the tag; a ">" inside a quoted value does not, unless the quote is never closed. */
function tagEnd(html: string, from: number, stop: number): number {
  const limit = Math.min(stop, from + maxTagChars);
  let quote = 0;
  let firstBracket = -1;
  for (let at = from; at < limit; at++) {
    const code = html.charCodeAt(at);
    if (code === 0x3e) {
      if (quote === 0) return at + 1;
      if (firstBracket === -1) firstBracket = at;
    } else if (quote !== 0) {
      if (code === quote) quote = 0;
    } else if ((code === 0x22 || code === 0x27) && html.charCodeAt(at - 1) === 0x3d) {
      quote = code;
    }
  }
  if (firstBracket !== -1) return firstBracket + 1;
  return limit;
}

function indexOfClosing(html: string, name: string, from: number, stop: number): number {
  const pattern = new RegExp(`</${name}`, "gi");
  pattern.lastIndex = from;
  const found = pattern.exec(html);
  return found && found.index < stop ? found.index : -1;
}

const attribute = /([^\s=/>"']{1,60})(?:\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/gu;

function readAttributes(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const match of text.matchAll(attribute)) {
    const name = (match[1] ?? "").toLowerCase();
    if (!attributes.has(name)) attributes.set(name, match[2] ?? match[3] ?? match[4] ?? "");
    if (attributes.size >= maxAttributes) break;
  }
  return attributes;
}
