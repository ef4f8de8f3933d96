import {
  buildNotification,
  type NotificationInput,
  notificationSubject,
  type ReportedAction,
} from "../../shared/receipt/build-notification.ts";
import type { ActionEffect } from "../store/engine-store.ts";
import type { ActionInput } from "./action.ts";

/**
 * The SNS notification of an action with a TopicArn: no content, published when the action has happened, hence in one
 * transaction with it (ses-receiving.md §5.1).
 */
export async function notify(
  input: ActionInput<Extract<ReportedAction, { topicArn?: string }>>,
): Promise<ActionEffect[]> {
  const { topicArn } = input.action;
  if (topicArn === undefined) return [];
  const message = JSON.stringify(buildNotification(await notificationInput(input)));
  return [{ kind: "publish", topicArn, subject: notificationSubject, message }];
}

export async function notificationInput(input: ActionInput<ReportedAction>): Promise<NotificationInput> {
  const { message, step, action, verdicts, now } = input;
  return {
    sesMessageId: message.sesMessageId,
    receivedAt: message.receivedAt,
    envelopeFrom: message.from,
    headers: await input.headers(),
    recipients: step.recipients,
    verdicts,
    action,
    processingTimeMs: now.getTime() - message.receivedAt.getTime(),
  };
}
