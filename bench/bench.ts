// `npm run bench -- [--quick] [--only accept,queue] [--write] [--json FILE]`: Mailweir beside well-known servers, on this machine, in turns. Prints
// the table of docs/performance.md; --write puts it there. The peers are installed on the way. Exit 1 when a row is not reached.
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { inProcessRows } from "./in-process.ts";
import { type Finding, findingsOf, table } from "./measure/findings.ts";
import { generatorOf } from "./measure/load.ts";
import { installPeers, type Server, versions } from "./measure/peers.ts";
import { spread } from "./measure/ratios.ts";
import { runRow } from "./measure/rounds.ts";
import { smtpRows } from "./rows.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    write: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const page = new URL("../docs/performance.md", import.meta.url);
const begin = "<!-- measured: npm run bench -- --write -->";
const end = "<!-- end of measured -->";
const wanted = values.only?.split(",");
const names = [...smtpRows.map(({ name }) => name), ...Object.keys(inProcessRows)];
const unknown = wanted?.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`no row "${unknown}": there are ${names.join(", ")}`);

installPeers();
const began = performance.now();
const findings: Finding[] = [];
const probes: number[] = [];
for (const each of smtpRows) {
  if (wanted && !wanted.includes(each.name)) continue;
  const row = { ...each, ours: (values.quick ? each.quickly : undefined) ?? each.ours };
  const plan = row.plan(values.quick);
  const servers: Server[] = [row.ours, ...row.goals.map(({ against }) => against)];
  const bar = new SingleBar({
    format: "{row} [{bar}] {value}/{total} {what}",
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 5_000,
  });
  bar.start(1, 0, { row: row.name, what: "" });
  const run = await runRow({ ...plan, servers }, (done, all, what) => {
    bar.setTotal(all);
    bar.update(done, { what });
  });
  bar.stop();
  probes.push(...run.probes);
  findings.push(...findingsOf(row, run));
  console.log(table(findings.filter((finding) => finding.row === row.name)));
}

for (const [name, measure] of Object.entries(inProcessRows)) {
  if (wanted && !wanted.includes(name)) continue;
  process.stderr.write(`${name}\n`);
  findings.push(...(await measure(values.quick)));
  console.log(table(findings.filter((finding) => finding.row === name)));
}

const versionText = Object.entries(versions())
  .map(([name, version]) => `${name} ${version}`)
  .join(", ");
const disk = spread(probes);
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
const text = `${table(findings)}
${versionText}. ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}. Plain mail came from ${generatorOf({})}, signed mail from
${generatorOf({ mails: "" })}. ${probes.length === 0 ? "" : `The disk appended and synced ${disk.median.toFixed(0)} times a second (${disk.min.toFixed(0)} to ${disk.max.toFixed(0)}).`} ${values.quick ? "`--quick`, " : ""}${minutes} minutes.
`;
console.log(text);
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(findings, null, 2));
if (values.write) {
  const before = await readFile(page, "utf8");
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`docs/performance.md lacks "${begin}" or "${end}"`);
  await writeFile(page, `${before.slice(0, from + begin.length)}\n\n${text}\n${before.slice(to)}`);
}
if (findings.some(({ reached }) => reached === false)) process.exitCode = 1;
