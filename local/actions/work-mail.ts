import type { WorkMailAction } from "../../shared/receipt/model.ts";
import type { PerformAction } from "./action.ts";
import { notify } from "./notify.ts";

/** WorkMail has no place on one machine: the message goes into a mailbox here, one per recipient (ses-receiving.md §5.8). */
export const deliverWorkMail: PerformAction<WorkMailAction> = async (input, { deliverToMailbox }) => {
  const { message, step } = input;
  const places: string[] = [];
  for (const recipient of step.recipients) {
    const { sesMessageId, receivedAt } = message;
    places.push(await deliverToMailbox({ sesMessageId, recipient, receivedAt, body: input.stored() }));
  }
  return { result: `delivered to ${places.join(", ")}`, effects: await notify(input) };
};
