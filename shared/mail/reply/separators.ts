import { forwardedMessageWords, originalMessageWords } from "./separator-words.ts";

/** A line that opens a quoted or a forwarded mail without naming its author. */
export type Separator = "original" | "forward";

const originals: ReadonlySet<string> = new Set(originalMessageWords.map(fold));
const forwards: ReadonlySet<string> = new Set(forwardedMessageWords.map(fold));
const framed =
  /^[-_=*~+\u2013\u2014\u2500\s]{1,80}?([^-_=*~+\u2013\u2014\u2500\s].{2,58}?)[-_=*~+\u2013\u2014\u2500:\uff1a\s]{1,80}$/u;
const frame = /[-_=*~+\u2013\u2014\u2500]/u;

const beginningLength = 3;
const beginnings: ReadonlySet<string> = new Set(
  [...originals, ...forwards].map((words) => words.slice(0, beginningLength)),
);

/** False only where the folded words cannot be known: letters of ASCII stay themselves, unless a mark follows. */
function beginsLikeWords(content: string): boolean {
  const beginning = content.slice(0, beginningLength).toLowerCase();
  return (
    !/^[a-z]{3}$/.test(beginning) || !/^[ -~]?$/.test(content.charAt(beginningLength)) || beginnings.has(beginning)
  );
}

/** What stands under a line: a header block, a marked quotation, or anything else. */
export type Below = "block" | "quote" | "text";

/**
 * Reads a separator line: the words between dashes, or alone with a colon behind them over a marked quotation. A line of
 * the bare words only counts over a header block.
 */
export function separatorOf(content: string, below: Below = "text"): Separator | undefined {
  const leading = leadingSeparator(content);
  if (leading !== undefined || content.length > 160) return leading;
  const match = framed.exec(`${content} `);
  const inner = match?.[1]?.trim();
  const isFramed =
    inner !== undefined && frame.test(content.charAt(0)) && frame.test(content.charAt(content.length - 1));
  // Asked of every line: most begin with letters with which no such words begin.
  if (inner === undefined && !beginsLikeWords(content)) return undefined;
  const words = fold(inner ?? content);
  if (forwards.has(words) && (isFramed || below === "block" || (below === "quote" && /[:\uff1a]\s*$/u.test(content))))
    return "forward";
  if (originals.has(words) && (isFramed || below === "block")) return "original";
  // "----- Forwarded by Ann Example/Head Office on 03/05/2024 09:12 AM -----" (Lotus Notes), "----- Weitergeleitet von …".
  if (isFramed && inner !== undefined && startsWithForward(words)) return "forward";
  // Whatever it says: words in a frame right over a header block.
  if (isFramed && below === "block" && /^--.*--$|^__.*__$|^==.*==$/u.test(content)) return "original";
  return undefined;
}

/** A line drawn with one sign, repeated: "-----", "_____", "* * *", "=====". */
export function isRule(content: string): boolean {
  return content === "__" || /^([-_=*~#+\u2013\u2014\u2500\u2550\u2501])(?:[ \t]?\1){2,}$/u.test(content);
}

const aboveThisLine =
  /\b(?:above|over) (?:this|the) line\b|\b(?:reply|respond|write|type|enter)\b.{0,40}\babove\b.{0,30}\b(?:line|text|mark)/iu;
// Without a frame, the words have to be an order from their first one on: "My reply is above the line" is a sentence.
const orders =
  /^(?:please\s+)?(?:reply|respond|(?:write|type|enter|add|put|post|insert|send)\b.{0,30}\b(?:reply|response|answer|message|comment))\b/iu;
const aboveThisLineOtherwise =
  /(?:au[- ]dessus de cette ligne|(?:über|oberhalb) dieser (?:zeile|linie)|(?:encima|arriba) de esta l[íi]nea|(?:sopra|al di sopra di) questa (?:riga|linea)|acima desta linha|boven deze (?:lijn|regel)|ovanför den(?:na)? (?:här )?(?:raden|linjen|rad)|over denne (?:linje|linjen|streg)|tämän (?:rivin|viivan) yläpuolelle|(?:nad|powyżej) (?:tą|tej) lini[ąi]|nad t(?:ímto|ento|uto) (?:řádkem|řádek|čárou|riadok)|выше этой (?:строки|линии|черты)|вище (?:цього рядка|цієї лінії)|e (?:vonal|sor) fölé|deasupra acestei lini|bu (?:satırın|çizginin) üst|在此行(?:之)?上|請在此行|この(?:行|線)より上|이 (?:줄|선) 위|iznad ove (?:linije|crte)|πάνω από αυτή(?:ν)? τη(?:ν)? γραμμή)/iu;

/** A ticket system's "reply above this line", in the framing that says it is not a sentence of the author's. */
export function isReplyAboveLine(content: string): boolean {
  if (content.length < 12 || content.length > 200) return false;
  const inEnglish = aboveThisLine.test(content);
  if (!inEnglish && !aboveThisLineOtherwise.test(content)) return false;
  if (/^[^\p{L}\p{N}]{2,}/u.test(content) || /[^\p{L}\p{N}.!?]{2,}$/u.test(content)) return true;
  return content.length <= 70 && (!inEnglish || orders.test(content));
}

// Where the line breaks got lost, the header block goes on behind the dashes: "----- Forwarded message ----- From: Ann …".
const leadingFrame = /^[-_=*]{2,40} ?([^-_=*].{2,58}?) ?[-_=*]{2,40}(?=\s?[\p{L}\p{M}][\p{L}\p{M} ]{0,20}[:\uff1a])/u;

function leadingSeparator(content: string): Separator | undefined {
  const words = fold(leadingFrame.exec(content)?.[1] ?? "");
  if (words === "") return undefined;
  if (forwards.has(words)) return "forward";
  return originals.has(words) ? "original" : undefined;
}

function startsWithForward(words: string): boolean {
  return /^(?:forwarded by|weitergeleitet von|transféré par|transmis par|reenviado por|inoltrato da|encaminhado por|doorgestuurd door|przekazane przez|переслано)\b/u.test(
    words,
  );
}

function fold(words: string): string {
  return (
    words
      .toLowerCase()
      .normalize("NFC")
      // The Turkish capital "İ" becomes an "i" and a dot of its own.
      .replaceAll("i\u0307", "i")
      .replace(/[\u2018\u2019]/gu, "'")
      .replace(/[:\uff1a.\s]+$/u, "")
      .replace(/\s+/gu, " ")
      .trim()
  );
}
