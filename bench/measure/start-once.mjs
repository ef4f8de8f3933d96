// One cold start: `node bench/measure/start-once.mjs <index.mjs> <event.json>` loads a function, gives it the event, and says the
// processor time of the whole process. Plain JavaScript, so that nothing is compiled but the function.
import { readFileSync } from "node:fs";

const [file, event] = process.argv.slice(2);
const { handler } = await import(file);
const answer = await handler(JSON.parse(readFileSync(event, "utf8")), {
  awsRequestId: "1",
  functionName: "bench",
  functionVersion: "1",
  invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:bench",
  memoryLimitInMB: "512",
  getRemainingTimeInMillis: () => 60_000,
});
const { user, system } = process.cpuUsage();
process.stdout.write(`\n${JSON.stringify({ answered: answer ?? null, cpuMs: (user + system) / 1_000 })}\n`);
process.exit(0);
