import type { BounceAction } from "../../shared/receipt/model.ts";
import type { ActionEffect } from "../store/engine-store.ts";
import type { ActionInput, ActionTools, PerformAction } from "./action.ts";
import { buildDeliveryStatus } from "./delivery-status.ts";
import { notify } from "./notify.ts";

/**
 * The Bounce action (ses-receiving.md §5.4): one DSN for the recipients that the rule matched, into the outbox. It ends
 * nothing. As on AWS it believes MAIL FROM: whether a bounce would be backscatter is the gate's question.
 */
export const bounce: PerformAction<BounceAction> = async (input, tools) => {
  const { result, effects } = await bounceEffect(input, input.action, tools);
  return { result, effects: [...effects, ...(await notify(input))] };
};

export async function bounceEffect(
  input: ActionInput,
  fields: Pick<BounceAction, "smtpReplyCode" | "statusCode" | "message" | "sender">,
  { region }: ActionTools,
): Promise<{ readonly result: string; readonly effects: readonly ActionEffect[] }> {
  const { message, step } = input;
  // RFC 5321 §6.1: a bounce of a bounce is how mail loops start.
  if (message.from === "") return { result: "no bounce: the envelope sender is null", effects: [] };
  const key = `${message.sesMessageId}/${step.ruleIndex}/${step.actionIndex}`;
  const { messageId, raw } = buildDeliveryStatus({
    key,
    region,
    sentAt: input.now,
    arrivedAt: message.receivedAt,
    from: fields.sender,
    to: message.from,
    recipients: step.recipients.map((recipient) => ({ recipient, ...fields })),
    originalHeaders: await input.headerOctets(),
  });
  return {
    result: `bounced with ${fields.smtpReplyCode} ${fields.statusCode ?? ""}, DSN ${messageId}`.replace(" ,", ","),
    effects: [{ kind: "send-bounce", key, about: message.sesMessageId, to: message.from, messageId, raw }],
  };
}
