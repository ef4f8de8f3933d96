import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTransport } from "nodemailer";
import { type Browser, chromium } from "playwright-core";
import { freePort, installPeers, listens, peers, root } from "./measure/peers.ts";
import { processTree } from "./measure/process-tree.ts";
import { endProcess, startServer } from "./measure/server-process.ts";

/**
 * The console beside MailDev's: both get the same mails by SMTP, then they take turns at the same questions, and at being opened in
 * Chromium: `node bench/console.ts [messages] [looks]`. `first content` is the browser's own first contentful paint; `first
 * subjects` is when mails can be read in the list.
 */
const messages = Number(process.argv[2] ?? 2_000);
const looks = Number(process.argv[3] ?? 11);

interface Peer {
  readonly name: string;
  readonly pid: number;
  readonly smtp: number;
  readonly http: string;
  readonly list: string;
  readonly search: string;
  /** How many messages it has taken in, so that a search finds all of them. */
  count(): Promise<number>;
  stop(): Promise<void>;
}

const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>;

async function mailweir(folder: string): Promise<Peer> {
  const config = join(folder, "mailweir.config.ts");
  writeFileSync(
    config,
    `export default { domains: ["example.com"], streams: { ticket: { recipients: ["support@example.com"] } } };\n`,
  );
  const running = await startServer(process.execPath, [
    join(root, "bench/servers/engine.ts"),
    config,
    join(folder, "data"),
  ]);
  const http = String(running.ready["http"]);
  return {
    ...{ name: "Mailweir", pid: running.pid, smtp: running.port, http, stop: running.stop },
    list: `${http}/api/messages?limit=50`,
    search: `${http}/api/messages?limit=50&q=umbrella`,
    async count() {
      const { messages: total } = await json(`${http}/api/status`);
      const { notIndexed } = await json(`${http}/api/messages?limit=1&q=umbrella`);
      return Number(total ?? 0) - Number(notIndexed ?? total ?? 0);
    },
  };
}

async function mailDev(folder: string): Promise<Peer> {
  const home = join(folder, "maildev");
  mkdirSync(home);
  const [smtp, web] = [await freePort(), await freePort()];
  const child = spawn(
    process.execPath,
    [
      join(peers, "node_modules/maildev/dist/bin/maildev.js"),
      ...["--ip", "127.0.0.1", "--smtp", String(smtp), "--web-ip", "127.0.0.1", "--web", String(web), "--silent"],
    ],
    { stdio: "ignore", env: { ...process.env, TMPDIR: home } },
  );
  await listens(smtp, "MailDev");
  const http = `http://127.0.0.1:${web}`;
  return {
    ...{ name: "MailDev", pid: child.pid ?? 0, smtp, http, stop: () => endProcess(child) },
    list: `${http}/api/email/summary?limit=50&sort=desc`,
    search: `${http}/api/email/summary?limit=50&sort=desc&search=umbrella`,
    count: async () => Number((await json(`${http}/api/email/summary?limit=1`))["total"]),
  };
}

async function fill({ smtp }: Peer): Promise<void> {
  const transport = createTransport({ host: "127.0.0.1", port: smtp, ignoreTLS: true, pool: true, maxConnections: 10 });
  const one = (number: number) =>
    transport.sendMail({
      ...{ from: "ann@sender.example", to: "support@example.com", subject: `Message ${number}.` },
      text: `${"Some words of a customer, as long as mail usually is.\n".repeat(40)}${number % 50 === 0 ? "umbrella" : ""}`,
    });
  for (let number = 0; number < messages; number += 100) {
    await Promise.all(Array.from({ length: Math.min(100, messages - number) }, (_, index) => one(number + index)));
  }
  transport.close();
}

async function timed(url: string): Promise<number> {
  const from = performance.now();
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok || text.length < 100) throw new Error(`${url}: ${response.status} ${text}`);
  return performance.now() - from;
}

/** Asked within the page, so that the way to it does not count. */
async function open(browser: Browser, { http }: Peer): Promise<{ readonly paint: number; readonly newest: number }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${http}/`, { waitUntil: "commit" });
  const newest = await page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const ask = () => {
          const text = document.body?.innerText ?? "";
          if (/Message \d+\./.test(text)) resolve(performance.now());
          else if (performance.now() > 20_000) reject(new Error(`no mail is shown: ${text.slice(0, 200)}`));
          else requestAnimationFrame(ask);
        };
        ask();
      }),
  );
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
  await context.close();
  return { paint, newest };
}

const p = (times: readonly number[], share: number) =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;

async function memoryMb(pid: number): Promise<number> {
  const sizes = await Promise.all(
    processTree(pid).map((each) => readFile(`/proc/${each}/smaps_rollup`, "utf8").catch(() => "")),
  );
  return sizes.reduce((sum, text) => sum + Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0), 0) / 1_024;
}

installPeers("maildev");
const folder = await mkdtemp(join(tmpdir(), "mailweir-console-"));
const servers: Peer[] = [];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  servers.push(await mailweir(folder), await mailDev(folder));
  for (const server of servers) {
    await fill(server);
    for (let waited = 0; !((await server.count()) >= messages); waited += 250) {
      if (waited > 120_000) throw new Error(`${server.name} holds ${await server.count()} of ${messages} mails`);
      await sleep(250);
    }
  }
  const questions = ["list", "search", "first content", "first subjects"] as const;
  const times = new Map(servers.map((server) => [server, new Map(questions.map((name) => [name, [] as number[]]))]));
  for (let look = 0; look < looks + 1; look++) {
    // In turns, another one first each time; the first round warms up.
    for (const server of look % 2 === 0 ? servers : servers.toReversed()) {
      const note = (name: (typeof questions)[number], ms: number) => look > 0 && times.get(server)?.get(name)?.push(ms);
      for (let run = 0; run < 10; run++) {
        note("list", await timed(server.list));
        note("search", await timed(server.search));
      }
      const { paint, newest } = await open(browser, server);
      note("first content", paint);
      note("first subjects", newest);
    }
  }
  const [ours, theirs] = servers;
  if (!ours || !theirs) throw new Error("nobody was measured");
  console.log(`${messages} mails, ${looks} rounds, ${cpus().length} cores, Node ${process.version}\n`);
  console.log(`| what | ${ours.name}: p50, p95 ms | ${theirs.name}: p50, p95 ms | theirs to ours, p50 |`);
  console.log("| --- | ---: | ---: | ---: |");
  for (const name of questions) {
    const [mine = [], other = []] = [ours, theirs].map((server) => times.get(server)?.get(name) ?? []);
    const say = (each: readonly number[]) => `${p(each, 0.5).toFixed(1)}, ${p(each, 0.95).toFixed(1)}`;
    console.log(`| ${name} | ${say(mine)} | ${say(other)} | ${(p(other, 0.5) / p(mine, 0.5)).toFixed(2)} |`);
  }
  const sizes = await Promise.all(servers.map(({ pid }) => memoryMb(pid)));
  console.log(
    `| memory (PSS), MB | ${sizes[0]?.toFixed(0)} | ${sizes[1]?.toFixed(0)} | ${((sizes[1] ?? 0) / (sizes[0] || 1)).toFixed(2)} |`,
  );
} finally {
  await browser.close();
  for (const server of servers) await server.stop();
  await rm(folder, { recursive: true, force: true });
}
