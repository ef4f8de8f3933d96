import { resolveConfig } from "../../../shared/config/resolve-config.ts";

/** What `npm run guarantees` measured, as it is kept in docs/guarantees.json. */
export interface Measurements {
  /** ISO 8601 day. */
  readonly measuredOn: string;
  readonly machine: string;
  readonly rounds: {
    /** Separated by commas. */
    readonly seeds: string;
    readonly rounds: number;
    readonly kinds: Readonly<Record<string, number>>;
    readonly missed: number;
    readonly acknowledged: number;
    readonly stored: number;
    readonly unanswered: number;
    readonly steps: number;
    readonly faults: number;
  };
  readonly powerCut: {
    readonly seed: number;
    readonly calls: number;
    readonly cuts: number;
    readonly acknowledged: number;
    readonly faults: number;
    readonly restarts: number;
    readonly restartFaults: number;
    /** By the name of the sync that is forgotten: in how many of `broken` cuts a broken promise was found. */
    readonly forgotten: Readonly<Record<string, number>>;
    readonly broken: number;
  };
  readonly soak: {
    readonly minutes: number;
    readonly acknowledged: number;
    readonly growth: Readonly<Record<string, number>>;
    readonly faults: number;
  };
}

export const begin = "<!-- figures: npm run guarantees -->";
export const end = "<!-- end of figures -->";

/** The page's figures, from the measurements and from the defaults in the code. */
export function figures({ measuredOn, machine, rounds, powerCut, soak }: Measurements): string {
  const number = (value: number) => value.toLocaleString("en");
  const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MB`;
  const { limits } = resolveConfig({
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
  }).local;
  const { growth } = soak;
  return `Measured on ${measuredOn} (${machine}).

| What was done | How much | Lost, doubled, stuck or broken |
|---|---|---|
| Rounds of the outside harness: a life of the engine under load, ended by a blow (${rounds.seeds.includes(",") ? "seeds" : "seed"} ${rounds.seeds}) | ${number(rounds.rounds)}: ${Object.entries(
    rounds.kinds,
  )
    .map(([kind, count]) => `${count} × ${kinds[kind] ?? kind}`)
    .join(", ")} | **${rounds.faults}** |
| … in which senders heard 250 | ${number(rounds.acknowledged)} times; ${number(rounds.unanswered)} times they heard nothing and sent again; ${number(rounds.stored)} messages stored | |
| … whose blow found its place not reached, and fell by time instead | ${number(rounds.missed)} | |
| Named steps that the blows chose from | ${number(rounds.steps)} | |
| Power cuts, rebuilt from a record of ${number(powerCut.calls)} calls (seed ${powerCut.seed}) | ${number(powerCut.cuts)} cuts; ${number(powerCut.acknowledged)} times an acknowledged mail was looked for | **${powerCut.faults}** |
| … after which the engine was started again and finished | ${number(powerCut.restarts)} | **${powerCut.restartFaults}** |
| Steady load | ${number(soak.minutes)} minutes, ${number(soak.acknowledged)} mails | **${soak.faults}** |

Growth over the steady part of that load, by trend: resident memory ${megabytes(growth["memoryBytes"] ?? 0)}, alive memory ${megabytes(growth["aliveBytes"] ?? 0)}, write-ahead
log ${megabytes(growth["walBytes"] ?? 0)}, descriptors ${Math.round(growth["descriptors"] ?? 0)}, files in the spool ${Math.round(growth["spoolFiles"] ?? 0)}, threads ${Math.round(growth["threads"] ?? 0)}.

| A sync that is forgotten on purpose | Cuts in which that was found, of ${powerCut.broken} |
|---|---|
${Object.entries(powerCut.forgotten)
  .map(([name, found]) => `| ${name} | ${found} |`)
  .join("\n")}

Defaults of the bounds: ${number(limits.connections)} connections, ${number(limits.unfinished)} unfinished messages, ${megabytes(limits.messageBytes)} a message, ${number(limits.recipients)} recipients a message,
${megabytes(limits.freeDiskBytes)} of the disk stay free, ${limits.workers} worker threads of ${limits.workerHeapMb} MB heap.`;
}

const kinds: Readonly<Record<string, string>> = {
  time: "SIGKILL at a random time",
  step: "SIGKILL at a named step",
  call: "SIGKILL at a call of the system",
  disk: "a full or failing disk",
  stop: "asked to stop",
};

/** The page with other figures in it. @throws when the marks are missing */
export function withFigures(page: string, text: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/guarantees.md lacks "${begin}" or "${end}"`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}
