import { findTopic, type Topology } from "../../shared/config/topology.ts";
import type { Clock, Random, Topics } from "../../shared/ports.ts";
import { buildSnsEnvelope, buildSnsLambdaEvent } from "../../shared/receipt/sns-envelope.ts";
import type { Database, Transaction } from "./database.ts";
import { UnknownTopicError } from "./errors.ts";
import { functionArn, insertInvocation } from "./invocations.ts";
import { type Sending, uuid } from "./queues.ts";

/** Publishing inside a transaction: a row for every subscription, all or none. */
export interface Publishing {
  /** @throws {UnknownTopicError} */
  publish(tx: Transaction, topicArn: string, notice: { readonly subject?: string; readonly message: string }): void;
}

export function createPublishing(topology: Topology, sending: Sending, clock: Clock, random: Random): Publishing {
  return {
    publish(tx, topicArn, { subject, message }) {
      const topic = findTopic(topology.topics, topicArn);
      if (!topic) throw new UnknownTopicError(topicArn);
      const publishedAt = clock.now();
      const messageId = uuid(random);
      for (const subscription of topic.subscriptions) {
        const subscriber = subscription.kind === "queue" ? subscription.queue : subscription.functionName;
        const delivery = {
          messageId,
          topicArn,
          subscriptionArn: `${topicArn}:${subscriber}`,
          ...(subject !== undefined && { subject }),
          message,
          publishedAt,
        };
        if (subscription.kind === "queue") {
          const body = subscription.rawDelivery ? message : JSON.stringify(buildSnsEnvelope(delivery));
          sending.enqueue(tx, subscription.queue, body);
        } else {
          const payload = JSON.stringify(buildSnsLambdaEvent(delivery));
          insertInvocation(tx, functionArn(topology, subscriber), payload, publishedAt.getTime());
        }
      }
    },
  };
}

export function createTopics(database: Database, publishing: Publishing): Topics {
  return {
    publish: (topicArn, notice) => database.write((tx) => publishing.publish(tx, topicArn, notice)),
  };
}
