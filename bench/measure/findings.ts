import type { SmtpRow } from "../rows.ts";
import { inWords, pairedRatio, spread } from "./ratios.ts";
import type { Measured, RowRun } from "./rounds.ts";

/** One line of the table. */
export interface Finding {
  readonly row: string;
  readonly what: string;
  readonly against: string;
  /** What was measured, and what is asked. */
  readonly measured: string;
  readonly required: string;
  /** `undefined`: could not be measured here. */
  readonly reached: boolean | undefined;
  readonly details: string;
}

export function findingsOf(row: SmtpRow, run: RowRun): Finding[] {
  const ours = run.measured.find(({ server }) => server === row.ours);
  if (!ours) throw new Error(`${row.name}: ours was not measured`);
  return row.goals.map(({ against, rateAtLeast, cpuAtMost, memoryAtMost }): Finding => {
    const named = { row: row.name, what: row.title, against: against.name };
    const theirs = run.measured.find(({ server }) => server === against);
    if (!theirs) {
      const why = run.missing.find(({ server }) => server === against)?.why ?? "";
      return { ...named, measured: "–", required: "", reached: undefined, details: why };
    }
    const rate = pairedRatio(rates(ours), rates(theirs));
    const cpu = pairedRatio(cpus(ours), cpus(theirs));
    const memory = ours.peakBytes / theirs.peakBytes;
    const required = [
      rateAtLeast !== undefined && `rate ≥ ${rateAtLeast}`,
      cpuAtMost !== undefined && `CPU ≤ ${cpuAtMost}`,
      memoryAtMost !== undefined && `memory ≤ ${memoryAtMost}`,
    ].filter((part) => part !== false);
    const reached =
      (rateAtLeast === undefined || rate.median >= rateAtLeast) &&
      (cpuAtMost === undefined || cpu.median <= cpuAtMost) &&
      (memoryAtMost === undefined || memory <= memoryAtMost);
    return {
      ...named,
      measured: `rate ${inWords(rate)}, CPU ${inWords(cpu)}${memoryAtMost === undefined ? "" : `, memory ${memory.toFixed(2)}`}`,
      required: required.join(", "),
      reached,
      details: `${absolute(ours)}; theirs ${absolute(theirs)}`,
    };
  });
}

export function table(findings: readonly Finding[]): string {
  const lines = findings.map(
    ({ row, what, against, measured, required, reached, details }) =>
      `| \`${row}\` ${what} | ${against} | ${measured} | ${required} | ${reached === undefined ? "not measured" : reached ? "yes" : "**no**"} | ${details} |`,
  );
  return `| what | against | measured: median [lowest–highest] of the rounds | required | reached | a second, CPU ms a mail, fsyncs a 1,000 |
|---|---|---|---|---|---|
${lines.join("\n")}
`;
}

const rates = ({ samples }: Measured) => samples.map(({ perSecond }) => perSecond);
const cpus = ({ samples }: Measured) => samples.map(({ cpuPer1000 }) => cpuPer1000);

function absolute(measured: Measured): string {
  const { syncsPer1000, peakBytes } = measured;
  const perSecond = spread(rates(measured)).median;
  const syncs = syncsPer1000 === undefined ? "" : `, ${syncsPer1000.toFixed(0)} fsyncs`;
  return `${perSecond.toFixed(perSecond < 10 ? 2 : 0)}/s, ${spread(cpus(measured)).median.toFixed(2)} ms${syncs}, ${(peakBytes / 1e6).toFixed(0)} MB`;
}
