import { type MailUse, type Measured, measured, type Service } from "./measured.ts";
import { assumed, others, type PriceKey, prices } from "./prices.ts";

export interface Workload {
  /** Mails in 30 days. */
  readonly perMonth: number;
  /** Parts of the traffic by stream; they need not make 1. */
  readonly mix: Readonly<Record<string, number>>;
  readonly sizeBytes: number;
  /** Months for which mail is kept: storage is told as it is from then on. */
  readonly keepMonths: number;
  readonly encrypt: boolean;
}

/** What a stage consists of, whether mail comes or not. */
export interface Stage {
  readonly queues: number;
  readonly alarms: number;
  readonly memoryMb: Readonly<Record<string, number>>;
  /** Invocations that one queue may start at once. */
  readonly workerConcurrency: number;
}

/** `single`: each batch of a queue holds one mail; `full`: ten. The truth is between them. */
export type Batches = "single" | "full";

export type Quantities = Readonly<Partial<Record<PriceKey, number>>>;

export interface Estimate {
  readonly usd: number;
  readonly lines: readonly { readonly key: PriceKey; readonly quantity: number; readonly usd: number }[];
}

export const monthSeconds = 30 * 86_400;
const monthHours = monthSeconds / 3_600;
const gb = 1024 ** 3;
const chunkBytes = 256 * 1024;
/** Memory at which Lambda gives one whole processor. */
const wholeCpuMb = 1_769;

/** Everything in a month, by price. */
export function estimateMonth(
  workload: Workload,
  stage: Stage,
  batches: Batches,
  { freeTier = false, from = measured }: { readonly freeTier?: boolean; readonly from?: Measured } = {},
): Estimate {
  const streams = sharesOf(workload.mix, from).map(([stream, share]) =>
    scaled(mailQuantities(stream, workload, stage, batches, from), workload.perMonth * share),
  );
  const total = sum([...streams, fixedQuantities(workload, stage), pollQuantities(workload, stage, batches, from)]);
  const cold = coldStarts(workload, stage, from, batches);
  return priced(sum([total, cold]), freeTier);
}

/** What one mail of a stream costs, in USD, without what the stage costs by itself. */
export function estimateMail(
  stream: string,
  workload: Workload,
  stage: Stage,
  batches: Batches,
  from: Measured = measured,
): Estimate {
  const receives = receivesOf(useOf(stream, batches, from));
  return priced(sum([mailQuantities(stream, workload, stage, batches, from), { "sqs-request": receives }]), false);
}

/** What others ask for as many mails, or nothing where they publish no price. */
export function estimateOthers(perMonth: number, ours: Estimate) {
  const receiving = usdOf(ours, ["ses-received", "ses-chunk"]);
  return others.map((other) => {
    const { monthly, included, perThousand, upTo = Number.POSITIVE_INFINITY } = other;
    const asked = monthly + (Math.max(0, perMonth - included) / 1_000) * perThousand;
    const rest = other.replaces === "everything" ? 0 : ours.usd - receiving;
    return { other, usd: perMonth > upTo ? undefined : asked + rest };
  });
}

export function usdOf({ lines }: Estimate, keys: readonly PriceKey[]): number {
  return lines.reduce((usd, line) => (keys.includes(line.key) ? usd + line.usd : usd), 0);
}

/** Shares of the known streams, together 1. */
export function sharesOf(mix: Workload["mix"], from: Measured = measured): readonly (readonly [string, number])[] {
  const parts = Object.entries(mix).filter(([stream, part]) => from.streams[stream] && part > 0);
  const whole = parts.reduce((all, [, part]) => all + part, 0);
  return parts.map(([stream, part]) => [stream, part / whole] as const);
}

export function useOf(stream: string, batches: Batches, { streams }: Measured): MailUse {
  const use = streams[stream];
  if (!use) throw new RangeError(`nobody measured the stream "${stream}"`);
  return use[batches];
}

/** Seconds that functions are busy for one mail, by function: its own work at its processor's share, and waiting. */
export function busySeconds(
  stream: string,
  stage: Stage,
  batches: Batches,
  from: Measured = measured,
): Readonly<Record<string, number>> {
  const use = useOf(stream, batches, from);
  // A batch works on its records together: they wait at the same time.
  const together = batches === "full" ? 10 : 1;
  const waits = (Object.entries(use.requests) as [Service, number][]).reduce(
    (ms, [service, count]) => ms + count * assumed.waitMs[service],
    use.sends * assumed.sendMs,
  );
  const names = Object.keys(use.invocations);
  return Object.fromEntries(
    names.map((name) => {
      const own = (from.cpuMs[name]?.warm ?? 0) * Math.max(1, wholeCpuMb / memoryOf(name, stage));
      // Which function waits for which answer is not told apart: each has its part.
      return [name, (own + waits / names.length / (name === "journal" ? 1 : together)) / 1_000];
    }),
  );
}

function mailQuantities(
  stream: string,
  { sizeBytes, keepMonths, encrypt }: Workload,
  stage: Stage,
  batches: Batches,
  from: Measured,
): Quantities {
  const use = useOf(stream, batches, from);
  const invocations = Object.values(use.invocations).reduce((all, count) => all + count, 0);
  const gbSeconds = Object.entries(busySeconds(stream, stage, batches, from)).reduce(
    (all, [name, seconds]) => all + (seconds * memoryOf(name, stage)) / 1_024,
    0,
  );
  return {
    "ses-received": 1,
    "ses-chunk": Math.floor(sizeBytes / chunkBytes),
    "ses-sent": use.sends,
    // SES writes the object; the bucket tells the sweep's queue, and the topic the notice's.
    "s3-write": 1 + use.requests["s3-write"],
    "s3-read": use.requests["s3-read"],
    "s3-gb-month": (sizeBytes * keepMonths) / gb,
    "sns-publish": 1 + use.requests.sns,
    "sqs-request": 2 + use.requests.sqs + receivesOf(use),
    "lambda-request": invocations,
    "lambda-gb-second": gbSeconds,
    "dynamodb-write": use.writeUnits.ledger + use.writeUnits.store,
    "dynamodb-read": use.readUnits,
    "dynamodb-gb-month": (use.tableBytes * Math.min(keepMonths, 13)) / gb,
    "kms-request": encrypt ? 1 + (from.streams[stream]?.decrypts ?? 0) : 0,
    "logs-gb": (use.logBytes + invocations * assumed.lambdaLogBytes) / gb,
  };
}

/** Batches that queues hand out: Lambda receives each and deletes it. `journal` is invoked without a queue. */
function receivesOf({ invocations }: MailUse): number {
  return Object.entries(invocations).reduce((all, [name, count]) => (name === "journal" ? all : all + count), 0);
}

function fixedQuantities({ encrypt, perMonth }: Workload, { alarms }: Stage): Quantities {
  return {
    alarm: alarms,
    dashboard: 1,
    secret: 1,
    metric: (measured.metrics.length * Math.min(monthHours, perMonth)) / monthHours,
    // The notice topic's own data key lives for five minutes.
    ...(encrypt && { "kms-key": 1, "kms-request": Math.min(2 * perMonth, (2 * monthSeconds) / 300) }),
  };
}

/** Lambda asks every queue all the time, whether there is something or not. */
function pollQuantities(workload: Workload, { queues }: Stage, batches: Batches, from: Measured): Quantities {
  const idle = queues * assumed.pollers * (monthSeconds / assumed.pollSeconds);
  const busy = sharesOf(workload.mix, from).reduce(
    (all, [stream, share]) => all + workload.perMonth * share * receivesOf(useOf(stream, batches, from)),
    0,
  );
  return { "sqs-request": Math.max(idle, busy) };
}

/** Environments that start: their load is billed, and counted in a metric each. */
function coldStarts(workload: Workload, stage: Stage, from: Measured, batches: Batches): Quantities {
  const invocations = sum(
    sharesOf(workload.mix, from).map(([stream, share]) =>
      scaled(useOf(stream, batches, from).invocations, workload.perMonth * share),
    ),
  );
  let gbSeconds = 0;
  let metricHours = 0;
  for (const [name, count] of Object.entries(invocations)) {
    const starts = Math.min(count, assumed.coldStartsPerHour * monthHours);
    const memory = memoryOf(name, stage);
    gbSeconds += (starts * (from.cpuMs[name]?.first ?? 0) * Math.max(1, wholeCpuMb / memory) * memory) / 1_024 / 1_000;
    metricHours += Math.min(starts, monthHours);
  }
  return { "lambda-gb-second": gbSeconds, metric: metricHours / monthHours };
}

function priced(quantities: Quantities, freeTier: boolean): Estimate {
  const lines = (Object.entries(quantities) as [PriceKey, number][]).flatMap(([key, quantity]) => {
    const { usd, per, freePerMonth = 0 } = prices[key];
    const billed = freeTier ? Math.max(0, quantity - freePerMonth) : quantity;
    return quantity > 0 ? [{ key, quantity, usd: (billed / per) * usd }] : [];
  });
  return { usd: lines.reduce((all, line) => all + line.usd, 0), lines };
}

const memoryOf = (name: string, { memoryMb }: Stage) => memoryMb[name] ?? 512;

function scaled<Of extends Readonly<Record<string, number>>>(of: Of, times: number): Of {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, value * times])) as Of;
}

function sum<Of extends Readonly<Record<string, number>>>(all: readonly Of[]): Of {
  const total: Record<string, number> = {};
  for (const one of all) for (const [key, value] of Object.entries(one)) total[key] = (total[key] ?? 0) + value;
  return total as Of;
}
