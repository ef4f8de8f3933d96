import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { seeded } from "../seeded.ts";
import { anyBlow, type Blow, runCampaign } from "./campaign.ts";
import { diskShim } from "./disk-shim.ts";

// npm run crash -- --rounds 1000 --seed 1: kills, full and failing disks, one a round, ten rounds on one data folder. What was
// done is kept beside the work folders, so that the same command goes on where it was stopped.
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    folder: { type: "string", default: join(tmpdir(), "mailweir-crash") },
    again: { type: "boolean", default: false },
    sum: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`npm run crash -- [--rounds 200] [--seed 1] [--folder DIR] [--again | --sum]

Kills the engine under load at named steps, at calls of the system and at random times, and lets its disk be full or fail;
then compares what senders got 250 for with what the data folder holds. --again forgets what was done under this seed.
--sum runs nothing, and adds up what was done under all seeds in the folder.`);
  process.exit(0);
}

interface Done {
  readonly campaign: number;
  readonly rounds: number;
  readonly missed: number;
  readonly acknowledged: number;
  readonly stored: number;
  readonly unanswered: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly steps: readonly string[];
  readonly faults: readonly string[];
}

const perCampaign = 10;
const rounds = Number(values.rounds);
const seed = Number(values.seed);
mkdirSync(values.folder, { recursive: true });
const journalOf = (one: number) => join(values.folder, `seed-${one}.jsonl`);
const journal = journalOf(seed);
if (values.sum) {
  const names = readdirSync(values.folder).map((name) => /^seed-(\d+)\.jsonl$/.exec(name)?.[1]);
  const seeds = names.flatMap((number) => (number === undefined ? [] : [Number(number)])).sort((a, b) => a - b);
  tell(
    seeds,
    seeds.flatMap((one) => readJournal(journalOf(one))),
  );
}
if (values.again) rmSync(journal, { force: true });
const done = new Map(readJournal(journal).map((entry) => [entry.campaign, entry]));
if (diskShim() === undefined) console.log("no C compiler: only kills at steps and at random times");
const campaigns = Math.ceil(rounds / perCampaign);
const bar = new SingleBar({ format: "{bar} {value}/{total} rounds | {eta_formatted} left | {faults} faults" });
bar.start(rounds, 0, { faults: 0 });
const steps = new Set<string>();
const progress = () => {
  const all = [...done.values()];
  bar.update(
    Math.min(
      rounds,
      all.reduce((sum, entry) => sum + entry.rounds, 0),
    ),
    {
      faults: all.reduce((sum, entry) => sum + entry.faults.length, 0),
    },
  );
};
for (let campaign = 0; campaign < campaigns; campaign++) {
  for (const step of done.get(campaign)?.steps ?? []) steps.add(step);
  if (!done.has(campaign)) {
    const random = seeded(seed * 100_003 + campaign);
    const known = [...steps].sort();
    const blows: Blow[] = Array.from({ length: Math.min(perCampaign, rounds - campaign * perCampaign) }, () =>
      anyBlow(random, known),
    );
    const folder = join(values.folder, `seed-${seed}-${campaign}`);
    const result = await runCampaign({ folder, seed: seed * 100_003 + campaign, blows, steps });
    const kinds: Record<string, number> = {};
    for (const { kind } of blows) kinds[kind] = (kinds[kind] ?? 0) + 1;
    const { acknowledged, stored, unanswered, faults } = result;
    const entry: Done = {
      ...{ campaign, rounds: blows.length, missed: result.missed.length, acknowledged, stored, unanswered, kinds },
      steps: [...steps].sort(),
      faults,
    };
    done.set(campaign, entry);
    appendFileSync(journal, `${JSON.stringify(entry)}\n`);
    if (faults.length === 0) rmSync(folder, { recursive: true, force: true });
    else
      console.log(
        `\ncampaign ${campaign}: ${JSON.stringify(blows)}\n${faults.slice(0, 20).join("\n")}\nkept: ${folder}`,
      );
  }
  progress();
}
bar.stop();
tell(
  [seed],
  [...done.values()].filter(({ campaign }) => campaign < campaigns),
);

function readJournal(file: string): readonly Done[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Done);
}

/** What `npm run guarantees` reads; ends with 1 when something is wrong. */
function tell(seeds: readonly number[], all: readonly Done[]): never {
  const sum = (of: (entry: Done) => number) => all.reduce((total, entry) => total + of(entry), 0);
  const kinds = all.reduce<Record<string, number>>((counts, entry) => {
    for (const [kind, count] of Object.entries(entry.kinds)) counts[kind] = (counts[kind] ?? 0) + count;
    return counts;
  }, {});
  const faults = sum((entry) => entry.faults.length);
  const steps = new Set(all.flatMap((entry) => entry.steps)).size;
  console.log(
    JSON.stringify(
      {
        ...{
          seeds: seeds.join(", "),
          rounds: sum((entry) => entry.rounds),
          kinds,
          missed: sum((entry) => entry.missed),
        },
        ...{ acknowledged: sum((entry) => entry.acknowledged), stored: sum((entry) => entry.stored) },
        ...{ unanswered: sum((entry) => entry.unanswered), steps, faults },
      },
      null,
      2,
    ),
  );
  process.exit(faults > 0 ? 1 : 0);
}
