import type { Command } from "commander";

interface ScoreOptions {
  readonly labels: string;
  readonly headersOnly?: boolean;
  readonly withoutListHeaders?: boolean;
  readonly families?: boolean;
  readonly failures?: boolean;
  readonly half?: string;
  readonly ses?: boolean;
  readonly json?: boolean;
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
    .option("--json", "one JSON object; the shape is in docs/cli.md")
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
  const { countNatures, scoreLabels, readLabels, wrongActions } = await import("./score-natures.ts");
  const { judgeLabelled } = await import("./judge-labelled.ts");
  const { progressBar } = await import("./progress-bar.ts");
  let labels = readLabels(await readFile(options.labels, "utf8")).filter(({ nature }) => nature !== undefined);
  if (options.half) labels = halfOf(labels, options.half === "odd" ? 1 : 0);
  const progress = progressBar();
  const judged = await judgeLabelled(folder, labels, {
    withoutListHeaders: options.withoutListHeaders === true,
    fromSes: options.ses === true,
    onFile: (path) => progress.step(path),
    onUnreadable: (path, error) => {
      progress.note(`mailweir: ${path}: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    },
  });
  progress.end();
  const decided = judged.filter(({ headers }) => headers.complete);
  const differ = decided.filter(({ headers, found }) => headers.found !== found);
  const results = options.headersOnly ? judged.map((one) => ({ ...one, found: one.headers.found })) : judged;
  if (options.json) {
    const misjudged = results.filter(({ expected, found }) => expected !== found);
    const figures = {
      natures: countNatures(results),
      wrongActions: wrongActions(results).map(({ path }) => path),
      failures: misjudged.map(({ path, expected, found }) => ({ path, expected, found })),
      headersAlone: { decided: decided.length, of: judged.length, bodyAgrees: decided.length - differ.length },
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    return;
  }
  if (options.failures) {
    for (const { path, headers, found } of differ)
      process.stdout.write(`headers differ from body: ${path}: ${headers.found} / ${found}\n`);
  }
  process.stdout.write(
    scoreLabels(results, { families: options.families === true, failures: options.failures === true }),
  );
  const agree = decided.length - differ.length;
  process.stdout.write(
    `\nheaders alone decide ${decided.length} of ${judged.length} (${percent(decided.length, judged.length)}); of those the body agrees with ${agree} (${percent(agree, decided.length)})\n`,
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
