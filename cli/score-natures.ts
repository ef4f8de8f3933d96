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

/** The report: precision and recall by nature, the confusion table, and how often a machine would have been acted upon. */
export function scoreLabels(
  results: readonly Result[],
  show: { readonly families: boolean; readonly failures: boolean },
): string {
  const count = (test: (result: Result) => boolean) => results.filter(test).length;
  const rows = natures
    .filter((nature) => results.some(({ expected, found }) => expected === nature || found === nature))
    .map((nature) => {
      const right = count(({ expected, found }) => expected === nature && found === nature);
      const labelled = count(({ expected }) => expected === nature);
      const called = count(({ found }) => found === nature);
      return [
        nature,
        `${labelled}`,
        ratio(right, called),
        ratio(right, labelled),
        ...natures.map((other) => `${count(({ expected, found }) => expected === nature && found === other) || "."}`),
      ];
    });
  const head = ["nature", "labels", "precision", "recall", ...natures.map((nature) => `→${nature.slice(0, 11)}`)];
  let out = columns([head, ...rows]);
  const wrong = results.filter(({ expected, found }) => automatic.has(expected) && acting.has(found));
  out += `\nwrong actions (automatic mail that would open a ticket or unsubscribe): ${wrong.length}\n`;
  if (show.families) out += `\n${columns([["family", "labels", "right"], ...families(results)])}`;
  if (show.failures) {
    for (const { path, expected, found, evidence } of results) {
      if (expected !== found)
        out += `${path}: ${expected} taken for ${found} (${evidence.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, 100)})\n`;
    }
  }
  return out;
}

function families(results: readonly Result[]): string[][] {
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
