import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { diskShim } from "./disk-shim.ts";
import { figures, type Measurements, withFigures } from "./figures.ts";
import { cutsOf, judgeCuts, recordRun, restartBehindCut, syncs } from "./record-run.ts";
import type { SoakResult } from "./soak.ts";

// npm run guarantees: measures what docs/guarantees.md says and writes it there. Parts that were measured lie in the folder
// and are not measured again; --check only compares the page with docs/guarantees.json.
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "220" },
    cuts: { type: "string", default: "300" },
    restarts: { type: "string", default: "10" },
    broken: { type: "string", default: "30" },
    soak: { type: "string", default: "35" },
    rate: { type: "string", default: "8" },
    seed: { type: "string", default: "11" },
    folder: { type: "string", default: join(tmpdir(), "mailweir-guarantees") },
    check: { type: "boolean", default: false },
    render: { type: "boolean", default: false },
  },
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const pageFile = here("../../../docs/guarantees.md");
const dataFile = here("../../../docs/guarantees.json");
const { folder } = values;
const seed = Number(values.seed);

if (!values.check && !values.render) {
  if (diskShim() === undefined) throw new Error("power cuts need Linux and a C compiler (cc)");
  mkdirSync(folder, { recursive: true });
  const measured: Measurements = {
    measuredOn: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`,
    rounds: await kept("rounds", () => {
      program("run.ts", ["--rounds", values.rounds, "--seed", values.seed, "--folder", folder]);
      // With what was done there under other seeds.
      return program("run.ts", ["--sum", "--folder", folder]);
    }),
    powerCut: await kept("power-cut", powerCut),
    soak: soakFigures(
      await kept(`soak-${values.soak}`, () =>
        program("run-soak.ts", ["--minutes", values.soak, "--rate", values.rate]),
      ),
    ),
  };
  writeFileSync(dataFile, `${JSON.stringify(measured, null, 2)}\n`);
}
const page = readFileSync(pageFile, "utf8");
const wanted = withFigures(page, figures(JSON.parse(readFileSync(dataFile, "utf8")) as Measurements));
if (values.check && wanted !== page) {
  console.error("docs/guarantees.md says something else than docs/guarantees.json: npm run guarantees");
  process.exit(1);
}
if (!values.check) writeFileSync(pageFile, wanted);

/** The JSON at the end of what a program prints; kept under its name. */
async function kept<T>(name: string, measure: () => T | Promise<T>): Promise<T> {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(await measure()));
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

function program<T>(name: string, args: readonly string[]): T {
  const { stdout } = spawnSync(process.execPath, [here(name), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const text = stdout.toString();
  const at = text.startsWith("{") ? 0 : text.indexOf("\n{") + 1;
  return JSON.parse(text.slice(at)) as T;
}

async function powerCut(): Promise<Measurements["powerCut"]> {
  const broken = Number(values.broken);
  const run = await recordRun(join(folder, "power"), seed, 240);
  const cuts = await judgeCuts(run, folder, cutsOf(run, seed, Number(values.cuts)));
  for (const fault of cuts.faults.slice(0, 20)) console.error(fault);
  let restartFaults = 0;
  for (const cut of cutsOf(run, seed + 2, Number(values.restarts))) {
    const { faults } = await restartBehindCut(run, join(folder, "again"), cut);
    restartFaults += faults.length;
    for (const fault of faults.slice(0, 20)) console.error(fault);
  }
  const forgotten: Record<string, number> = {};
  for (const [name, ignore] of Object.entries(syncs)) {
    const { faults } = await judgeCuts(run, folder, cutsOf(run, seed + 1, broken), ignore);
    forgotten[name] = new Set(faults.map((fault) => /^cut before call \d+/.exec(fault)?.[0])).size;
  }
  return {
    ...{ seed, calls: run.calls.length, cuts: cuts.cuts, acknowledged: cuts.acknowledged, faults: cuts.faults.length },
    ...{ restarts: Number(values.restarts), restartFaults, forgotten, broken },
  };
}

function soakFigures({ minutes, acknowledged, trends, faults }: SoakResult & { readonly minutes: number }) {
  const growth = Object.fromEntries(Object.entries(trends).map(([name, trend]) => [name, Math.round(trend.growth)]));
  return { minutes, acknowledged, growth, faults: faults.length };
}
