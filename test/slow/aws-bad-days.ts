import { expect } from "vitest";
import type { BatchResponse } from "../../functions/batch.ts";
import { deriveTopology } from "../../shared/config/topology.ts";
import { buildSqsEvent } from "../../shared/receipt/sqs-event.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { allTickets, mailsOf } from "../all-tickets.ts";
import { freshAddress } from "../contract/opened.ts";
import type { Events } from "../functions/pipeline.ts";
import type { AwsPipeline } from "./aws-pipeline.ts";
import type { Call, Fault } from "./aws-proxy.ts";
import { seeded } from "./seeded.ts";

const everyone = ["support@example.com", "unsubscribe@example.com", "ann@example.com"];
// As many as a client makes of one call: a fault that lasts is one that the function sees.
const attempts = 4;

type Kind = "throttled" | "denied" | "broken" | "unreachable" | "lost-answer" | "partial" | "stale" | "hangs";
const kinds: readonly Kind[] = [
  "throttled",
  "denied",
  "broken",
  "unreachable",
  "lost-answer",
  "partial",
  "stale",
  "hangs",
];

/**
 * Some mails through the deployed functions while AWS has a bad time; then the weather clears, the bucket's events come, dead
 * letters go back, and each mail must have ended with each effect once.
 */
export async function badDays(aws: AwsPipeline, seed: number, steps: number): Promise<readonly Kind[]> {
  const random = seeded(seed);
  const chance = (of: number) => random() < of;
  const { config, ports, proxy } = aws;
  const { queues } = deriveTopology(config);
  const seen = new Set<Kind>();
  const hung: (() => void)[] = [];
  const zombies: Promise<unknown>[] = [];
  const held: { readonly queue: string; readonly handle: string }[] = [];
  // What is put back with a delay comes at once.
  proxy.rewrite = ({ service, body }) =>
    service === "sqs" ? body.replaceAll(/"DelaySeconds":\d+/g, '"DelaySeconds":0') : body;

  const spoil = (percent: number, whenHung: () => void) => {
    const lasting = new Map<string, { readonly kind: Kind; left: number }>();
    return (call: Call): Fault | undefined => {
      const known = lasting.get(call.operation);
      if (known && known.left > 0) {
        known.left -= 1;
        return faultOf(known.kind, call, whenHung);
      }
      if (!chance(percent)) return undefined;
      const kind = kinds[Math.floor(random() * kinds.length)] ?? "broken";
      if (chance(0.5) && kind !== "hangs") lasting.set(call.operation, { kind, left: attempts - 1 });
      return faultOf(kind, call, whenHung);
    };
  };
  const faultOf = (kind: Kind, { service, operation, body }: Call, whenHung: () => void): Fault | undefined => {
    const isS3 = service === "s3";
    const fault = ((): Fault | undefined => {
      switch (kind) {
        case "throttled":
          return isS3 ? { status: 503, type: "SlowDown" } : { status: 400, type: "ThrottlingException" };
        case "denied":
          return isS3 ? { status: 403, type: "AccessDenied" } : { status: 400, type: "AccessDeniedException" };
        case "broken":
          return { status: 500, type: "InternalServerError" };
        case "partial": {
          if (operation !== "SendMessageBatch") return undefined;
          const { Entries } = JSON.parse(body) as { readonly Entries: readonly { readonly Id: string }[] };
          const Failed = Entries.map(({ Id }) => ({ Id, Code: "InternalError", SenderFault: false }));
          return { status: 200, answer: JSON.stringify({ Successful: [], Failed }) };
        }
        case "stale":
          // Only an index may lag behind.
          if (operation !== "Query" || !body.includes("IndexName")) return undefined;
          return { status: 200, answer: JSON.stringify({ Items: [], Count: 0, ScannedCount: 0 }) };
        case "hangs": {
          const until = new Promise<void>((resolve) => hung.push(resolve));
          whenHung();
          return { until };
        }
        default:
          return kind;
      }
    })();
    if (fault) seen.add(kind);
    return fault;
  };

  const workSpoilt = async () => {
    const working = [];
    for (const queue of queues) {
      if (queue.consumer && (await ports.queues.counts(queue.name)).visible > 0) working.push(queue);
    }
    const queue = working[Math.floor(random() * working.length)];
    if (!queue?.consumer) return;
    const messages = [...(await ports.queues.receive(queue.name, { max: 1 + Math.floor(random() * 10) }))];
    // SQS keeps no order.
    messages.sort(() => random() - 0.5);
    let timeIsUp: () => void = () => undefined;
    const timeOut = new Promise<"timed out">((resolve) => {
      timeIsUp = () => resolve("timed out");
    });
    proxy.fault = spoil([0, 0.1, 0.3][Math.floor(random() * 3)] ?? 0, timeIsUp);
    const arn = `arn:aws:sqs:${config.region}:${config.accountId}:${queue.name}`;
    const answer = aws.call(queue.consumer.functionName, buildSqsEvent(arn, messages)).catch(() => "died" as const);
    const outcome = (await Promise.race([answer, timeOut])) as BatchResponse | "died" | "timed out";
    if (outcome === "timed out") zombies.push(answer);
    const forgotten = typeof outcome === "string" || chance(0.2);
    const failed = new Set(
      forgotten
        ? messages.map(({ messageId }) => messageId)
        : outcome.batchItemFailures.map((one) => one.itemIdentifier),
    );
    for (const { messageId, receiptHandle } of messages) {
      if (failed.has(messageId)) held.push({ queue: queue.name, handle: receiptHandle });
      else await ports.queues.delete(queue.name, [receiptHandle]);
    }
  };
  /** The visibility time-outs pass. */
  const release = async () => {
    for (const { queue, handle } of held.splice(0)) await ports.queues.changeVisibility(queue, handle, 0);
  };
  const settle = async () => {
    for (let received = 1; received > 0; ) {
      received = 0;
      for (const { name } of queues) received += (await aws.work(name)).received;
    }
  };

  const mails: Told[] = [];
  for (let made = 0; made < 4; made++) {
    const from = freshAddress("person");
    const mail = await aws.arrive({ to: everyone, from, headers: { Subject: "Unsubscribe", From: from } });
    const [journalled, notices] = [chance(0.7), Math.floor(random() * 3)];
    if (journalled) await aws.call("journal", mail.lambda);
    for (let sent = 0; sent < notices; sent++) await aws.send(config.names.noticeQueue, mail.notice);
    mails.push({ ...mail, from, isTold: journalled || notices > 0 });
  }
  await ports.queues.send(config.names.streamQueue("ticket"), [{ id: "0", body: "no JSON" }]);
  for (let step = 0; step < steps; step++) {
    await workSpoilt();
    proxy.fault = () => undefined;
    if (chance(0.3)) hung.shift()?.();
    if (chance(0.5)) await release();
  }

  // The weather clears.
  proxy.fault = () => undefined;
  for (const wake of hung.splice(0)) wake();
  await Promise.all(zombies);
  await release();
  for (const { object } of mails) await aws.send(config.names.objectQueue, object);
  await settle();
  let poisoned = 0;
  for (const { name, deadLetterQueue } of queues) {
    for (;;) {
      const letters = await ports.queues.receive(deadLetterQueue, { max: 10 });
      if (letters.length === 0) break;
      for (const { body, receiptHandle } of letters) {
        if (body === "no JSON") poisoned += 1;
        else await ports.queues.send(name, [{ id: "0", body, delaySeconds: 0 }]);
        await ports.queues.delete(deadLetterQueue, [receiptHandle]);
      }
    }
  }
  await settle();
  proxy.rewrite = ({ body }) => body;
  expect(poisoned).toBe(1);
  await expectOnce(aws, mails);
  return [...seen];
}

type Told = Events & { readonly from: string; readonly isTold: boolean };

async function expectOnce(aws: AwsPipeline, mails: readonly Told[]): Promise<void> {
  const { ports, config } = aws;
  const entries = (await allTickets(ports.tickets)).flatMap((ticket) => mailsOf(ticket));
  const suppressions = await ports.suppressions.list({ limit: 1_000 });
  const delivered = await ports.objects.list(config.names.bucket, { prefix: "mailboxes/", limit: 1_000 });
  const changesOf = async (address: string) => {
    const person = suppressions.find((row) => row.address === address)?.person;
    return person === undefined ? [] : ports.suppressions.history(person);
  };
  const counts = async (id: SesMessageId, from: string) => ({
    tickets: entries.filter(({ sesMessageId }) => sesMessageId === id).length,
    suppressed: (await changesOf(from)).map(({ kind, evidence }) => `${kind} by ${evidence.sesMessageId}`),
    delivered: delivered.filter(({ key }) => key.includes(id)).length,
  });
  for (const { id, from, isTold } of mails) {
    const states = await aws.states(id);
    for (const state of Object.values(states)) expect(state).toMatch(/ done (?:ticket-|suppressed|delivered)/);
    // Without notice and journal the header block names one recipient.
    expect(Object.keys(states).sort()).toEqual(isTold ? [...everyone].sort() : everyone.slice(0, 1));
    expect(await counts(id, from)).toEqual({
      tickets: 1,
      suppressed: isTold ? [`suppressed by ${id}`] : [],
      delivered: isTold ? 1 : 0,
    });
  }
}
