import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { judge } from "../shared/mail/judge.ts";
import { parseNoticeText } from "../shared/receipt/parse-notice.ts";
import { coldStartRows } from "./cold-start.ts";
import { consoleRow } from "./console-in-flow.ts";
import type { Finding } from "./measure/findings.ts";
import { inWords, pairedRatio, spread } from "./measure/ratios.ts";

/** Rows that take no turns with other servers. */
export const inProcessRows: Readonly<Record<string, (quick: boolean) => Promise<Finding[]> | Finding[]>> = {
  cold: coldStartRows,
  console: consoleRow,
  envelope: envelopeRow,
  judge: judgeRow,
  parse: parseRow,
};

/** What the router does with an event's headers, and the same by way of the whole mail. */
async function judgeRow(quick: boolean): Promise<Finding[]> {
  const { simpleParser } = createRequire(new URL("./peers/package.json", import.meta.url))("mailparser") as {
    simpleParser(raw: Buffer): Promise<{ headerLines: { key: string; line: string }[] }>;
  };
  const text = readFileSync(new URL("../events/notice-s3.json", import.meta.url), "utf8");
  const verdictsOf = () => {
    const [notice] = parseNoticeText(text);
    if (notice?.kind !== "received") throw new Error("events/notice-s3.json is no received mail");
    return notice;
  };
  const known = verdictsOf();
  const header = known.headers.map(({ name, value }) => `${name}: ${value}\r\n`).join("");
  const body = `Hello,\r\n\r\n${"Where is my order? It was promised for last week.\r\n".repeat(80)}\r\nRegards\r\n`;
  const raw = Buffer.from(`${header}\r\n${body}`);
  const common = { headersTruncated: false, envelopeFrom: known.source, recipients: known.recipients };
  const ours = () => {
    const { headers, headersTruncated, source, recipients, verdicts } = verdictsOf();
    return judge({ headers, headersTruncated, envelopeFrom: source, recipients, verdicts }).nature.kind;
  };
  const theirs = async () => {
    const { headerLines } = await simpleParser(raw);
    const headers = headerLines.map(({ line }) => {
      const colon = line.indexOf(":");
      return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
    });
    return judge({ ...common, headers, verdicts: known.verdicts }).nature.kind;
  };
  if (ours() !== (await theirs())) throw new Error("both ways must judge alike");
  const rounds = quick ? 5 : 9;
  // As long a turn for both, about: in 2,000 mails of 15 µs the engine has hardly begun to compile.
  const counts = { ours: quick ? 20_000 : 30_000, theirs: quick ? 1_500 : 2_000 };
  const times = { ours: [] as number[], theirs: [] as number[] };
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round <= rounds; round += 1) {
    const turn: readonly (readonly ["ours" | "theirs", () => unknown])[] = [
      ["ours", ours],
      ["theirs", theirs],
    ];
    for (const [name, run] of round % 2 === 0 ? turn : turn.toReversed()) {
      // Whoever made garbage pays for it: the other one's is not collected in this turn.
      collect();
      const began = process.cpuUsage();
      // The first round warms up, and is longer.
      for (let number = 0; number < counts[name] * (round === 0 ? 2 : 1); number += 1) await run();
      const { user, system } = process.cpuUsage(began);
      if (round > 0) times[name].push((user + system) / 1_000 / counts[name]);
    }
  }
  const rate = pairedRatio(times.theirs, times.ours);
  return [
    {
      row: "judge",
      what: "judging a mail from its event, 4 KB",
      against: "the same through mailparser's simpleParser",
      measured: `CPU of theirs to ours ${inWords(rate)}`,
      required: "≥ 25",
      reached: rate.median >= 25,
      details: `${spread(times.ours).median.toFixed(3)} ms; theirs ${spread(times.theirs).median.toFixed(3)} ms`,
    },
  ];
}

/** The table of `bench/encryption.ts`, of which one line is asked for. In a process of its own, so that nobody else's garbage is in it. */
function envelopeRow(quick: boolean): Finding[] {
  const script = fileURLToPath(new URL("./encryption.ts", import.meta.url));
  const text = execFileSync(process.execPath, ["--expose-gc", script, "40", quick ? "7" : "15", "json"], {
    encoding: "utf8",
  });
  const times = JSON.parse(text.trim().split("\n").at(-1) ?? "{}") as Readonly<Record<string, number[]>>;
  const ours = times["decrypt: openEnvelope, from a stream"] ?? [];
  const theirs = times["decrypt: calls of 64 KB"] ?? [];
  const rate = pairedRatio(theirs, ours);
  return [
    {
      row: "envelope",
      what: "a KMS envelope of 40 MB opened, authenticated before its first octet is used",
      against: "node:crypto in 64 KB chunks, used before they are authenticated",
      measured: `rate ${inWords(rate)}`,
      required: "rate ≥ 0.5",
      reached: rate.median >= 0.5,
      details: `${spread(ours).median.toFixed(1)} ms; theirs ${spread(theirs).median.toFixed(1)} ms`,
    },
  ];
}

/** Each in a new process each time: a Lambda function or a worker meets such a mail cold. */
function parseRow(quick: boolean): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), "mailweir-bench-"));
  const file = join(folder, "mail.eml");
  const script = fileURLToPath(new URL("./measure/parse-once.ts", import.meta.url));
  try {
    writeLargeMail(file);
    const readers = ["ours", "simple", "stream"] as const;
    const samples = new Map(readers.map((name) => [name, { ms: [] as number[], grownMb: [] as number[] }]));
    let sums: string | undefined;
    for (let round = 0; round < (quick ? 3 : 9); round += 1) {
      for (let turn = 0; turn < readers.length; turn += 1) {
        const name = readers[(turn + round) % readers.length] ?? "ours";
        const line = execFileSync(process.execPath, [...flagsOf(name), script, name, file], { encoding: "utf8" });
        const result = JSON.parse(line) as { ms: number; grownMb: number; sums: string[] };
        sums ??= result.sums.join();
        if (result.sums.length !== 1 || result.sums.join() !== sums) throw new Error(`${name} read another attachment`);
        samples.get(name)?.ms.push(result.ms);
        samples.get(name)?.grownMb.push(result.grownMb);
      }
    }
    const ours = samples.get("ours");
    return (
      [
        ["simple", "simpleParser, from a stream", 1.5],
        ["stream", "MailParser stream", 0.9],
      ] as const
    ).map(([name, against, atLeast]) => {
      const theirs = samples.get(name);
      const rate = pairedRatio(theirs?.ms ?? [], ours?.ms ?? []);
      const grown = spread(ours?.grownMb ?? []).median;
      return {
        row: "parse",
        what: "a 40 MB mail parsed, attachment decoded and hashed, first mail of a process",
        against,
        measured: `rate ${inWords(rate)}, memory +${grown.toFixed(0)} MB`,
        required: `rate ≥ ${atLeast}, memory ≤ +40 MB`,
        reached: rate.median >= atLeast && grown <= 40,
        details: `${spread(ours?.ms ?? []).median.toFixed(0)} ms; theirs ${spread(theirs?.ms ?? []).median.toFixed(0)} ms, +${spread(theirs?.grownMb ?? []).median.toFixed(0)} MB`,
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ours as `mailweir start` runs it. */
const flagsOf = (name: string) => (name === "ours" ? ["--semi-space-growth-factor=1"] : []);

function writeLargeMail(file: string): void {
  const out = openSync(file, "w");
  writeSync(
    out,
    'From: <a@client.example>\r\nTo: <user@in.example>\r\nSubject: plans\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThe plans.\r\n--b\r\nContent-Type: application/pdf; name="plans.pdf"\r\nContent-Disposition: attachment; filename="plans.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n',
  );
  for (let written = 0; written < 40_000_000; ) {
    const lines = randomBytes(57 * 1_000)
      .toString("base64")
      .replace(/.{76}/g, "$&\r\n");
    written += writeSync(out, lines);
  }
  writeSync(out, "--b--\r\n");
  closeSync(out);
}
