import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Finding } from "./measure/findings.ts";
import { send } from "./measure/load.ts";
import { root } from "./measure/peers.ts";
import { workplace } from "./measure/rounds.ts";
import { next, word } from "./measure/seed-messages.ts";
import { startServer } from "./measure/server-process.ts";
import { createSenders, seeded, writeSignedMails } from "./measure/signed-mails.ts";

const recipients = ["support@in.example", "unsubscribe@in.example", "ann@in.example"];

/**
 * The console's questions over HTTP, one after the other, beside many stored messages and while mail flows into the whole engine at
 * half the rate at which the same engine had just taken mail and brought each to its effect.
 */
export async function consoleRow(quick: boolean): Promise<Finding[]> {
  const stored = quick ? 20_000 : 100_000;
  const folder = mkdtempSync(join(tmpdir(), "mailweir-bench-"));
  const senders = createSenders();
  const place = workplace(folder, senders, 0);
  const data = join(place.folder, "data");
  try {
    const filling = spawn(
      process.execPath,
      [join(root, "bench/servers/filled.ts"), place.config, data, String(stored)],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const [status] = (await once(filling, "exit")) as [number | null];
    if (status !== 0) throw new Error(`bench/servers/filled.ts ended with ${status}`);
    const engine = await startServer(process.execPath, [join(root, "bench/servers/engine.ts"), place.config, data]);
    const database = new DatabaseSync(join(data, "mailweir.sqlite3"), { readOnly: true });
    try {
      const ended = database.prepare("SELECT count(*) AS n FROM recipients WHERE open = 0");
      const settled = () => Number(ended.get()?.["n"]);
      const random = seeded(Date.now());
      const mails = join(place.folder, "mails");
      const flow = async (count: number, perSecond?: number) => {
        const before = settled();
        rmSync(mails, { recursive: true, force: true });
        await writeSignedMails(mails, senders, { count, recipients, random });
        return {
          async run() {
            const { startedAt } = await send(engine.port, {
              sessions: 100,
              count,
              bytes: 0,
              mails,
              ...(perSecond !== undefined && { perSecond }),
            });
            for (let waited = 0; settled() < before + count; waited += 20) {
              if (waited > 300_000) throw new Error(`only ${settled() - before} of ${count} mails have ended`);
              await sleep(20);
            }
            return count / ((Date.now() - startedAt) / 1_000);
          },
        };
      };
      const count = quick ? 600 : 1_500;
      await (await flow(count)).run();
      const top = await (await flow(count)).run();
      const steady = await flow(Math.ceil((top / 2) * (quick ? 10 : 40)), top / 2);
      const ask = questions(String(engine.ready["http"]));
      for (const question of Object.values(ask)) await question();
      const times = new Map(Object.keys(ask).map((name) => [name, [] as number[]]));
      let flowing = true;
      const flowed = steady.run().finally(() => {
        flowing = false;
      });
      while (flowing) {
        for (const [name, question] of Object.entries(ask)) {
          const ms = await question();
          if (flowing) times.get(name)?.push(ms);
        }
      }
      const rate = await flowed;
      return [...times].map(([name, samples]) => {
        const sorted = samples.toSorted((a, b) => a - b);
        const at = (share: number) =>
          sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
        return {
          row: "console",
          what: `the console's ${name} with ${stored.toLocaleString("en")} stored messages, while mail flows at half the top rate`,
          against: "–",
          measured: `p95 **${at(0.95).toFixed(0)} ms** (p50 ${at(0.5).toFixed(0)}, longest ${at(1).toFixed(0)})`,
          required: "p95 ≤ 100 ms",
          reached: at(0.95) <= 100,
          details: `${sorted.length} questions; ${rate.toFixed(0)} mails a second to their effect, ${top.toFixed(0)} at most`,
        };
      });
    } finally {
      database.close();
      await engine.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each answers how many milliseconds it took. */
function questions(http: string): Readonly<Record<"list" | "search" | "journey", () => Promise<number>>> {
  let newest = 1;
  let seen: readonly string[] = [];
  const get = async (path: string) => {
    const began = performance.now();
    const response = await fetch(new URL(path, http));
    const text = await response.text();
    const ms = performance.now() - began;
    if (!response.ok) throw new Error(`${path}: ${text}`);
    return { ms, text };
  };
  const list = async (query: Readonly<Record<string, string>>) => {
    const { ms, text } = await get(`/api/messages?${new URLSearchParams({ limit: "50", ...query })}`);
    const { messages } = JSON.parse(text) as { messages: { sesMessageId: string; sequence: number }[] };
    newest = Math.max(newest, ...messages.map(({ sequence }) => sequence));
    if (messages.length > 0) seen = messages.map(({ sesMessageId }) => sesMessageId);
    return ms;
  };
  const either = <T>(...choices: readonly (() => T)[]) => choices[Math.floor(next() * choices.length)] as () => T;
  return {
    list: () =>
      list(
        either<Readonly<Record<string, string>>>(
          () => ({}),
          () => ({ before: String(Math.max(2, Math.floor(next() * newest))) }),
          () => ({ stream: "ticket" }),
        )(),
      ),
    search: () =>
      list({
        q: either(
          word,
          () => `${word()} ${word()}`,
          () => `from:person${Math.floor(5_000 * next())}`,
          () => "is:failed",
        )(),
      }),
    journey: async () => (await get(`/api/messages/${seen[Math.floor(next() * seen.length)]}`)).ms,
  };
}
