import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

// How fast `mailweir suppress import` takes a file of addresses, beside what SQLite alone does with rows of the same form, in
// the same transactions and with the same durability; and what memory it takes. One run, one table:
//
//     node bench/import-suppressions.ts [rows]

const rows = Number(process.argv[2] ?? 1_000_000);
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "mailweir-import-"));
try {
  const file = join(folder, "addresses.csv");
  await writeCsv(file);
  const config = join(folder, "mailweir.config.ts");
  await writeFile(
    config,
    `export default ${JSON.stringify({ domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } })};\n`,
  );
  const raw = rawSqlite(join(folder, "raw.sqlite3"));
  const first = await importFile(file, config);
  const again = await importFile(file, config);
  const perSecond = (seconds: number) => Math.round(rows / seconds).toLocaleString("en");
  console.log(`rows: ${rows.toLocaleString("en")}`);
  console.log(
    `raw SQLite, prepared rows, 1,000 a transaction, synchronous = FULL: ${perSecond(raw)} rows/s (${raw.toFixed(1)} s)`,
  );
  console.log(
    `suppress import, new:   ${perSecond(first.seconds)} rows/s (${first.seconds.toFixed(1)} s), peak ${first.peakMb} MB; ${first.summary}`,
  );
  console.log(
    `suppress import, again: ${perSecond(again.seconds)} rows/s (${again.seconds.toFixed(1)} s), peak ${again.peakMb} MB; ${again.summary}`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function writeCsv(file: string): Promise<void> {
  const out = createWriteStream(file);
  out.write("email,list\n");
  for (let row = 0; row < rows; row++) {
    if (!out.write(`person${row}.${(row * 2_654_435_761) % 4_294_967_296}@domain${row % 5000}.example,news\n`))
      await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
}

/** The same columns and key, values made beforehand of the row's number: what is left is SQLite. */
function rawSqlite(file: string): number {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384;
    CREATE TABLE suppressed (person BLOB NOT NULL, list TEXT NOT NULL, address TEXT, reason TEXT NOT NULL, since TEXT NOT NULL,
      until TEXT, evidence TEXT NOT NULL, keep_until INTEGER, PRIMARY KEY (person, list)) WITHOUT ROWID`);
  const insert = database.prepare("INSERT OR IGNORE INTO suppressed VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const key = new Uint8Array(16);
  const view = new DataView(key.buffer);
  const started = performance.now();
  for (let row = 0; row < rows; row++) {
    if (row % 1000 === 0) database.exec("BEGIN IMMEDIATE");
    // Keys lie as far apart as those of a hash.
    view.setUint32(0, Math.imul(row, 2_654_435_761) >>> 0);
    view.setUint32(4, Math.imul(row, 40_503) >>> 0);
    view.setUint32(8, row);
    const address = `person${row}.${(row * 2_654_435_761) % 4_294_967_296}@domain${row % 5000}.example`;
    insert.run(
      key,
      "news",
      address,
      "import",
      "2026-08-04T09:15:02.417Z",
      null,
      '{"note":"imported from addresses.csv"}',
      null,
    );
    if (row % 1000 === 999 || row === rows - 1) database.exec("COMMIT");
  }
  const seconds = (performance.now() - started) / 1000;
  database.close();
  return seconds;
}

async function importFile(file: string, config: string): Promise<{ seconds: number; peakMb: number; summary: string }> {
  const started = performance.now();
  const node = join(root, "node_modules/node/bin/node");
  const args = [
    join(root, "cli/mailweir.mjs"),
    "suppress",
    "import",
    file,
    "--config",
    config,
    "--data",
    join(folder, "data"),
    "--json",
  ];
  const child = spawn(node, args, { stdio: ["ignore", "pipe", "inherit"] });
  let peakKb = 0;
  const watch = setInterval(() => {
    readFile(`/proc/${child.pid}/status`, "utf8").then(
      (status) => {
        peakKb = Math.max(peakKb, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
      },
      () => undefined,
    );
  }, 100);
  let summary = "";
  child.stdout.on("data", (chunk: Buffer) => {
    summary += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(watch);
  if (code !== 0) throw new Error(`the import failed with status ${code}`);
  const { added, known } = JSON.parse(summary) as { added: number; known: number };
  return {
    seconds: (performance.now() - started) / 1000,
    peakMb: Math.round(peakKb / 1024),
    summary: `${added} added, ${known} known`,
  };
}
