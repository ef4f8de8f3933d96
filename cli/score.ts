import type { Command } from "commander";
import type { Nature } from "../shared/mail/judgement.ts";

interface ScoreOptions {
  readonly labels: string;
  readonly headersOnly?: boolean;
  readonly withoutListHeaders?: boolean;
  readonly families?: boolean;
  readonly failures?: boolean;
  readonly half?: string;
  readonly ses?: boolean;
}

export function register(program: Command): void {
  program
    .command("score")
    .description("measure how well mails with known labels are understood: precision, recall, confusion by nature")
    .argument("<folder>", "folder that the paths in the labels are relative to")
    .requiredOption("--labels <file>", "lines of path TAB label: a nature, or personal, autoreply, unsubscribe, spam")
    .option("--headers-only", "judge without the body, as the router does first")
    .option("--without-list-headers", "judge with every List-* and other list header taken away")
    .option("--families", "one line for each folder of mails")
    .option("--failures", "one line for each mail that was misjudged")
    .option("--half <odd|even>", "only every second mail of each folder")
    .option("--ses", "the files were stored by SES: believe their verdicts, and count spam")
    .addHelpText(
      "after",
      `
Example:
  mailweir score corpus --labels corpus/labels.tsv --failures

Spam is left out of every figure: a scanner's verdict decides it, not the nature.`,
    )
    .action(score);
}

async function score(folder: string, options: ScoreOptions): Promise<void> {
  const { readFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const { scoreLabels, readLabels } = await import("./score-natures.ts");
  const { understandMail } = await import("./understand-mail.ts");
  const { removeListHeaders } = await import("./remove-list-headers.ts");
  const { progressBar } = await import("./progress-bar.ts");
  let labels = readLabels(await readFile(options.labels, "utf8")).filter(({ nature }) => nature !== undefined);
  if (options.half) labels = halfOf(labels, options.half === "odd" ? 1 : 0);
  const progress = progressBar();
  const results: { path: string; expected: Nature; found: Nature; evidence: string }[] = [];
  let agree = 0;
  let decided = 0;
  for (const { path, nature } of labels) {
    if (nature === undefined) continue;
    progress.step(path);
    let raw: Uint8Array;
    try {
      raw = await readFile(join(folder, path));
    } catch (error) {
      progress.note(`mailweir: ${path}: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
      continue;
    }
    if (options.withoutListHeaders) raw = removeListHeaders(raw);
    const { judgement, headerJudgement } = await understandMail(raw, { recipients: [], fromSes: options.ses === true });
    const used = options.headersOnly ? headerJudgement : judgement;
    if (headerJudgement.complete) {
      decided++;
      if (headerJudgement.nature.kind === judgement.nature.kind) agree++;
      else if (options.failures)
        process.stdout.write(
          `headers differ from body: ${path}: ${headerJudgement.nature.kind} / ${judgement.nature.kind}\n`,
        );
    }
    results.push({ path, expected: nature, found: used.nature.kind, evidence: used.nature.evidence[0] ?? "" });
  }
  progress.end();
  process.stdout.write(
    scoreLabels(results, { families: options.families === true, failures: options.failures === true }),
  );
  process.stdout.write(
    `\nheaders alone decide ${decided} of ${results.length} (${percent(decided, results.length)}); of those the body agrees with ${agree} (${percent(agree, decided)})\n`,
  );
}

/** Every second mail of each folder, so that rules made on one half can be tried on the other. */
function halfOf<Row extends { readonly path: string }>(rows: readonly Row[], parity: number): Row[] {
  const counts = new Map<string, number>();
  return rows.filter(({ path }) => {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const count = counts.get(folder) ?? 0;
    counts.set(folder, count + 1);
    return count % 2 === parity;
  });
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}
