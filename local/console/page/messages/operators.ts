/** What can be searched for; docs/console.md describes the same. */
export const operators: readonly {
  readonly text: string;
  readonly what: string;
  readonly values?: readonly string[];
}[] = [
  { text: "from:", what: "the author or the envelope sender" },
  { text: "to:", what: "a recipient" },
  { text: "subject:", what: "words of the subject" },
  { text: "stream:", what: "where it went", values: ["ticket", "unsubscribe", "personal", "none"] },
  {
    text: "nature:",
    what: "what kind of mail it is",
    values: ["human", "bounce", "complaint", "auto-reply", "mdn", "list", "unsubscribe-request", "machine"],
  },
  { text: "is:", what: "how far it came", values: ["failed", "quarantined", "done", "open"] },
  { text: "has:attachment", what: "with a file" },
  {
    text: "verdict:",
    what: "what the checks found",
    values: ["fail", "spf=fail", "dkim=pass", "dmarc=fail", "spam=fail", "virus=fail"],
  },
  { text: "after:", what: "a day, a time or an age", values: ["1h", "1d", "7d"] },
  { text: "before:", what: "a day, a time or an age", values: ["1d", "7d"] },
];

export interface Suggestion {
  /** The whole search with it taken. */
  readonly search: string;
  readonly text: string;
  readonly what: string;
}

/** How the word at the end of a search can go on. `streams`: those that are there. */
export function suggest(search: string, streams: readonly string[]): readonly Suggestion[] {
  const start = search.lastIndexOf(" ") + 1;
  const before = search.slice(0, start);
  const word = search.slice(start).toLowerCase();
  const minus = word.startsWith("-") ? "-" : "";
  const bare = word.slice(minus.length);
  const operator = operators.find(({ text, values }) => values && bare.startsWith(text));
  if (operator) {
    const values = operator.text === "stream:" ? [...new Set([...streams, "none"])] : (operator.values ?? []);
    return values
      .filter((value) => value.startsWith(bare.slice(operator.text.length)) && operator.text + value !== bare)
      .map((value) => take(`${operator.text}${value}`, operator.what, " "));
  }
  return operators
    .filter(({ text }) => text.startsWith(bare) && text !== bare)
    .map(({ text, what }) => take(text, what, text.endsWith(":") ? "" : " "));

  function take(text: string, what: string, end: string): Suggestion {
    return { search: `${before}${minus}${text}${end}`, text: minus + text, what };
  }
}
