import { type Nature, natures } from "../shared/mail/judgement.ts";

export interface Label {
  readonly path: string;
  /** Undefined for labels that say nothing about the nature, spam for one. */
  readonly nature: Nature | undefined;
}

const names: Readonly<Record<string, Nature>> = {
  personal: "human",
  autoreply: "auto-reply",
  unsubscribe: "unsubscribe-request",
};

/** Reads lines of path TAB label; empty lines and lines that start with "#" are skipped. */
export function readLabels(text: string): Label[] {
  const labels: Label[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [path, label] = line.split("\t");
    if (!path || path.startsWith("#") || label === undefined) continue;
    const name = label.trim();
    labels.push({ path, nature: names[name] ?? natures.find((nature) => nature === name) });
  }
  return labels;
}

export interface Result {
  readonly path: string;
  readonly expected: Nature;
  readonly found: Nature;
  readonly evidence: string;
}

const automatic: ReadonlySet<Nature> = new Set(["bounce", "complaint", "auto-reply", "mdn", "machine"]);
const acting: ReadonlySet<Nature> = new Set(["human", "unsubscribe-request"]);

/** Labels, right answers and answers of each nature that occurs. */
export function countNatures(
  results: readonly Result[],
): { readonly nature: Nature; readonly labelled: number; readonly right: number; readonly called: number }[] {
  return natures
    .map((nature) => ({
      nature,
      labelled: results.filter(({ expected }) => expected === nature).length,
      right: results.filter(({ expected, found }) => expected === nature && found === nature).length,
      called: results.filter(({ found }) => found === nature).length,
    }))
    .filter(({ labelled, called }) => labelled > 0 || called > 0);
}

/** Automatic mail that would have opened a ticket or unsubscribed somebody. */
export function wrongActions(results: readonly Result[]): Result[] {
  return results.filter(({ expected, found }) => automatic.has(expected) && acting.has(found));
}

/** The report: precision and recall by nature, the confusion table, and how often a machine would have been acted upon. */
export function scoreLabels(
  results: readonly Result[],
  show: { readonly families: boolean; readonly failures: boolean },
): string {
  const count = (test: (result: Result) => boolean) => results.filter(test).length;
  const rows = countNatures(results).map(({ nature, labelled, right, called }) => [
    nature,
    `${labelled}`,
    ratio(right, called),
    ratio(right, labelled),
    ...natures.map((other) => `${count(({ expected, found }) => expected === nature && found === other) || "."}`),
  ]);
  const head = ["nature", "labels", "precision", "recall", ...natures.map((nature) => `→${nature.slice(0, 11)}`)];
  let out = columns([head, ...rows]);
  out += `\nwrong actions (automatic mail that would open a ticket or unsubscribe): ${wrongActions(results).length}\n`;
  if (show.families) out += `\n${columns([["family", "labels", "right"], ...families(results)])}`;
  if (show.failures) {
    for (const { path, expected, found, evidence } of results) {
      if (expected !== found)
        out += `${path}: ${expected} taken for ${found} (${evidence.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, 100)})\n`;
    }
  }
  return out;
}

/** One row for each folder and label: name, labels, right. */
export function families(results: readonly Result[]): string[][] {
  const counts = new Map<string, { all: number; right: number }>();
  for (const { path, expected, found } of results) {
    const key = `${path.split("/").slice(0, -1).join("/")} ${expected}`;
    const entry = counts.get(key) ?? { all: 0, right: 0 };
    entry.all++;
    if (expected === found) entry.right++;
    counts.set(key, entry);
  }
  return [...counts].map(([key, { all, right }]) => [key, `${all}`, `${right}`]);
}

function ratio(part: number, whole: number): string {
  return whole === 0 ? "-" : (part / whole).toFixed(3);
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
