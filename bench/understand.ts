// Every score of docs/understanding.md, as Markdown, from one run. `--write` puts it into the page, `--check` fails when the page
// says something else. `--unseen FOLDER --labels FILE` scores another labelled folder instead, without the corpus's oracles.
// Usage: npm run understand -- [--corpus ../shared/corpus] [--write | --check] [--unseen FOLDER --labels FILE] [--failures]
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Judged, judgeLabelled } from "../cli/judge-labelled.ts";
import { countNatures, families, readLabels, wrongActions } from "../cli/score-natures.ts";
import { describeSizes, headerSizes } from "./header-sizes.ts";
import { scoreBounces } from "./score-bounces.ts";

const page = new URL("../docs/understanding.md", import.meta.url);
const begin = "<!-- scores: npm run understand -- --write -->";
const end = "<!-- end of scores -->";

const { values } = parseArgs({
  options: {
    corpus: { type: "string", default: "../shared/corpus" },
    unseen: { type: "string" },
    labels: { type: "string" },
    write: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    failures: { type: "boolean", default: false },
  },
});

if (values.unseen !== undefined) {
  if (values.labels === undefined) throw new Error("--unseen needs --labels FILE");
  console.log(await natureScores(values.unseen, values.labels));
} else {
  const scores = [
    await natureScores(values.corpus, join(values.corpus, "labels.tsv")),
    await bounceScores(values.corpus),
    `### Header sizes\n\nWith SES's own block added: ${describeSizes(headerSizes(values.corpus))}.\n`,
  ].join("\n");
  if (values.write || values.check) await intoPage(scores);
  else console.log(scores);
}

async function natureScores(folder: string, labelFile: string): Promise<string> {
  const labels = readLabels(await readFile(labelFile, "utf8"));
  const whole = await judgeLabelled(folder, labels);
  const bare = await judgeLabelled(folder, labels, { withoutListHeaders: true });
  const first = whole.map((one) => ({ ...one, found: one.headers.found }));
  const decided = whole.filter(({ headers }) => headers.complete);
  const agree = decided.filter(({ headers, found }) => headers.found === found);
  const ratio = (part: number, all: number) => (all === 0 ? "–" : (part / all).toFixed(3));
  const cells = (results: readonly Judged[], nature: string) => {
    const found = countNatures(results).find((row) => row.nature === nature);
    return found ? `${ratio(found.right, found.called)} | ${ratio(found.right, found.labelled)}` : "– | –";
  };
  const rows = countNatures(whole).map(
    ({ nature, labelled }) =>
      `| ${nature} | ${labelled} | ${cells(whole, nature)} | ${cells(first, nature)} | ${cells(bare, nature)} |`,
  );
  const wrong = [...wrongActions(whole), ...wrongActions(bare)];
  const missed = families(whole).filter(([, labelled, right]) => labelled !== right);
  const list = families(whole).map(([name, labelled, right]) => `${name} ${right}/${labelled}`);
  const failed = values.failures
    ? `\n${whole
        .filter(({ expected, found }) => expected !== found)
        .map(({ path, expected, found, evidence }) => `- ${path}: ${expected} taken for ${found} (${evidence})`)
        .join("\n")}\n`
    : "";
  return `### Natures

| Nature | Labels | Precision | Recall | Headers only: precision | recall | Without list headers: precision | recall |
|---|---|---|---|---|---|---|---|
${rows.join("\n")}

Wrong actions (automatic mail that would open a ticket or unsubscribe), list headers kept or not: ${wrong.length}. Headers alone decide ${decided.length} of ${whole.length}
(${((100 * decided.length) / whole.length).toFixed(1)} %); the body agrees with ${agree.length}. Families that are not all right: ${missed.length === 0 ? "none" : missed.map(([name, labelled, right]) => `${name} ${right} of ${labelled}`).join(", ")}.

By family: ${list.join(", ")}.
${failed}`;
}

async function bounceScores(folder: string): Promise<string> {
  const { totals, failures } = await scoreBounces(folder);
  const rows = [...totals].map(
    ([name, { right, all }]) => `| ${name} | ${right} of ${all} | ${((100 * right) / all).toFixed(1)} % |`,
  );
  const shown = values.failures ? `\n${failures.map((line) => `- ${line}`).join("\n")}\n` : "";
  return `### Bounces\n\n| | Right | |\n|---|---|---|\n${rows.join("\n")}\n${shown}`;
}

async function intoPage(scores: string): Promise<void> {
  const text = await readFile(page, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`docs/understanding.md lacks "${begin}" or "${end}"`);
  const updated = `${text.slice(0, from + begin.length)}\n\n${scores}\n${text.slice(to)}`;
  if (values.write) await writeFile(page, updated);
  else if (updated !== text) {
    console.error("docs/understanding.md does not say what was measured: run `npm run understand -- --write`");
    process.exitCode = 1;
  }
}
