import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseMail } from "../shared/mail/parse-mail.ts";
import type { Reply, ReplyInput } from "../shared/mail/reply/extract-reply.ts";
import { extractFromAny } from "../shared/mail/reply/is-forwarded.ts";

/**
 * Scores reply extraction against the reply corpora, by family: `node bench/score-replies.ts [place] [--verbose] [--dev|--held]`.
 * `place` is a folder that holds `reply/` and `ticket/discourse/` (default: ../shared/corpus), or a JSON file of cases
 * ({@link StatedCase}). A case counts when the expected text equals `reply.text` with white space folded ("strict"), or when
 * it does under the family's own notion of a reply ("own").
 */

export interface ReplyCase {
  readonly family: string;
  readonly name: string;
  readonly input: ReplyInput;
  readonly expected: string;
  readonly match: Match;
}

/** How the expected text is compared: whole, its start or end only, or without any white space (HTML stripped of its tags). */
type Match = "whole" | "start" | "end" | "letters";

/** One case of a JSON file. `eml`: the message, base64. */
interface StatedCase {
  readonly family: string;
  readonly name: string;
  readonly text?: string;
  readonly html?: string;
  readonly eml?: string;
  readonly subject?: string;
  readonly expected: string;
  readonly match?: Match;
}

/** Reads a file of cases. */
export async function statedCases(file: string): Promise<ReplyCase[]> {
  const cases: ReplyCase[] = [];
  for (const one of JSON.parse(readFileSync(file, "utf8")) as StatedCase[]) {
    const { family, name, text, html, eml, subject, expected, match = "whole" } = one;
    const headers = subject === undefined ? undefined : [{ name: "Subject", value: subject }];
    const input = eml === undefined ? { text, html, headers } : await mailInput(Buffer.from(eml, "base64"));
    cases.push({ family, name, input, expected, match });
  }
  return cases;
}

/** Reads every case that states what the reply is. */
export async function replyCases(folder: string): Promise<ReplyCase[]> {
  const cases: Omit<ReplyCase, "match">[] = [];
  const read = (path: string) => readFileSync(join(folder, path), "utf8");
  const names = (path: string) => (existsSync(join(folder, path)) ? readdirSync(join(folder, path)).sort() : []);

  for (const [name, stated] of Object.entries(expectedOf(folder, "reply/email-reply-parser"))) {
    const { visible_text, visible_text_trimmed, first_fragment, first_fragment_trimmed, fragment_count } = stated;
    const text = read(`reply/email-reply-parser/${name}`);
    // One fragment only: nothing is to be cut off.
    const expected =
      visible_text ??
      visible_text_trimmed ??
      first_fragment ??
      first_fragment_trimmed ??
      (fragment_count === 1 ? text : undefined);
    if (typeof expected === "string") cases.push({ family: "email-reply-parser", name, input: { text }, expected });
  }
  for (const name of names("reply/email_reply_trimmer").filter((file) => file.endsWith(".txt"))) {
    const { trimmed } = JSON.parse(read(`reply/email_reply_trimmer/${name.replace(/\.txt$/, ".json")}`));
    cases.push({
      family: "email_reply_trimmer",
      name,
      input: { text: read(`reply/email_reply_trimmer/${name}`) },
      expected: trimmed,
    });
  }
  for (const name of names("reply/talon-cases")) {
    const { input, expected_reply, format } = JSON.parse(read(`reply/talon-cases/${name}`));
    const isHtml = format === "html";
    cases.push({
      family: "talon-cases",
      name,
      input: isHtml ? { html: input } : { text: input },
      expected: isHtml ? plainText(expected_reply) : expected_reply,
    });
  }
  for (const [name, stated] of Object.entries(expectedOf(folder, "reply/talon-html"))) {
    cases.push({
      family: "talon-html",
      name,
      input: { html: read(`reply/talon-html/${name}`) },
      expected: String(stated["reply_text_ignoring_whitespace"]),
    });
  }
  for (const [name, stated] of Object.entries(expectedOf(folder, "reply/talon-standard"))) {
    const input = await mailInput(readFileSync(join(folder, "reply/talon-standard", name)));
    cases.push({ family: "talon-standard", name, input, expected: String(stated["reply_text"]) });
  }
  for (const [name, stated] of Object.entries(expectedOf(folder, "ticket/discourse"))) {
    const discourse = stated["discourse"] as { reply_text?: string } | undefined;
    if (discourse?.reply_text === undefined) continue;
    const input = await mailInput(readFileSync(join(folder, "ticket/discourse", name)));
    cases.push({ family: "discourse", name, input, expected: plainMarkdown(discourse.reply_text) });
  }
  for (const name of names("reply/alaveteli-folding").filter((file) => file.endsWith(".txt"))) {
    const { expected } = JSON.parse(read(`reply/alaveteli-folding/${name.replace(/\.txt$/, ".json")}`));
    cases.push({
      family: "alaveteli-folding",
      name,
      input: { text: read(`reply/alaveteli-folding/${name}`) },
      // Alaveteli folds legal notices and quotes in place and keeps what follows: compared is what it leaves unfolded.
      expected: String(expected).replaceAll("FOLDED_QUOTED_SECTION", ""),
    });
  }
  return cases.map((one) => ({ ...one, match: "whole" }));
}

/** White space folded, as the comparison wants it. */
export function folded(text: string): string {
  return text.replace(/[\s\u00a0]+/gu, " ").trim();
}

/** The reply as the case's family defines it: talon takes off quotations only; signatures and forwarded mail stay. */
export function familyText(family: string, reply: Reply): string {
  if (!family.startsWith("talon")) return reply.text;
  return reply.segments
    .filter(({ kind }) => kind !== "quote")
    .map(({ text }) => text)
    .join("");
}

/** Which half a case belongs to: rules were made looking at "dev" only, until the held half had been scored once. */
export function halfOf({ family, name }: Pick<ReplyCase, "family" | "name">): "dev" | "held" {
  return (createHash("sha1").update(`${family}/${name}`).digest()[0] ?? 0) % 2 === 0 ? "dev" : "held";
}

function expectedOf(folder: string, path: string): Record<string, Record<string, unknown>> {
  const file = join(folder, path, "expected.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

async function mailInput(raw: Buffer): Promise<ReplyInput> {
  const { text, html, headers } = await parseMail(raw);
  return { text, html, headers };
}

function plainText(html: string): string {
  return html
    .replace(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

// Discourse keeps markdown, and shows what it cut as a <details> element.
export function plainMarkdown(markdown: string): string {
  return markdown.replace(/<details class='elided'>[\s\S]*?<\/details>/g, "").replace(/\*+(?=\S)|(?<=\S)\*+/g, "");
}

/** Whether a text is what the case expects, white space folded. */
export function matches({ family, expected, match }: ReplyCase, text: string): boolean {
  const [said, wanted] = [text, expected].map((value) => {
    const plain = folded(family === "discourse" ? plainMarkdown(value) : value);
    return match === "letters" ? plain.replaceAll(" ", "") : plain;
  }) as [string, string];
  if (match === "start") return said.startsWith(wanted);
  return match === "end" ? said.endsWith(wanted) : said === wanted;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { verbose: { type: "boolean" }, dev: { type: "boolean" }, held: { type: "boolean" } },
  });
  const place = resolve(positionals[0] ?? join(import.meta.dirname, "../../shared/corpus"));
  const cases = place.endsWith(".json") ? await statedCases(place) : await replyCases(place);
  const rows = new Map<string, { cases: number; strict: number; own: number; empty: number }>();
  const failures: string[] = [];
  for (const one of cases) {
    if (values.dev && halfOf(one) !== "dev") continue;
    if (values.held && halfOf(one) !== "held") continue;
    const row = rows.get(one.family) ?? { cases: 0, strict: 0, own: 0, empty: 0 };
    rows.set(one.family, row);
    const reply = extractFromAny(one.input).reply;
    const expected = folded(one.expected);
    row.cases++;
    const strict = matches(one, reply.text);
    if (strict) row.strict++;
    if (strict || matches(one, familyText(one.family, reply))) row.own++;
    if (folded(reply.text) === "" && expected !== "") row.empty++;
    if (!strict)
      failures.push(
        `--- ${one.family}/${one.name}\n  expected: ${clip(expected)}\n  reply:    ${clip(folded(reply.text))}`,
      );
  }
  const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1).padStart(5)} %`;
  console.log(`${"family".padEnd(22)} cases    strict       own     wrongly empty`);
  for (const [family, { cases, strict, own, empty }] of rows) {
    console.log(
      `${family.padEnd(22)} ${String(cases).padStart(5)}  ${percent(strict, cases)}  ${percent(own, cases)}  ${String(empty).padStart(5)}`,
    );
  }
  if (values.verbose) console.log(`\n${failures.join("\n")}`);
}

function clip(text: string): string {
  return text.length > 600 ? `${text.slice(0, 300)} … ${text.slice(-300)}` : text;
}

if (import.meta.main) await main();
