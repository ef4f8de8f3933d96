import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BounceRequest, Outbox, OutgoingMail } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { freshId, type Opened, twenty } from "./opened.ts";

export interface OpenedOutbox extends Opened<{ readonly outbox: Outbox }> {
  /** How many bounces left for a message. */
  sent(original: SesMessageId): Promise<number>;
  /** The mails, other than bounces, that were handed on or wait to be, with this text in them. */
  mails(
    text: string,
  ): Promise<
    readonly { readonly envelopeSender: string; readonly recipients: readonly string[]; readonly raw: string }[]
  >;
}

/** At most one bounce per (SES message id, recipient); any other mail once per id. */
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

    const mail = (id: string, more: Partial<OutgoingMail> = {}): OutgoingMail => ({
      id,
      kind: "reply",
      envelopeSender: "",
      recipients: ["ann@sender.example"],
      raw: Buffer.from(
        `From: support@in.example\r\nTo: ann@sender.example\r\nMessage-ID: <${id.replaceAll("/", ".")}@in.example>\r\nSubject: ${id}\r\n\r\nText \u00e9\r\n.\r\n`,
      ),
      ...more,
    });

    test("a mail is taken as it is, to all its recipients", async () => {
      const id = `${freshId()}/ack`;
      const recipients = ["ann@sender.example", "bob@sender.example"];
      const answer = await outbox.sendMail(mail(id, { envelopeSender: "bounces+1@in.example", recipients }));
      expect(answer).toEqual({ messageId: expect.stringMatching(/^[^<>\s]+$/), repeated: false });
      const [taken, ...more] = await opened.mails(id);
      expect(more).toEqual([]);
      expect(taken).toEqual({
        envelopeSender: "bounces+1@in.example",
        recipients,
        raw: Buffer.from(mail(id).raw).toString(),
      });
    });

    test("the same id is sent once, whatever the bytes say, and answers the same", async () => {
      const id = `${freshId()}/ack`;
      const { messageId } = await outbox.sendMail(mail(id));
      const raw = Buffer.from(`Subject: ${id} again\r\n\r\n`);
      expect(await outbox.sendMail(mail(id, { raw }))).toEqual({ messageId, repeated: true });
      expect(await opened.mails(id)).toHaveLength(1);
    });

    test("20 at once send one mail", async () => {
      const id = `${freshId()}/forward`;
      const answers = await twenty(() => outbox.sendMail(mail(id, { kind: "forward" })));
      expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
      expect(new Set(answers.map(({ messageId }) => messageId)).size).toBe(1);
      expect(await opened.mails(id)).toHaveLength(1);
    });

    test("a forwarded mail is known by the id that the next hop knows, other mails and ids are not", async () => {
      const id = `${freshId()}/forward/1`;
      const { messageId } = await outbox.sendMail(mail(id, { kind: "forward" }));
      expect(await outbox.forwardSentAs(messageId)).toEqual({ id });
      await outbox.sendMail(mail(id, { kind: "forward" }));
      expect(await outbox.forwardSentAs(messageId)).toEqual({ id });
      const reply = await outbox.sendMail(mail(`${freshId()}/ack`, { kind: "reply" }));
      expect(await outbox.forwardSentAs(reply.messageId)).toBeUndefined();
      expect(await outbox.forwardSentAs(freshId())).toBeUndefined();
      expect(await outbox.forwardSentAs("outbox-999999")).toBeUndefined();
    });

    test("a mail of 300 KB is kept whole", async () => {
      const id = `${freshId()}/large`;
      const raw = Buffer.from(
        `Message-ID: <${id.replace("/", ".")}@in.example>\r\nSubject: ${id}\r\n\r\n${"0123456789abcde\r\n".repeat(18_000)}`,
      );
      await outbox.sendMail(mail(id, { raw }));
      expect((await opened.mails(id)).map((taken) => taken.raw.length)).toEqual([raw.length]);
    });

    test.for<[string, Partial<OutgoingMail>]>([
      ["no id", { id: "" }],
      ["an id with a line end", { id: "a\r\nb" }],
      ["no recipient", { recipients: [] }],
      ["51 recipients", { recipients: Array.from({ length: 51 }, (_, index) => `a${index}@sender.example`) }],
      ["a recipient that would end the command", { recipients: ["ann@sender.example>\r\nDATA"] }],
      ["a name instead of an address", { recipients: ["Ann <ann@sender.example>"] }],
      ["an envelope sender that is none", { envelopeSender: "<>" }],
      ["no bytes", { raw: new Uint8Array() }],
    ])("%s is refused, and nothing is sent", async ([, wrong]) => {
      const id = `${freshId()}/wrong`;
      await expect(outbox.sendMail(mail(id, wrong))).rejects.toMatchObject({ code: "ERR_OUTGOING_MAIL" });
      expect(await opened.mails(id)).toEqual([]);
    });
  });
}
