import type { ForwardVia } from "../config/types.ts";
import { fieldValue, joinFields, type RawField, splitFields } from "./header-fields.ts";
import { forwardedHeader } from "./plan-forward.ts";

export interface ForwardDraft {
  readonly raw: Uint8Array;
  readonly via: ForwardVia;
  readonly from: "unchanged" | "rewritten";
  /** Whose mail it is: stands in the hop header, for the loop check. */
  readonly recipient: string;
  /** Our author of rewritten mail. */
  readonly sender: string;
  /** Of the first author, for people. */
  readonly author: { readonly name: string; readonly address: string } | undefined;
}

// RFC 5322 §3.6: at most one of each; SES refuses a second one.
const singletons = new Set([
  ...["from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references"],
  ...["mime-version", "content-type", "content-transfer-encoding", "return-path"],
]);
// Only for ourselves, or written anew by whoever delivers.
const ownBlock = new Set([
  "return-path",
  "x-ses-receipt",
  "x-ses-dkim-signature",
  "x-ses-spam-verdict",
  "x-ses-virus-verdict",
]);
// Signatures that cannot verify any more once From is another; what SES refuses or writes itself.
const notRewritten = new Set(["dkim-signature", "sender", "bcc", "return-path", "domainkey-signature"]);
const notThroughSes = new Set(["arc-seal", "arc-message-signature", "arc-authentication-results", "x-ses-receipt"]);

/** The mail as it leaves. Its body is not touched; unchanged mail keeps every octet below the block that SES put on top. */
export function composeForward({ raw, via, from, recipient, sender, author }: ForwardDraft): Uint8Array {
  const { fields, rest } = splitFields(raw);
  const blockEnd = fields.findIndex(({ name }) => name === "x-ses-dkim-signature");
  const kept = fields.filter(({ name }, index) => index > blockEnd || !ownBlock.has(name));
  const hop: RawField = { name: forwardedHeader.toLowerCase(), text: `${forwardedHeader}: ${recipient}\r\n` };
  if (from === "unchanged") return joinFields([hop, ...kept], rest);

  const seen = new Set<string>();
  const bare = kept.filter(({ name }) => {
    if (notRewritten.has(name) || (via === "ses" && notThroughSes.has(name))) return false;
    if (!singletons.has(name)) return true;
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
  const original = bare.find(({ name }) => name === "from");
  const originalFrom = original ? fieldValue(original) : "";
  const replyTo =
    bare.some(({ name }) => name === "reply-to") || originalFrom === "" ? [] : [field("Reply-To", originalFrom)];
  const rewritten = [
    field("From", `${displayName(author, sender)} <${sender}>`),
    ...replyTo,
    ...(originalFrom === "" ? [] : [field("X-Original-From", originalFrom)]),
  ];
  const at = Math.max(
    0,
    bare.findIndex(({ name }) => name === "from"),
  );
  const others = bare.filter(({ name }) => name !== "from");
  return joinFields([hop, ...others.slice(0, at), ...rewritten, ...others.slice(at)], rest);
}

function field(name: string, value: string): RawField {
  // Folded at white space, so that no line grows beyond what the original had.
  const folded = value.replace(/[\r\n]+/g, " ").replace(/([^\n]{60,900}?)[ \t]+/g, "$1\r\n ");
  return { name: name.toLowerCase(), text: `${name}: ${folded}\r\n` };
}

/** "Ann Lee via example.com": readers show the name alone, so it must not look like the author's own mail. */
function displayName(author: ForwardDraft["author"], sender: string): string {
  const domain = sender.slice(sender.lastIndexOf("@") + 1);
  const name = (author?.name.trim() || author?.address.replace("@", " at ") || "Unknown").replace(
    /[\p{Cc}"\\<>@]/gu,
    " ",
  );
  return encodePhrase(`${[...name].slice(0, 60).join("").trim()} via ${domain}`);
}

/** RFC 2047 where it must be; an encoded word holds at most 45 octets of text, whole characters. */
function encodePhrase(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return `"${text}"`;
  const words: string[] = [];
  let word = "";
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(word + character) > 42) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  words.push(word);
  return words.map((one) => `=?UTF-8?B?${Buffer.from(one).toString("base64")}?=`).join(" ");
}
