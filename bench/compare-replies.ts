import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ReplyInput } from "../shared/mail/reply/extract-reply.ts";
import { extractFromAny } from "../shared/mail/reply/is-forwarded.ts";
import { folded, matches, replyCases, statedCases } from "./score-replies.ts";

/**
 * Weighs the libraries that find the reply in a mail, on the same cases as ours: `node bench/compare-replies.ts [place …]`,
 * places as score-replies takes them. Prints a Markdown table: right / cases by family, and how often a library gave
 * nothing where a text is expected, or threw. The libraries are installed into a temporary folder and deleted afterwards.
 * Those that read only text are given HTML as text (html-to-text); HTML that a library returns is read the same way.
 */

const packages = [
  "email-reply-parser@2.3.9",
  "planer@1.2.0",
  "node-email-reply-parser@0.1.4",
  "talonjs@1.0.28",
  "@u22n/mailtools@0.1.2",
  "emailreplyparser@0.0.5",
  "parse-reply@0.0.4",
  "email-forward-parser@1.8.3",
  // planer wants a document of the caller's; the others a text.
  "jsdom@26.1.0",
  "html-to-text@9.0.5",
] as const;

type Peer = readonly [name: string, reply: (input: ReplyInput) => string | Promise<string>];

/** Installs the libraries and wraps each as a function from a mail to the reply's text. */
async function peersIn(folder: string): Promise<Peer[]> {
  writeFileSync(join(folder, "package.json"), '{"private":true}');
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", ...packages], {
    cwd: folder,
  });
  const load = createRequire(join(folder, "package.json"));
  const readers = load("email-reply-parser") as {
    default: new () => { read(text: string): { getVisibleText(): string } };
  };
  const node = load("node-email-reply-parser") as (text: string) => { getVisibleText(options: object): string };
  const github = load("emailreplyparser") as { EmailReplyParser: { parse_reply(text: string): string } };
  const simple = load("parse-reply") as (text: string) => string;
  const planer = load("planer") as { extractFrom(body: string, type: string, document?: unknown): string };
  const { JSDOM } = load("jsdom") as { JSDOM: new (html: string) => { window: { document: unknown } } };
  const { quotations } = load("talonjs") as {
    quotations: Record<"extractFromPlain" | "extractFromHtml", (body: string) => { body: string }>;
  };
  const forwards = load("email-forward-parser") as { default: new () => ForwardReader };
  const mailtools = (await import(pathToFileURL(join(folder, "node_modules/@u22n/mailtools/dist/index.js")).href)) as {
    parseMessage(html: string, options: object): Promise<{ parsedMessageHtml: string }>;
  };
  const { convert } = load("html-to-text") as { convert(html: string, options: object): string };
  const asText = (html: string) => convert(html, { wordwrap: false });
  const textOf = ({ text, html }: ReplyInput) => (text?.trim() ? text : asText(html ?? ""));
  return [
    ["email-reply-parser 2.3.9", (input) => new readers.default().read(textOf(input)).getVisibleText()],
    [
      "planer 1.2.0",
      ({ text, html }) =>
        text?.trim() || !html
          ? planer.extractFrom(text ?? "", "text/plain")
          : asText(planer.extractFrom(html, "text/html", new JSDOM("").window.document)),
    ],
    ["node-email-reply-parser 0.1.4", (input) => node(textOf(input)).getVisibleText({ aggressive: true })],
    [
      "talonjs 1.0.28",
      ({ text, html }) =>
        text?.trim() || !html
          ? quotations.extractFromPlain(text ?? "").body
          : asText(quotations.extractFromHtml(html).body),
    ],
    [
      "@u22n/mailtools 0.1.2 (HTML only)",
      async ({ text, html }) => {
        if (!html) return text ?? "";
        const options = { cleanQuotations: true, cleanSignatures: true };
        return asText((await mailtools.parseMessage(html, options)).parsedMessageHtml);
      },
    ],
    ["emailreplyparser 0.0.5", (input) => github.EmailReplyParser.parse_reply(textOf(input))],
    ["parse-reply 0.0.4", (input) => simple(textOf(input))],
    [
      "email-forward-parser 1.8.3 (forwards only)",
      (input) => {
        const subject = input.headers?.find(({ name }) => name === "Subject")?.value;
        const found = new forwards.default().read(textOf(input), subject);
        return found.forwarded ? (found.message ?? "") : textOf(input);
      },
    ],
  ];
}

interface ForwardReader {
  read(text: string, subject?: string): { forwarded: boolean; message?: string };
}

const ours: Peer = ["**ours**", (input) => extractFromAny(input).reply.text];

async function main(): Promise<void> {
  const places = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), "mailweir-peers-"));
  try {
    const peers = [...(await peersIn(folder)), ours];
    for (const place of places.length > 0 ? places : [join(import.meta.dirname, "../../shared/corpus")]) {
      const path = resolve(place);
      const cases = path.endsWith(".json") ? await statedCases(path) : await replyCases(path);
      const families = [...new Set(cases.map(({ family }) => family))];
      console.log(`\n| | ${families.join(" | ")} | wrongly empty | threw |`);
      console.log(`|---${"|---".repeat(families.length + 2)}|`);
      for (const [name, reply] of peers) {
        let empty = 0;
        let threw = 0;
        const right = new Map<string, number>();
        for (const one of cases) {
          let text: string | undefined;
          try {
            text = await reply(one.input);
          } catch {
            // Only counted: what a library throws says nothing about the case.
            threw++;
            continue;
          }
          if (matches(one, text)) right.set(one.family, (right.get(one.family) ?? 0) + 1);
          if (folded(text) === "" && folded(one.expected) !== "") empty++;
        }
        const cells = families.map((family) => {
          const count = cases.filter((one) => one.family === family).length;
          return `${right.get(family) ?? 0}/${count}`;
        });
        console.log(`| ${name} | ${cells.join(" | ")} | ${empty} | ${threw} |`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
