import { readdirSync, readFileSync } from "node:fs";
import { engineReplies } from "../local/smtp/reply-lines.ts";
import { type Certainty, type Choice, choices } from "../shared/receipt/choices.ts";
import { formatReply, replies } from "../shared/receipt/replies.ts";
import { rows } from "../test/local/conformance-rows.ts";
import type { SuiteScore } from "../test/slow/auth-suites.ts";

const certainties: Readonly<Record<Certainty, string>> = {
  proposal: "nobody has published what SES does; this is the specification's proposal",
  "single-sample": "seen once in a real message",
  conflict: "sources contradict each other; this is the side that recordings support",
};

/** The choices as docs/ses-fidelity.md lists them; a test holds the page and the code together. */
export function choiceTable(): string {
  const entries = Object.entries(choices) as [string, Choice][];
  const lines = entries.map(
    ([name, { value, certainty, section, question, code, option }]) =>
      `| \`${name}\` | ${cell(question)} | \`${cell(shown(value))}\` | ${certainty} | ${section} | ${option === undefined ? "" : `\`${option}\`, `}\`${code}\` |`,
  );
  return [
    "| choice | what is not known, and what we do | value | certainty | specification | where to change it |",
    "|---|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}

export function certaintyList(): string {
  const entries = Object.values<Choice>(choices);
  return Object.entries(certainties)
    .map(
      ([name, meaning]) =>
        `- **${name}** (${entries.filter(({ certainty }) => certainty === name).length}): ${meaning}.`,
    )
    .join("\n");
}

const repositoryRoot = new URL("../", import.meta.url);

/** The checklist, each row with the file that holds its test. */
export function rowTable(): string {
  const lines = (Object.keys(rows).map(Number) as (keyof typeof rows)[]).map((number) => {
    const [expected, basis] = rows[number];
    return `| ${number} | ${cell(expected)} | ${basis} | ${rowTests(number)
      .map((file) => `\`${file}\``)
      .join(", ")} |`;
  });
  return ["| row | expected | fixed or choice | test |", "|---|---|---|---|", ...lines].join("\n");
}

/** Test files whose source names the row. */
export function rowTests(number: keyof typeof rows): string[] {
  return ["test/local", "test/slow", "test/slow/waiting"].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, repositoryRoot))
      .filter((file) => file.startsWith("conformance") && file.endsWith(".test.ts"))
      .filter((file) =>
        new RegExp(`\\brow\\(${number}[,)]`).test(readFileSync(new URL(`${folder}/${file}`, repositoryRoot), "utf8")),
      )
      .map((file) => `${folder}/${file}`),
  );
}

export function replyTable(): string {
  const why: Readonly<Record<string, string>> = {
    ok: "seen",
    dataStart: "seen",
    noSuchRecipient: "seen; for no active set and unverified domains a choice",
    clientBlocked: "seen for SES's own list; for own filters a choice",
    noRecipients: "seen",
  };
  const lines = Object.entries({ ...replies, ...engineReplies }).map(
    ([name, reply]) => `| \`${formatReply(reply)}\` | ${why[name] ?? "a choice"} |`,
  );
  return ["| reply | |", "|---|---|", ...lines, "| `250 OK <id>` | seen |"].join("\n");
}

export function scoreTable(scores: readonly SuiteScore[]): string {
  const lines = scores.map(
    ({ suite, agree, total, skipped, disagree }) =>
      `| ${suite} | ${agree} | ${skipped.length} | ${disagree.length} | ${total} |`,
  );
  return ["| suite | agree | skipped | disagree | tests |", "|---|---|---|---|---|", ...lines].join("\n");
}

/** Reasons, with the tests that share one. */
export function skipList(scores: readonly SuiteScore[]): string {
  const skipped = scores.flatMap(({ suite, skipped }) => skipped.map((one) => ({ suite, ...one })));
  const byReason = Map.groupBy(skipped, ({ suite, reason }) => `${suite}: ${reason}`);
  return [...byReason]
    .map(([reason, tests]) => `- ${reason} (${tests.map(({ test }) => `\`${test}\``).join(", ")}).`)
    .join("\n");
}

export function disagreeList(scores: readonly SuiteScore[]): string {
  const wrong = scores.flatMap(({ suite, disagree }) =>
    disagree.map(({ test, expected, got }) => `- ${suite} \`${test}\`: expected ${cell(expected)}, got ${cell(got)}`),
  );
  return wrong.length === 0 ? "No test disagrees." : wrong.join("\n");
}

const shown = (value: unknown) => (typeof value === "string" ? (value === "" ? '""' : value) : JSON.stringify(value));
const cell = (text: string) => text.replaceAll("|", "\\|");
