import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeActiveReceiptRuleSetCommand } from "@aws-sdk/client-ses";
import { findStack } from "../../infra/deploy/deploy-stack.ts";
import { inParallel } from "../../shared/aws/in-parallel.ts";
import { deriveTopology } from "../../shared/config/topology.ts";
import { deadLetterQueues } from "./dead-letters.ts";
import type { OpenStage } from "./open-stage.ts";

export interface StageStatus {
  readonly stage: string;
  readonly accountId: string;
  readonly region: string;
  /** CloudFormation's word. */
  readonly stack: string | null;
  /** Of what is deployed; `here`: of the configuration that was read. */
  readonly configVersion: { readonly deployed: string; readonly here: string };
  /** Whether SES receives by this stage's rules; null where nobody says. */
  readonly active: boolean | null;
  readonly queues: readonly {
    readonly name: string;
    readonly visible: number;
    readonly inFlight: number;
    readonly delayed: number;
    readonly deadLetters: number;
  }[];
  /** Recipients whose work has not ended, `more` where there are more than were counted. */
  readonly unfinished: {
    readonly count: number;
    readonly more: boolean;
    readonly oldest: string | null;
    readonly byState: Readonly<Record<string, number>>;
  };
  readonly held: { readonly count: number; readonly more: boolean };
  /** Alarms that ring, and why; null where nobody says. */
  readonly alarms: readonly { readonly name: string; readonly says: string }[] | null;
}

const most = 1_000;

/** What a stage has to do and what is wrong with it; only reads. */
export async function stageStatus({ session, config, record, ports }: OpenStage): Promise<StageStatus> {
  const prefix = config.ruleSet.name;
  const { queues } = deriveTopology(config);
  const dead = new Map(deadLetterQueues(config).map((queue) => [queue.short, queue]));
  const dlqCount = async (name: string) => {
    const { visible, inFlight } = await ports.queues.counts(name);
    return visible + inFlight;
  };
  const [stack, active, counted, unfinished, held, alarms, asynchronous] = await Promise.all([
    findStack(session.cloudFormation, record.stackName),
    known(async () => {
      const { Metadata } = await session.ses.send(new DescribeActiveReceiptRuleSetCommand({}));
      return Metadata?.Name === record.ruleSet;
    }),
    inParallel(queues, 8, async ({ name, deadLetterQueue }) => ({
      name: name.slice(prefix.length + 1),
      ...(await ports.queues.counts(name)),
      deadLetters: await dlqCount(deadLetterQueue),
    })),
    ports.ledger.unfinished({ olderThan: ports.clock.now(), limit: most }),
    ports.quarantine.list({ limit: most }),
    known(() => ringing(session.clientConfig, prefix)),
    inParallel(
      [...dead.values()].filter(({ source }) => source.kind === "function"),
      4,
      async ({ short, name }) => ({
        name: short,
        visible: 0,
        inFlight: 0,
        delayed: 0,
        deadLetters: await dlqCount(name),
      }),
    ),
  ]);
  const byState: Record<string, number> = {};
  for (const { stream, state } of unfinished) {
    const key = `${stream ?? "none"} ${state}`;
    byState[key] = (byState[key] ?? 0) + 1;
  }
  return {
    stage: record.stage,
    accountId: session.accountId,
    region: session.region,
    stack: stack?.StackStatus ?? null,
    configVersion: { deployed: record.configVersion, here: config.version },
    active,
    queues: [...asynchronous, ...counted],
    unfinished: {
      count: unfinished.length,
      more: unfinished.length === most,
      oldest: unfinished[0]?.receivedAt ?? null,
      byState,
    },
    held: { count: held.length, more: held.length === most },
    alarms,
  };
}

/** Null instead of a failure: no right to ask, or an emulator that has no such thing. */
async function known<Value>(question: () => Promise<Value>): Promise<Value | null> {
  try {
    return await question();
  } catch {
    return null;
  }
}

async function ringing(clientConfig: OpenStage["session"]["clientConfig"], prefix: string) {
  const client = new CloudWatchClient(clientConfig);
  try {
    const found: { name: string; says: string }[] = [];
    let token: string | undefined;
    do {
      const answer = await client.send(
        new DescribeAlarmsCommand({
          AlarmNamePrefix: `${prefix}-`,
          StateValue: "ALARM",
          ...(token !== undefined && { NextToken: token }),
        }),
      );
      for (const { AlarmName = "", AlarmDescription = "" } of answer.MetricAlarms ?? []) {
        found.push({ name: AlarmName, says: AlarmDescription });
      }
      token = answer.NextToken;
    } while (token !== undefined);
    return found;
  } finally {
    client.destroy();
  }
}

/** The same for people. */
export function describeStatus(status: StageStatus): string {
  const { stage, accountId, region, stack, configVersion, active, queues, unfinished, held, alarms } = status;
  const count = ({ count, more }: { readonly count: number; readonly more: boolean }) =>
    `${count}${more ? " or more" : ""}`;
  const lines = [
    `stage ${stage}: account ${accountId}, ${region}; stack ${stack ?? "is not there"}; ${
      active === null
        ? "whether SES receives by it is not known"
        : active
          ? "SES receives by it"
          : "SES does NOT receive by it"
    }`,
    ...(configVersion.deployed === configVersion.here
      ? []
      : [
          `  deployed is configuration ${configVersion.deployed}, here is ${configVersion.here}: mailweir deploy --stage ${stage} --plan`,
        ]),
    `${count(unfinished)} recipients unfinished${unfinished.oldest === null ? "" : `, the oldest since ${unfinished.oldest}`}; ${count(held)} held`,
    ...Object.entries(unfinished.byState).map(([what, many]) => `  ${what}: ${many}`),
    ...queues
      .filter(({ visible, inFlight, delayed, deadLetters }) => visible + inFlight + delayed + deadLetters > 0)
      .map(
        ({ name, visible, inFlight, delayed, deadLetters }) =>
          `  queue ${name}: ${visible} visible, ${inFlight} in flight, ${delayed} delayed${deadLetters > 0 ? `, ${deadLetters} DEAD LETTERS: mailweir redrive --stage ${stage} ${name}` : ""}`,
      ),
    ...(alarms === null ? ["alarms are not known"] : alarms.length === 0 ? ["no alarm"] : []),
    ...(alarms ?? []).map(({ name, says }) => `  ALARM ${name}: ${says}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Something that a person has to look at. */
export function needsSomebody({ stack, active, queues, alarms }: StageStatus): boolean {
  return (
    stack === null || active === false || queues.some(({ deadLetters }) => deadLetters > 0) || (alarms ?? []).length > 0
  );
}
