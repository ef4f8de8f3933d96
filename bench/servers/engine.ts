/**
 * The whole engine, as `mailweir start` starts it. With `queue` the workers of the streams stay idle and their queues keep
 * what the router sends. `node bench/servers/engine.ts <config> <data> [queue]`
 */
import { startEngine } from "../../local/engine.ts";

const [configPath = "", data = "", until] = process.argv.slice(2);
const engine = await startEngine({
  configPath,
  data,
  smtp: "127.0.0.1:0",
  http: "127.0.0.1:0",
  workers: until !== "queue",
  stderr: "none",
});
process.stdout.write(`${JSON.stringify({ port: Number(engine.smtp.split(":").at(-1)), http: engine.http })}\n`);
