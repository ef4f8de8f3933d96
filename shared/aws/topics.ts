import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Topics } from "../ports.ts";
import { call } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";

export function openTopics(connection: Connection): Topics {
  return createTopics(new SNSClient(clientOptions(connection)));
}

/** `Topics` on SNS. */
export function createTopics(client: SNSClient): Topics {
  return {
    async publish(topicArn, { subject, message }) {
      const command = new PublishCommand({
        TopicArn: topicArn,
        Message: message,
        ...(subject !== undefined && { Subject: subject }),
      });
      await call(`SNS Publish ${topicArn}`, () => client.send(command));
    },
  };
}
