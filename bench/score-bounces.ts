// How many recipients, statuses and hard/soft decisions of delivery reports are read as the corpus expects them.
// Usage: node bench/score-bounces.ts [corpus folder, default ../shared/corpus] [--odd | --even] [--verbose]
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readDsn } from "../shared/mail/dsn.ts";
import { parseMail } from "../shared/mail/parse-mail.ts";

interface Expected {
  readonly hard_bounce: boolean;
  readonly reason: string;
  readonly reply_code: string;
  readonly status: string;
}

export interface BounceScore {
  readonly totals: ReadonlyMap<string, { readonly right: number; readonly all: number }>;
  /** One line for each report that was misread. */
  readonly failures: readonly string[];
}

/** @param parity - 0 or 1: only every second report */
export async function scoreBounces(folder: string, parity?: 0 | 1): Promise<BounceScore> {
  const totals = new Map<string, { right: number; all: number }>();
  const failures: string[] = [];
  const score = (name: string, right: boolean) => {
    const entry = totals.get(name) ?? { right: 0, all: 0 };
    entry.all++;
    if (right) entry.right++;
    totals.set(name, entry);
  };
  const read = async (path: string) => readDsn(await parseMail(await readFile(join(folder, path))));
  const half = <T>(entries: T[]) => entries.filter((_, index) => parity === undefined || index % 2 === parity);

  const sisimai = JSON.parse(await readFile(join(folder, "dsn/sisimai/expected.json"), "utf8")) as Record<
    string,
    { sisimai: Expected[] }
  >;
  for (const [file, { sisimai: expected }] of half(Object.entries(sisimai))) {
    const found = (await read(`dsn/sisimai/${file}`))?.recipients ?? [];
    score("number of recipients", found.length === expected.length);
    const problems: string[] =
      found.length === expected.length ? [] : [`${found.length} recipients for ${expected.length}`];
    for (const [index, wanted] of expected.entries()) {
      const got = found[index];
      // 5.0.9xx and 4.0.9xx are the source's own codes for "the mail holds none": there only the class can be compared.
      const sameStatus = /\.0\.9\d\d$/.test(wanted.status) || got?.status === wanted.status;
      score("enhanced status", got !== undefined && sameStatus);
      const hard = got?.kind === "hard";
      score("hard or soft", got !== undefined && hard === wanted.hard_bounce);
      if (got && !sameStatus) problems.push(`status ${got.status} for ${wanted.status}`);
      if (got && hard !== wanted.hard_bounce)
        problems.push(
          `${got.kind} ${got.reason} for ${wanted.hard_bounce ? "hard" : "soft"} ${wanted.reason}: ${got.diagnostic?.slice(0, 160)}`,
        );
    }
    if (problems.length > 0) failures.push(`${file}: ${problems.join("; ")}`);
  }

  const mailman = JSON.parse(await readFile(join(folder, "dsn/mailman/expected.json"), "utf8")) as Record<
    string,
    { mailman: { recipients: string[] | null; action: string } }
  >;
  for (const [file, { mailman: expected }] of half(Object.entries(mailman))) {
    const dsn = await read(`dsn/mailman/${file}`);
    const found = (dsn?.recipients ?? []).map(({ address }) => address.toLowerCase()).sort();
    if (expected.recipients === null) {
      const waits = dsn === undefined || dsn.recipients.every(({ kind }) => kind === "delayed" || kind === "delivered");
      score("a delay is no failure", waits);
      if (!waits) failures.push(`${file}: delay read as failure`);
      continue;
    }
    const wanted = expected.recipients.map((address) => address.toLowerCase()).sort();
    const right = JSON.stringify(found) === JSON.stringify(wanted);
    score("recipients by address", right);
    if (!right) failures.push(`${file}: ${found.length} recipients, of ${wanted.length} expected ones`);
  }
  return { totals, failures };
}

if (import.meta.main) {
  const folder = process.argv.slice(2).find((argument) => !argument.startsWith("--")) ?? "../shared/corpus";
  const parity = process.argv.includes("--odd") ? 1 : process.argv.includes("--even") ? 0 : undefined;
  const { totals, failures } = await scoreBounces(folder, parity);
  if (process.argv.includes("--verbose")) for (const line of failures) console.log(line);
  for (const [name, { right, all }] of totals)
    console.log(`${name.padEnd(34)} ${right} of ${all}  ${((100 * right) / all).toFixed(1)} %`);
}
