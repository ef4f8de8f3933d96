/**
 * Fills an empty data folder with messages to look at, and waits until all of them can be found by their words.
 * `node bench/servers/filled.ts <config> <data> <count>`
 */
import { startEngine } from "../../local/engine.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import { seedMessages } from "../measure/seed-messages.ts";

const [configPath = "", data = "", count = "0"] = process.argv.slice(2);
await seedMessages(await loadConfig(configPath), data, Number(count));
const engine = await startEngine({ configPath, data, smtp: "127.0.0.1:0", http: "127.0.0.1:0", stderr: "none" });
await engine.search.caughtUp();
await engine.stop();
