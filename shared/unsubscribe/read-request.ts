import { parseMailAddress } from "../mail/address.ts";
import { bareWords, clearWords, contrary, plainWords, yesWords } from "./request-words.ts";

export interface RequestText {
  /** Decoded; `""` when there is none. */
  readonly subject: string;
  /** What the author wrote, without quotes and signature. */
  readonly text: string;
  /** An answer's subject is somebody else's words. */
  readonly isAnswer: boolean;
  /** Ids of the lists that there are. */
  readonly lists?: readonly string[];
  /** As `From` has it: people write it below what they ask. */
  readonly authorName?: string;
}

/** What a message says, in its author's own words. */
export interface RequestReading {
  /**
   * `asks`: to be left alone, and nothing else. `mentions`: says something about it that a machine had better not decide.
   * `denies`: says that it is not to be. `empty`: says nothing. `else`: is about something else.
   */
  readonly kind: "asks" | "mentions" | "denies" | "empty" | "else";
  /** A word that stands where a list's name would, in lower case. */
  readonly list?: string;
  /** Addresses that are named, as written. */
  readonly addresses: readonly string[];
  /** What was read, for the reasons; never more than a few words. */
  readonly because: string;
}

/**
 * Reads a request as strictly as something must be read that cannot be asked about: the subject or the text consists of
 * words that mean "unsubscribe" in one of the known languages, courtesies, and perhaps a list's name. Whatever else is there makes
 * it a mention, which may lead to a question but never to a suppression. Linear in its input.
 */
export function readRequest({ subject, text, isAnswer, lists = [], authorName = "" }: RequestText): RequestReading {
  const own = readText(text, lists, new Set(normalise(authorName.slice(0, 100)).split(" ")));
  const title = isAnswer || hasAnswerPrefix(subject) ? nothing : readText(withoutTags(subject), lists);
  const addresses = [...new Set([...title.addresses, ...own.addresses])];
  const of = (reading: Reading, kind = reading.kind, where = "the text"): RequestReading => ({
    kind,
    addresses,
    ...(reading.list !== undefined && { list: reading.list }),
    because: `${where} ${saying[kind]}`,
  });
  if (own.kind === "denies" || title.kind === "denies") return of(own.kind === "denies" ? own : title, "denies");
  if (title.kind === "asks") {
    // "unsubscribe" above, the list's name below: the classic list servers' way.
    const below = normalise(text.slice(0, maxCharacters));
    const named = title.list ?? (own.kind === "asks" ? own.list : lists.find((list) => list === below));
    // What is written below a request may take it back, in words that no table knows, or be about somebody else.
    const agrees = own.kind === "empty" || own.kind === "asks" || own.courtesy === true || below === named;
    // A word such as "leave" asks alone only.
    if (!agrees) return of(own, title.bare === true ? "else" : "mentions", "beside the subject, the text");
    return { ...of(title, "asks", "the subject"), ...(named !== undefined && { list: named }) };
  }
  if (own.kind === "asks") return of(own);
  if (title.kind === "mentions") return of(title, "mentions", "the subject");
  if (own.kind === "mentions") return of(own);
  if (title.kind === "empty" && own.kind === "empty") return of(own);
  return of(own, "else");
}

/** Whether the text answers "yes" to the question in a confirmation mail, or asks once more. */
export function readConfirmation(input: RequestText): boolean {
  const said = normalise(input.text.slice(0, maxCharacters));
  const reading = readRequest(input);
  if (reading.kind === "denies") return false;
  return reading.kind === "asks" || yes.has(said);
}

const saying: Readonly<Record<RequestReading["kind"], string>> = {
  asks: "asks to be unsubscribed and says nothing else",
  mentions: "speaks of unsubscribing but says more than that",
  denies: "says that it is not to be",
  empty: "says nothing",
  else: "asks for nothing of that kind",
};

interface Reading {
  /** Asks by a word that means it only when it stands alone. */
  readonly bare?: boolean;
  /** Greetings and thanks alone: it asks for nothing, and takes nothing back. */
  readonly courtesy?: boolean;
  readonly kind: RequestReading["kind"];
  readonly list?: string;
  readonly addresses: readonly string[];
}

const nothing: Reading = { kind: "empty", addresses: [] };
const question = /[?？؟]/;
// A request is short. What is longer is read as far as this, and is a mention at most.
const maxCharacters = 600;

function readText(input: string, lists: readonly string[], name: ReadonlySet<string> = new Set()): Reading {
  const cut = input.length > maxCharacters;
  const text = normalise(withoutBoilerplate(input.slice(0, maxCharacters)));
  if (text === "") return cut ? { kind: "else", addresses: [] } : nothing;
  const clear = take(text, clearPattern);
  const bareToo = take(clear.rest, barePattern);
  const found = { clear: clear.found, bare: bareToo.found };
  const addresses: string[] = [];
  const unknown: string[] = [];
  for (const word of take(bareToo.rest, plainPattern).rest.split(" ")) {
    if (word === "" || plain.has(word) || name.has(word) || /^[\p{N}\p{P}\p{S}]+$/u.test(word)) continue;
    if (parseMailAddress(word) !== undefined) addresses.push(word);
    else unknown.push(word);
  }
  if (found.clear + found.bare === 0) {
    const courtesy = unknown.length === 0 && addresses.length === 0 && !cut && !question.test(input);
    return { kind: "else", addresses, ...(courtesy && { courtesy }) };
  }
  if (found.clear > 0 && contraryPattern.test(` ${text} `)) return { kind: "denies", addresses };
  // "cancel my unsubscription": two of them may mean the opposite of one. A question is a question.
  const doubtful = (found.clear > 0 && found.bare > 0) || cut || question.test(input.slice(0, maxCharacters));
  const bare = found.bare > 0 && { bare: true };
  if (!doubtful && unknown.length === 0) return { kind: "asks", addresses, ...bare };
  const [list] = unknown;
  if (!doubtful && unknown.length === 1 && list !== undefined) {
    const named = lists.includes(list) || (found.clear > 0 && isListLike(text, list));
    if (named) return { kind: "asks", list, addresses, ...bare };
  }
  return { kind: found.clear > 0 ? "mentions" : "else", addresses };
}

/** Directly behind the request, and made as a list's name is: `unsubscribe weekly-news`, `unsubscribe from weekly please`. */
function isListLike(text: string, word: string): boolean {
  if (!/^[a-z0-9][a-z0-9._-]{2,62}$/.test(word) || denials.has(word)) return false;
  return new RegExp(
    `(?:unsubscribe|unsub|signoff|abmelden|me)(?: me)?(?: from)?(?: the)?(?: list)? ${literally(word)}(?: |$)`,
  ).test(text);
}

const denials = new Set(["non", "nein", "nee", "nej", "nei", "nie", "nem", "not", "nope", "nicht", "pas", "hayir"]);

function take(text: string, pattern: RegExp): { readonly rest: string; readonly found: number } {
  let found = 0;
  const rest = text.replace(pattern, () => {
    found++;
    return " ";
  });
  return { rest: rest.replace(/ +/g, " ").trim(), found };
}

/** NFKC, lower case, one space between words; only the marks stay that words are made of. */
function normalise(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u2018\u2019\u02bc`´]/g, "'")
    .replace(/[\u2010-\u2015]/g, "-")
    .replace(/[\u200b-\u200f\u2060\ufeff\u00ad]/g, "")
    .replace(/[^\p{L}\p{M}\p{N}@._+'·-]+/gu, " ")
    .replace(/(^|\s)[._'+-]+|[._'+-]+(?=\s|$)/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

// Subjects are answered to and passed on in all languages; whoever is unsure takes it for an answer.
const answerPrefix = /^\s*(?:\[[^\]]{0,60}\]\s*)*\p{L}{1,7}(?:\[\d+\]|\(\d+\))?\s*[:：]/u;

export function hasAnswerPrefix(subject: string): boolean {
  return answerPrefix.test(withoutTags(subject));
}

/** Without what gateways write in front of or behind a subject: `[EXTERNAL]`, `***SPAM***`, `(external sender)`. */
function withoutTags(subject: string): string {
  return (
    subject
      .slice(0, 2 * maxCharacters)
      // An address in brackets is somebody's, not a gateway's word.
      .replace(/[[({<【]([^\])}>】]{0,60})[\])}>】]/g, (_, inner: string) => (inner.includes("@") ? ` ${inner} ` : " "))
      .replace(/\*{2,}[^*]{0,40}\*{2,}/g, " ")
      .replace(/^\s*(?:ext|external|extern|externe|spam|suspected spam|bulk|caution)\s*[-|:]+\s*/i, "")
      // People write it where it stands already.
      .replace(/^\s*(?:subject|betreff|objet|asunto|oggetto|assunto|onderwerp)\s*:\s*/i, "")
  );
}

/** Without what mail programs and gateways write into the text of a message that somebody else sends by pressing a button. */
function withoutBoilerplate(text: string): string {
  return text
    .replace(/this (?:message|e-?mail) was automatically generated by [\p{L} ]{1,40}\.?/giu, " ")
    .replace(
      /[\p{L} ]{1,40} sent this e-?mail to unsubscribe from the message [“"'‘][^”"'’\n]{0,300}[”"'’]\.?/giu,
      " unsubscribe ",
    )
    .replace(
      /^[^\S\n]*(?:sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|lähetetty|wysłane?o?) (?:from|with|von|depuis|desde|da|vanaf|från|fra|mit|de mon|de mi|do meu|dal mio)\b.{0,80}$/gimu,
      " ",
    )
    .replace(/^[^\S\n]*(?:\[?caution|warning|external|achtung|attention)\b.{0,200}$/gimu, " ")
    .replace(
      /^[^\S\n]*(?:this e-?mail|this message|diese e-?mail|ce message|este mensaje|questo messaggio)\b.{0,400}(?:confidential|privileged|vertraulich|confidentiel|confidencial|riservat).{0,400}$/gimu,
      " ",
    );
}

const literally = (word: string) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Any of the phrases as whole words; in scripts that put no spaces between words, anywhere. */
function pattern(phrases: readonly string[]): RegExp {
  const longestFirst = [...phrases].sort((a, b) => b.length - a.length);
  const spaced = longestFirst.filter((phrase) => !unspaced.test(phrase)).map(literally);
  const run = longestFirst.filter((phrase) => unspaced.test(phrase)).map(literally);
  const parts = [
    ...(spaced.length > 0 ? [`(?<![\\p{L}\\p{M}\\p{N}@])(?:${spaced.join("|")})(?![\\p{L}\\p{M}\\p{N}@])`] : []),
    ...(run.length > 0 ? [`(?:${run.join("|")})`] : []),
  ];
  return new RegExp(parts.join("|"), "gu");
}

const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/u;
/** Verbs whose other half stands behind what they are about: "melden Sie mich vom Newsletter ab". */
const partedForms = [
  "(?:meldet|melden?) (?:sie |bitte |mich |uns ){1,3}(?=(?:[\\p{L}.-]+ ){0,6}ab(?: |$))",
  "(?:tragt|tragen?|nehmt|nehmen?|streich(?:en|t)) (?:sie |bitte |mich |uns ){1,3}(?=(?:[\\p{L}.-]+ ){0,6}(?:aus|raus|heraus)(?: |$))",
  "(?:schrijf|meld) (?:mij |me |ons )(?=(?:[\\p{L}.-]+ ){0,6}(?:uit|af)(?: |$))",
  "iratkoz(?:zanak|tassanak|ok|nék) (?=(?:[\\p{L}.-]+ ){0,4}le(?: |$))",
];
const clearPattern = new RegExp(`${pattern(clearWords).source}|(?<![\\p{L}])(?:${partedForms.join("|")})`, "gu");
const barePattern = pattern(bareWords);
const plainPattern = pattern(plainWords.filter((word) => unspaced.test(word)));
// Without the flag g: `test` would go on where it stopped.
const contraryPattern = new RegExp(pattern(contrary).source, "u");
const plain = new Set(plainWords);
const yes = new Set(yesWords);
