import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { logger } from "../functions/stack.ts";
import { startEngine } from "../local/engine.ts";
import { resolveConfig } from "../shared/config/resolve-config.ts";
import type { MailConfig } from "../shared/config/types.ts";
import { next, seedMessages, word } from "./measure/seed-messages.ts";

/**
 * How long the console's questions take beside many stored messages, over HTTP, one after the other: the list and its pages
 * to the last, a stream's, searches common and rare, journeys. Usage: `node bench/console-queries.ts [--messages 100000] [--runs 100]
 * [--data folder]` (a folder that is given is kept, and used again when it is there).
 */
const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "100000" },
    runs: { type: "string", default: "100" },
    data: { type: "string" },
  },
});
const messages = Number(values.messages);
const runs = Number(values.runs);

logger.setLogLevel("SILENT");
const own = values.data === undefined ? await mkdtemp(join(tmpdir(), "mailweir-console-queries-")) : undefined;
const data = values.data ?? join(own ?? "", "data");
const config: MailConfig = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    unsubscribe: { recipients: ["unsubscribe@example.com"] },
    personal: { recipients: ["example.com"] },
  },
};

const p = (times: readonly number[], share: number) =>
  [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;

try {
  if (!(await stat(join(data, "mailweir.sqlite3")).catch(() => undefined)))
    await seedMessages(resolveConfig(config, {}), data, messages);
  const engine = await startEngine({ config, data, smtp: "127.0.0.1:0", http: "127.0.0.1:0", stderr: "problems" });
  try {
    const began = Date.now();
    await engine.search.caughtUp();
    process.stderr.write(`index caught up after ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
    const get = async (path: string) => {
      const response = await fetch(new URL(path, engine.http));
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${text}`);
      return JSON.parse(text) as { messages: { sesMessageId: string; sequence: number }[]; next: number | null };
    };
    const newest = (await get("/api/messages?limit=1")).messages[0]?.sequence ?? 1;
    const anywhere = () => Math.max(2, Math.floor(next() * newest));
    const search = (q: () => string) => () => get(`/api/messages?${new URLSearchParams({ q: q(), limit: "50" })}`);
    const questions: Readonly<Record<string, () => Promise<unknown>>> = {
      "list, first page": () => get("/api/messages?limit=50"),
      "list, any page": () => get(`/api/messages?limit=50&before=${anywhere()}`),
      "list, last page": () => get("/api/messages?limit=50&before=51"),
      "stream, any page": () => get(`/api/messages?limit=50&stream=bounce&before=${anywhere()}`),
      "search, common word": search(() => "w1"),
      "search, any word": search(word),
      "search, two words": search(() => `w${Math.floor(100 * next())} w${Math.floor(2_000 * next())}`),
      "search, beginning": search(() => `w1${Math.floor(10 * next())}*`),
      "search, most common beginning": search(() => "w1*"),
      "search, from and subject": search(
        () => `from:person${Math.floor(5_000 * next())} subject:w${Math.floor(50 * next())}`,
      ),
      "search, is:failed": search(() => "is:failed"),
      "search, verdict and stream": search(() => "verdict:dkim=fail stream:quarantine"),
      "search, nature and word": search(() => `nature:bounce w${Math.floor(1_000 * next())}`),
      "search, dates long ago": search(
        () => `before:${new Date(Date.now() - (messages - 500) * 1_000).toISOString().slice(0, 19)} w2`,
      ),
      "search, all but": search(() => "w1 -w2 -stream:ticket"),
      "search, nothing together": search(() => "stream:bounce nature:human"),
      journey: async () => {
        const page = await get(`/api/messages?limit=1&before=${anywhere()}`);
        const [message] = page.messages;
        const from = performance.now();
        await get(`/api/messages/${message?.sesMessageId}`);
        return performance.now() - from;
      },
    };
    process.stdout.write(
      `${messages} messages, ${runs} runs each, one at a time, ${cpus().length} cores, Node ${process.version}\n`,
    );
    process.stdout.write(
      `| question | p50 ms | p95 ms | max ms | CPU of one, ms |\n| --- | ---: | ---: | ---: | ---: |\n`,
    );
    for (const [name, ask] of Object.entries(questions)) {
      await ask();
      const times: number[] = [];
      // Beside other work on the machine the clock says little; this does, with the asking of it.
      const before = process.cpuUsage();
      for (let run = 0; run < runs; run++) {
        const from = performance.now();
        const own = await ask();
        times.push(typeof own === "number" ? own : performance.now() - from);
      }
      const { user, system } = process.cpuUsage(before);
      process.stdout.write(
        `| ${name} | ${p(times, 0.5).toFixed(1)} | ${p(times, 0.95).toFixed(1)} | ${Math.max(...times).toFixed(1)} | ${((user + system) / 1_000 / runs).toFixed(1)} |\n`,
      );
    }
    const sizes = await Promise.all(
      ["mailweir.sqlite3", "search.sqlite3"].map(
        async (name) => `${name} ${Math.round((await stat(join(data, name))).size / 1e6)} MB`,
      ),
    );
    process.stdout.write(
      `${sizes.join(", ")}; load ${(await readFile("/proc/loadavg", "utf8").catch(() => "?")).split(" ").slice(0, 2).join(" ")}\n`,
    );
  } finally {
    await engine.stop();
  }
} finally {
  if (own) await rm(own, { recursive: true, force: true });
}
