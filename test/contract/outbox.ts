import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BounceRequest, Outbox } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { freshId, type Opened, twenty } from "./opened.ts";

export interface OpenedOutbox extends Opened<{ readonly outbox: Outbox }> {
  /** How many bounces left for a message. */
  sent(original: SesMessageId): Promise<number>;
}

/** What bouncing promises: at most one bounce per (SES message id, recipient). */
export function outboxContract(name: string, open: () => Promise<OpenedOutbox>): void {
  describe(`Outbox: ${name}`, () => {
    let opened: OpenedOutbox;
    let outbox: Outbox;
    beforeEach(async () => {
      opened = await open();
      outbox = opened.ports.outbox;
    });
    afterEach(() => opened.close?.());
    const request = (originalMessageId: SesMessageId, ...recipients: readonly string[]): BounceRequest => ({
      originalMessageId,
      bounceSender: "mailer-daemon@in.example",
      recipients: recipients.map((recipient) => ({
        recipient,
        smtpReplyCode: "550",
        statusCode: "5.1.1",
        message: "Mailbox does not exist",
      })),
    });

    test("a bounce is sent and named", async () => {
      const id = freshId();
      const answer = await outbox.sendBounce(request(id, "ann@in.example"));
      expect(answer).toMatchObject({ repeated: false, messageId: expect.stringMatching(/./) });
      expect(await opened.sent(id)).toBe(1);
    });

    test("a second one for the same recipient is not, however the address is written", async () => {
      const id = freshId();
      const { messageId } = await outbox.sendBounce(request(id, "ann@in.example"));
      expect(await outbox.sendBounce(request(id, "Ann@IN.example"))).toEqual({ messageId, repeated: true });
      expect(await opened.sent(id)).toBe(1);
    });

    test("another recipient of the same message gets its own", async () => {
      const id = freshId();
      await outbox.sendBounce(request(id, "ann@in.example"));
      expect(await outbox.sendBounce(request(id, "ann@in.example", "bob@in.example"))).toMatchObject({
        repeated: false,
      });
      expect(await opened.sent(id)).toBe(2);
    });

    test("20 at once send one", async () => {
      const id = freshId();
      const answers = await twenty(() => outbox.sendBounce(request(id, "ann@in.example")));
      expect(answers.filter((answer) => !answer.repeated)).toHaveLength(1);
      expect(new Set(answers.map((answer) => answer.messageId)).size).toBe(1);
      expect(await opened.sent(id)).toBe(1);
    });
  });
}
