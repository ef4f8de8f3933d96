/**
 * The durable half of the engine alone, wired as `local/engine.ts` wires it: everything up to the 250, with nothing that
 * comes behind it. `node bench/servers/accept.ts <config> <data>`
 */
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { openLog } from "../../local/log.ts";
import { pooledRandom } from "../../local/pooled-random.ts";
import { ownCertificate } from "../../local/smtp/certificate.ts";
import { createReception } from "../../local/smtp/reception.ts";
import { startSmtp } from "../../local/smtp/server.ts";
import { openStore } from "../../local/store/open-store.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import { deriveLocalTopology } from "../../shared/config/local-topology.ts";

const [configPath = "", folder = ""] = process.argv.slice(2);
const config = await loadConfig(configPath);
const clock = { now: () => new Date() };
const random = { bytes: pooledRandom() };
const log = openLog(folder, clock.now, { stderr: "none" });
const store = await openStore({
  folder,
  topology: deriveLocalTopology(config),
  clock,
  random,
  ipFilters: config.ipFilters,
  env: process.env,
});
const receiving = { ruleSet: config.ruleSet, verifiedDomains: config.domains, ipFilters: config.ipFilters };
const reception = createReception({
  store: store.engine,
  receiving: () => receiving,
  limits: config.local.limits,
  clock,
  random,
  spoolFolder: store.folder.spool,
  freeDiskBytes: async () => {
    const disk = await statfs(folder);
    return disk.bavail * disk.bsize;
  },
  onAccepted: () => {},
  log,
});
const smtp = await startSmtp({
  listen: { host: "127.0.0.1", port: 0 },
  region: config.region,
  limits: config.local.limits,
  reception,
  certificate: ownCertificate(join(folder, "keys"), {
    names: ["localhost"],
    now: clock.now,
    random: random.bytes,
  }),
  clock,
  log,
});
process.stdout.write(`${JSON.stringify({ port: smtp.address.port })}\n`);
