import { decodeWords } from "./encoded-words.ts";
import type { Mailbox } from "./parsed-mail.ts";

const maxMailboxes = 1000;

/**
 * The mailboxes of an address header (RFC 5322 §3.4), read the tolerant way: groups are flattened, comments become the
 * name when there is none, route and quotes go, and what holds no address is kept as a name. Linear, at most 1000.
 */
export function parseMailboxes(header: string | undefined): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  if (header === undefined) return mailboxes;
  let name = "";
  let comment = "";
  let angle: string | undefined;
  let state: "text" | "quoted" | "angle" | "comment" = "text";
  let depth = 0;
  let quotedIsLocalPart = false;

  const flush = () => {
    const mailbox = toMailbox(name, comment, angle);
    if (mailbox && mailboxes.length < maxMailboxes) mailboxes.push(mailbox);
    name = "";
    comment = "";
    angle = undefined;
  };

  const input = header.slice(0, 131_072);
  for (let at = 0; at < input.length; at++) {
    const char = input[at] as string;
    if (char === "\\" && state !== "text" && at + 1 < input.length) {
      at++;
      if (state === "comment") comment += input[at];
      else if (state === "angle") angle += `\\${input[at]}`;
      else name += quotedIsLocalPart ? `\\${input[at]}` : input[at];
      continue;
    }
    switch (state) {
      case "quoted":
        if (char === '"') {
          state = "text";
          if (quotedIsLocalPart) name += char;
        } else name += char;
        break;
      case "comment":
        if (char === "(") depth++;
        if (char === ")") depth--;
        if (depth === 0) state = "text";
        else comment += char;
        break;
      case "angle":
        if (char === ">") state = "text";
        else angle += char;
        break;
      case "text":
        if (char === '"') {
          // A quote that opens right before "@" later on is a quoted local part, not a display name.
          quotedIsLocalPart = isLocalPart(input, at);
          if (quotedIsLocalPart) name += char;
          state = "quoted";
        } else if (char === "(") {
          depth = 1;
          state = "comment";
        } else if (char === "<") {
          // "<a><b>": the last one wins, as the readers do that SES's samples were made with.
          angle = "";
          state = "angle";
        } else if (char === "," || char === ";") flush();
        else if (char === ":" && angle === undefined && !name.includes("@")) name = "";
        else name += char;
        break;
    }
  }
  flush();
  return mailboxes;
}

function isLocalPart(input: string, quote: number): boolean {
  const end = input.indexOf('"', quote + 1);
  return end !== -1 && input[end + 1] === "@";
}

function toMailbox(rawName: string, comment: string, angle: string | undefined): Mailbox | undefined {
  let name = decodeWords(rawName).replace(/\s+/g, " ").trim();
  let address = angle === undefined ? "" : angle.trim().replace(/^@[^:]*:/, "");
  if (angle === undefined) {
    // No angle brackets: the word with the "@" is the address, the rest its name.
    const words = rawName.trim().split(/\s+/);
    const index = words.findIndex((word) => word.includes("@"));
    if (index !== -1) {
      address = words[index] as string;
      name = decodeWords(words.filter((_, at) => at !== index).join(" ")).trim();
    }
  }
  if (name === "") name = decodeWords(comment).trim();
  if (name === "" && address === "") return angle === undefined ? undefined : { name: "", address: "" };
  return { name, address };
}
