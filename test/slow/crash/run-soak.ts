import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { soak } from "./soak.ts";

// npm run soak -- --minutes 60: a steady load, and what of the engine grows under it.
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
  },
});
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
