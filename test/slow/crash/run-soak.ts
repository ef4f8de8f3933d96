import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { bursts } from "./bursts.ts";
import { soak } from "./soak.ts";

// npm run soak -- --minutes 60: a steady load, and what of the engine grows under it.
// npm run soak -- --bursts 12 --mails 5000: bursts, and what of it has grown at rest.
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    bursts: { type: "string" },
    mails: { type: "string", default: "5000" },
  },
});
if (values.bursts !== undefined) {
  const inMegabytes = (bytes: number) => (bytes / 1_048_576).toFixed(1);
  const { faults } = await bursts({
    bursts: Number(values.bursts),
    mailsPerBurst: Number(values.mails),
    seed: Number(values.seed),
    onRest: ({ mails, aliveBytes, memoryBytes }) =>
      console.log(`${mails} mails: ${inMegabytes(aliveBytes)} MB alive, ${inMegabytes(memoryBytes)} MB resident`),
  });
  for (const fault of faults) console.log(fault);
  process.exit(faults.length > 0 ? 1 : 0);
}
const minutes = Number(values.minutes);
const bar = new SingleBar({
  format:
    "{bar} {percentage}% | {eta_formatted} left | {mails} mails | {memory} MB, {descriptors} descriptors, log {wal} MB",
});
bar.start(minutes * 60, 0, { mails: 0, memory: 0, descriptors: 0, wal: 0 });
const result = await soak({
  minutes,
  mailsPerSecond: Number(values.rate),
  seed: Number(values.seed),
  onSample: ({ atMs, acknowledged, memoryBytes, descriptors, walBytes }) =>
    bar.update(Math.round(atMs / 1_000), {
      mails: acknowledged,
      memory: Math.round(memoryBytes / 1_048_576),
      descriptors,
      wal: Math.round(walBytes / 1_048_576),
    }),
});
bar.stop();
console.log(JSON.stringify({ minutes, ...result }, null, 2));
process.exit(result.faults.length > 0 ? 1 : 0);
