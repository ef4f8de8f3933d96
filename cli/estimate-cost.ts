import { estimateMail, estimateMonth, estimateOthers, sharesOf, type Workload } from "../infra/cost/estimate.ts";
import { limitsAt, peakFactor } from "../infra/cost/limits.ts";
import { measured } from "../infra/cost/measured.ts";
import { assumed, priceRegion, pricesReadOn } from "../infra/cost/prices.ts";
import { stageOf } from "../infra/cost/stage-of.ts";
import {
  billTable,
  comparisonTable,
  countedTable,
  dollars,
  limitTable,
  priceTable,
  quotaTable,
  streamTable,
} from "../infra/cost/tables.ts";
import type { Deployment } from "../infra/deployment.ts";
import { loadDeployment } from "../infra/load-deployment.ts";
import { MailweirError } from "../shared/errors.ts";
import type { CostOptions } from "./cost.ts";

export class WrongMixError extends MailweirError {
  readonly code = "ERR_WRONG_MIX";
  readonly retryable = false;
}

const monthDays = 30;

export async function cost(options: CostOptions): Promise<void> {
  const { perMonth, mix, size, keepMonths, freeTier = false } = options;
  checkMix(mix);
  const deployment = await loadDeployment(options.stage, options.config);
  const stage = stageOf(deployment);
  const encrypt = options.encrypt ?? deployment.config.encrypt;
  const workload: Workload = { perMonth, mix, sizeBytes: size * 1_024, keepMonths, encrypt };
  if (options.document) {
    process.stdout.write(documentTables(workload, deployment));
    return;
  }
  const limits = limitsAt(perMonth / monthDays, workload, stage);
  const [full, single] = (["full", "single"] as const).map((batches) =>
    estimateMonth(workload, stage, batches, { freeTier }),
  ) as [ReturnType<typeof estimateMonth>, ReturnType<typeof estimateMonth>];
  if (options.json) {
    const perMail = Object.fromEntries(
      sharesOf(mix).map(([stream]) => [
        stream,
        {
          usdFrom: estimateMail(stream, workload, stage, "full").usd,
          usdTo: estimateMail(stream, workload, stage, "single").usd,
        },
      ]),
    );
    const others = estimateOthers(perMonth, full).map(({ other, usd }) => ({ name: other.name, usd: usd ?? null }));
    process.stdout.write(
      `${JSON.stringify({ perMonth, region: priceRegion, pricesReadOn, usdFrom: full.usd, usdTo: single.usd, lines: single.lines, perMail, others, limits })}\n`,
    );
    return;
  }
  const [first] = limits;
  process.stdout.write(
    `${perMonth.toLocaleString("en-US")} mails a month of ${size} KB, kept for ${keepMonths} months${encrypt ? ", encrypted" : ""}. ` +
      `Prices of ${priceRegion}, read on ${pricesReadOn}${freeTier ? ", without what is always free" : ""}.\n` +
      (deployment.config.region === priceRegion
        ? ""
        : `The stage is in ${deployment.config.region}, where some prices are higher.\n`) +
      `\n${billTable(workload, stage, freeTier)}\n\n${streamTable(workload, stage)}\n\n` +
      estimateOthers(perMonth, full)
        .map(
          ({ other, usd }) =>
            `${other.name}: ${usd === undefined ? "by offer" : `${dollars(usd)} USD`} (${other.does})\n`,
        )
        .join("") +
      (first
        ? `\nFirst limit: ${first.says}, ${Math.round((first.used / first.limit) * 100)} % of ${first.limit.toLocaleString("en-US")} in the busiest second (${peakFactor} times the average).${first.used > first.limit ? ` To mend it: ${first.remedy}.` : ""}\n`
        : ""),
  );
}

function checkMix(mix: CostOptions["mix"]): void {
  const known = Object.keys(measured.streams);
  for (const [stream, part] of Object.entries(mix)) {
    if (!known.includes(stream)) {
      throw new WrongMixError(
        `--mix: nobody measured the stream "${stream}": give ${known.join(", ")} (a stream of your own costs what auto-reply does, and what its worker asks for)`,
      );
    }
    if (!(part >= 0 && part <= 1e9)) {
      throw new WrongMixError(`--mix: the part of ${stream} is no number from 0 up: write ${stream}=30`);
    }
  }
  if (Object.values(mix).every((part) => part === 0))
    throw new WrongMixError("--mix: every part is 0: give one a part");
}

/** What docs/cost.md has between its marks. */
function documentTables(workload: Workload, deployment: Deployment): string {
  const stage = stageOf(deployment);
  const encrypted = { ...workload, encrypt: true };
  return `${[
    "## What was counted\n",
    countedTable(workload.mix),
    "\n## 1,000 mails, by stream\n",
    streamTable(workload, stage),
    "\n## A million mails a month\n",
    billTable({ ...workload, perMonth: 1_000_000 }, stage, false),
    "\n## From 10 mails a day to 100 million\n",
    comparisonTable(workload, stage),
    "\n## Which limit comes first\n",
    limitTable(encrypted, stage),
    "\n### The quotas\n",
    quotaTable(stage),
    "\n## Prices\n",
    priceTable(),
    "\n## What is assumed\n",
    `Milliseconds that an answer takes: ${Object.entries(assumed.waitMs)
      .map(([service, ms]) => `${service} ${ms}`)
      .join(
        ", ",
      )}; sending a mail ${assumed.sendMs}. An environment that is idle is gone after ten minutes (${assumed.coldStartsPerHour} starts an hour at most).\n` +
      `Lambda polls each queue with ${assumed.pollers} pollers, each for ${assumed.pollSeconds} s, and writes ${assumed.lambdaLogBytes} octets of its own a call.`,
  ].join("\n")}\n`;
}
