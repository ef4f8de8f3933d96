import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { logger } from "../functions/stack.ts";
import { startEngine } from "../local/engine.ts";
import { openStore } from "../local/store/open-store.ts";
import { deriveLocalTopology } from "../shared/config/local-topology.ts";
import { resolveConfig } from "../shared/config/resolve-config.ts";
import type { MailConfig } from "../shared/config/types.ts";
import { createSesMessageId } from "../shared/ses-message-id.ts";

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

/** The same numbers at every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
const next = random(42);
// Few words are common and most are rare, as in any language (Zipf).
const vocabulary = 20_000;
const word = () => `w${Math.floor(vocabulary ** next()) - 1}`;
const words = (count: number) => Array.from({ length: count }, word).join(" ");

const streams = ["ticket", "ticket", "ticket", "personal", "personal", "auto-reply", "bounce", "quarantine"] as const;
const natures = {
  ticket: "human",
  personal: "human",
  "auto-reply": "auto-reply",
  bounce: "bounce",
  quarantine: "human",
} as const;

async function seed(): Promise<void> {
  const resolved = resolveConfig(config, {});
  const store = await openStore({
    folder: data,
    topology: deriveLocalTopology(resolved),
    clock: { now: () => new Date() },
    random: { bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) },
  });
  const ruleSetSnapshot = await store.engine.snapshotRuleSet(resolved.ruleSet);
  const begin = Date.now() - messages * 1_000;
  const one = async (number: number) => {
    const sesMessageId = createSesMessageId(Uint8Array.from({ length: 24 }, () => Math.floor(next() * 256)));
    const stream = streams[Math.floor(next() * streams.length)] ?? "ticket";
    const recipient = stream === "personal" ? `user${number % 50}@example.com` : "support@example.com";
    const from = `person${Math.floor(next() * 5_000)}@sender${number % 200}.example`;
    const failed = next() < 0.002;
    const receivedAt = new Date(begin + number * 1_000);
    const raw = Buffer.from(
      [
        `From: Person <${from}>`,
        `To: <${recipient}>`,
        `Subject: ${words(6)}`,
        `Message-ID: <${number}@bench.example>`,
        `Date: ${receivedAt.toUTCString().replace("GMT", "+0000")}`,
        "",
        ...Array.from({ length: 20 }, () => words(10)),
        "",
      ].join("\r\n"),
    );
    await store.engine.accept(
      {
        ...{ sesMessageId, receivedAt, from, recipients: [recipient], ruleSetSnapshot, sizeBytes: raw.length },
        client: { ip: "203.0.113.25", helo: "mx.sender.example" },
      },
      { kind: "inline", bytes: raw },
    );
    const verdict = next() < 0.01 ? "FAIL" : "PASS";
    await Promise.all([
      store.engine.recordVerification(sesMessageId, {
        authentication: {
          spf: { result: "pass", domain: "sender.example" },
          dkim: [],
          dmarc: { result: "pass", domain: "sender.example" },
        },
        verdicts: { spf: "PASS", dkim: verdict, dmarc: "PASS", spam: "PASS", virus: "PASS" },
        scanDetail: { spam: "", virus: "" },
        at: receivedAt.toISOString(),
      }),
      store.ports.ledger.decide([
        {
          ...{ sesMessageId, recipient, stream, configVersion: resolved.version, receivedAt: receivedAt.toISOString() },
          nature: { kind: natures[stream], confidence: 1, evidence: ["bench"] },
          ...{ safety: { kind: "clean", reasons: [] }, trust: "aligned", reasons: [`"${stream}" takes ${recipient}`] },
        },
      ]),
      ...resolved.ruleSet.rules.slice(0, 1).flatMap((rule, ruleIndex) =>
        rule.actions.map((action, actionIndex) =>
          store.engine.recordAction(
            sesMessageId,
            {
              ...{ ruleIndex, actionIndex, ruleName: rule.name, actionType: action.type, recipients: [recipient] },
              ...{ state: "done", result: "done", attempts: 1, startedAt: receivedAt.toISOString(), durationMs: 2 },
            },
            [],
          ),
        ),
      ),
    ]);
    const claim = await store.ports.ledger.claim(sesMessageId, recipient);
    if (claim.kind === "claimed") {
      const state = failed ? "failed" : stream === "quarantine" ? "quarantined" : "done";
      await store.ports.ledger.finish(claim.claim, {
        state,
        outcome: state,
        ...(failed && { cause: "the disk was full" }),
      });
    }
    await store.engine.endMessage(sesMessageId, { reason: "the rules have ended", untold: [] });
  };
  const atOnce = 200;
  for (let number = 0; number < messages; number += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, messages - number) }, (_, index) => one(number + index)));
    if (number % 10_000 === 0) process.stderr.write(`seeded ${number}\n`);
  }
  await store.close();
}

const p = (times: readonly number[], share: number) =>
  [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;

try {
  if (!(await stat(join(data, "mailweir.sqlite3")).catch(() => undefined))) await seed();
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
      "search, any word": search(() => `w${Math.floor(vocabulary ** next()) - 1}`),
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
