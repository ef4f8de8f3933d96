import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Queues, Topics } from "../../shared/ports.ts";
import type { Opened } from "./opened.ts";

export interface OpenedTopics extends Opened<{ readonly topics: Topics; readonly queues: Queues }> {
  /** A topic with the two subscribed queues below. */
  readonly topicArn: string;
  readonly rawQueue: string;
  readonly envelopeQueue: string;
  readonly missingTopicArn: string;
}

/** What publishing promises: every subscription gets the notice, in the shape that it asked for. */
export function topicsContract(name: string, open: () => Promise<OpenedTopics>): void {
  describe(`Topics: ${name}`, () => {
    let opened: OpenedTopics;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close?.());
    const bodies = async (queue: string) =>
      (await opened.ports.queues.receive(queue, { max: 10 })).map((message) => message.body);

    test("a raw subscription gets the message itself, the other one SNS's envelope around it", async () => {
      const message = JSON.stringify({ notificationType: "Received", note: "ü" });
      await opened.ports.topics.publish(opened.topicArn, { subject: "Amazon SES Email Receipt Notification", message });
      expect(await bodies(opened.rawQueue)).toEqual([message]);
      const [envelope] = await bodies(opened.envelopeQueue);
      expect(JSON.parse(envelope ?? "")).toMatchObject({
        Type: "Notification",
        TopicArn: opened.topicArn,
        Subject: "Amazon SES Email Receipt Notification",
        Message: message,
      });
    });

    test("without a subject the envelope has none", async () => {
      await opened.ports.topics.publish(opened.topicArn, { message: "x" });
      expect(JSON.parse((await bodies(opened.envelopeQueue))[0] ?? "")).not.toHaveProperty("Subject");
    });

    test("a topic that does not exist is an error, and nothing is sent", async () => {
      await expect(opened.ports.topics.publish(opened.missingTopicArn, { message: "x" })).rejects.toThrow(
        opened.missingTopicArn,
      );
      expect(await bodies(opened.rawQueue)).toEqual([]);
    });
  });
}
