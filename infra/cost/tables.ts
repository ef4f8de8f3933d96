import {
  type Estimate,
  estimateMail,
  estimateMonth,
  estimateOthers,
  type Stage,
  sharesOf,
  usdOf,
  type Workload,
} from "./estimate.ts";
import { type LimitUse, limitsAt, peakFactor } from "./limits.ts";
import { measured } from "./measured.ts";
import { others, type PriceKey, prices, quotas, type Source } from "./prices.ts";

/** Days of a month, as everywhere in this folder. */
const monthDays = 30;
/** From a hobby to everybody. */
export const volumesPerDay = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/** A table in Markdown, its columns aligned for people: figures to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((title, at) => {
    const cells = rows.map((row) => row[at] ?? "");
    return {
      width: Math.max(3, title.length, ...cells.map((cell) => cell.length)),
      isFigure: at > 0 && cells.every((cell) => /^$|^[<–]|^\d[^a-z]*(?:KB)?$|^by offer$/.test(cell)),
    };
  });
  const line = (cells: readonly string[]) =>
    `| ${columns.map(({ width, isFigure }, at) => (isFigure ? (cells[at] ?? "").padStart(width) : (cells[at] ?? "").padEnd(width))).join(" | ")} |`;
  const rule = `| ${columns.map(({ width, isFigure }) => (isFigure ? `${"-".repeat(width - 1)}:` : "-".repeat(width))).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

export function dollars(usd: number): string {
  if (usd >= 100) return Math.round(usd).toLocaleString("en-US");
  return usd >= 0.1 || usd === 0 ? usd.toFixed(2) : usd.toFixed(4);
}

/** `0.1 – 0.2`, or one figure where both are the same. */
function range(one: number, other: number): string {
  const [low, high] = [dollars(Math.min(one, other)), dollars(Math.max(one, other))];
  return low === high ? high : `${low} – ${high}`;
}

const groups: readonly (readonly [string, readonly PriceKey[]])[] = [
  ["SES", ["ses-received", "ses-chunk", "ses-sent"]],
  ["S3", ["s3-write", "s3-read", "s3-gb-month"]],
  ["SNS", ["sns-publish"]],
  ["SQS", ["sqs-request"]],
  ["Lambda", ["lambda-request", "lambda-gb-second"]],
  ["DynamoDB", ["dynamodb-write", "dynamodb-read", "dynamodb-gb-month"]],
  ["KMS", ["kms-request", "kms-key"]],
  ["CloudWatch", ["logs-gb", "alarm", "metric", "dashboard"]],
  ["Secrets Manager", ["secret"]],
];

/** A thousand mails of each stream, by service. */
export function streamTable(workload: Workload, stage: Stage): string {
  const rows = sharesOf(workload.mix).map(([stream]) => {
    const [full, single] = (["full", "single"] as const).map((batches) =>
      estimateMail(stream, workload, stage, batches),
    ) as [Estimate, Estimate];
    const thousand = (estimate: Estimate, keys: readonly PriceKey[]) => usdOf(estimate, keys) * 1_000;
    return [
      stream,
      ...perMailGroups(workload).map(([, keys]) => range(thousand(full, keys), thousand(single, keys))),
      range(full.usd * 1_000, single.usd * 1_000),
    ];
  });
  return table(["USD for 1,000 mails", ...perMailGroups(workload).map(([name]) => name), "together"], rows);
}

const perMailGroups = ({ encrypt }: Workload) =>
  groups.filter(([name]) => name !== "Secrets Manager" && (encrypt || name !== "KMS"));

/** One mail, as the suite counted it. */
export function countedTable(mix: Workload["mix"]): string {
  const rows = sharesOf(mix).map(([stream]) => {
    const use = measured.streams[stream];
    if (!use) return [stream];
    const { single, full, decrypts } = use;
    const invocations = (of: typeof single) => Object.values(of.invocations).reduce((all, count) => all + count, 0);
    return [
      stream,
      String(single.writeUnits.ledger),
      String(single.writeUnits.store),
      String(single.readUnits),
      `${round(invocations(full))} – ${round(invocations(single))}`,
      String(single.requests.sqs),
      `${single.requests["s3-read"]} + ${single.requests["s3-write"]}`,
      String(decrypts),
      String(single.sends),
      `${round(single.logBytes / 1024)} KB`,
    ];
  });
  const head = [
    "one mail of",
    "ledger write units",
    "store write units",
    "read units",
    "invocations",
    "SQS sends",
    "S3 reads + writes",
    "KMS if encrypted",
    "mails sent",
    "logs",
  ];
  return table(head, rows);
}

const round = (value: number) => String(Math.round(value * 10) / 10);

/** Every line of a month's bill. */
export function billTable(workload: Workload, stage: Stage, freeTier: boolean): string {
  const [full, single] = (["full", "single"] as const).map((batches) =>
    estimateMonth(workload, stage, batches, { freeTier }),
  ) as [Estimate, Estimate];
  const rows = groups.flatMap(([name, keys]) =>
    single.lines
      .filter(({ key }) => keys.includes(key))
      .map(({ key, quantity, usd }) => {
        const other = full.lines.find((line) => line.key === key);
        return [name, prices[key].unit, amounts(other?.quantity ?? 0, quantity), range(other?.usd ?? 0, usd)];
      }),
  );
  return table(["service", "what", "how many", "USD"], [...rows, ["together", "", "", range(full.usd, single.usd)]]);
}

function amounts(one: number, other: number): string {
  // A hundredth is enough of what an estimate cannot know better.
  const text = (value: number) =>
    value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Math.round(value * 100) / 100);
  const [low, high] = [text(Math.min(one, other)), text(Math.max(one, other))];
  return low === high ? high : `${low} – ${high}`;
}

/** Volumes, each with its bill here and elsewhere. */
export function comparisonTable(workload: Omit<Workload, "perMonth">, stage: Stage): string {
  const rows = volumesPerDay.map((perDay) => {
    const load = { ...workload, perMonth: perDay * monthDays };
    const [full, single] = (["full", "single"] as const).map((batches) => estimateMonth(load, stage, batches)) as [
      Estimate,
      Estimate,
    ];
    const free = estimateMonth(load, stage, "full", { freeTier: true });
    return [
      perDay.toLocaleString("en-US"),
      range(full.usd, single.usd),
      dollars(free.usd),
      ...estimateOthers(load.perMonth, full).map(({ usd }) => (usd === undefined ? "by offer" : dollars(usd))),
    ];
  });
  return table(
    [
      "mails a day",
      "Mailweir",
      "within the free tier",
      ...others.map(({ name, replaces }) => (replaces === "everything" ? name : `with ${name}`)),
    ],
    rows,
  );
}

/** Volumes, each with what it uses of every quota, and the first one that it meets. */
export function limitTable(workload: Omit<Workload, "perMonth">, stage: Stage): string {
  const rows = volumesPerDay.map((perDay) => {
    const limits = limitsAt(perDay, workload, stage);
    const byName = new Map(limits.map((limit) => [limit.name, limit]));
    return [
      perDay.toLocaleString("en-US"),
      amounts((perDay / 86_400) * peakFactor, (perDay / 86_400) * peakFactor),
      ...limitColumns.map(([name]) => percent(byName.get(name))),
      firstLimit(limits),
    ];
  });
  return table(["mails a day", "a second at most", ...limitColumns.map(([, title]) => title), "first limit"], rows);
}

const limitColumns: readonly (readonly [LimitUse["name"], string])[] = [
  ["ses-sending", "SES sending"],
  ["s3-prefix", "S3"],
  ["sns-publish", "SNS"],
  ["sqs-in-flight", "SQS"],
  ["worker-concurrency", "own: workerConcurrency"],
  ["lambda-concurrency", "Lambda"],
  ["dynamodb-table", "DynamoDB table"],
  ["dynamodb-shard", "DynamoDB index"],
  ["dynamodb-list", "DynamoDB lists"],
  ["kms", "KMS"],
];

function percent(limit: LimitUse | undefined): string {
  if (!limit || limit.used === 0) return "–";
  const share = (limit.used / limit.limit) * 100;
  return share < 0.1
    ? "<0.1 %"
    : `${share >= 10 ? Math.round(share).toLocaleString("en-US") : Math.round(share * 10) / 10} %`;
}

/** Those that are met, first the one that is met first; without one, the nearest. */
export function firstLimit(limits: readonly LimitUse[]): string {
  const [first] = limits;
  if (!first) return "";
  const title = limitColumns.find(([name]) => name === first.name)?.[1] ?? first.name;
  return first.used > first.limit ? title : `none (${title})`;
}

export function quotaTable(stage: Stage): string {
  const rows = [
    ...Object.entries(quotas).map(([name, { says, limit, remedy, ...source }]) => [
      limitColumns.find(([key]) => key === name)?.[1] ?? name,
      says,
      limit.toLocaleString("en-US"),
      remedy,
      sourceOf(source),
    ]),
    [
      "own: workerConcurrency",
      "invocations that one queue may start at once",
      String(stage.workerConcurrency),
      "raise `aws.workerConcurrency`, up to 1,000",
      "[aws](aws.md#settings)",
    ],
  ];
  return table(["quota", "what", "how much", "when it is met", "from"], rows);
}

export function priceTable(): string {
  const rows = [
    ...Object.entries(prices).map(([key, { usd, per, unit, freePerMonth, ...source }]) => [
      key,
      unit,
      `${usd} for ${per.toLocaleString("en-US")}`,
      freePerMonth === undefined ? "" : freePerMonth.toLocaleString("en-US"),
      sourceOf(source),
    ]),
    ...others.map(({ name, does, monthly, included, perThousand, ...source }) => [
      name,
      does,
      `${monthly} a month with ${included.toLocaleString("en-US")}, then ${perThousand} for 1,000`,
      "",
      sourceOf(source),
    ]),
  ];
  return table(["price", "for", "USD", "always free in a month", "from"], rows);
}

function sourceOf({ published, readIn, asOf }: Source): string {
  return `<${published}>${readIn === undefined ? "" : `, read in: ${readIn}`}, as of ${asOf}`;
}
