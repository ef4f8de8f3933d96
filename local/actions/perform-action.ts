import { unreachable } from "../../shared/errors.ts";
import type { ActionInput, ActionTools, Performed } from "./action.ts";
import { addHeader } from "./add-header.ts";
import { bounce } from "./bounce.ts";
import { startContact } from "./connect.ts";
import { invokeFunction } from "./invoke-function.ts";
import { publishContent } from "./publish-content.ts";
import { stop } from "./stop.ts";
import { storeObject } from "./store-object.ts";
import { deliverWorkMail } from "./work-mail.ts";

/** Does what an action does outside the store, and says what the store is to commit. A rejection is its failure. */
export function performAction(input: ActionInput, tools: ActionTools): Promise<Performed> {
  const { action } = input;
  switch (action.type) {
    case "S3":
      return storeObject({ ...input, action }, tools);
    case "SNS":
      return publishContent({ ...input, action }, tools);
    case "Lambda":
      return invokeFunction({ ...input, action }, tools);
    case "Bounce":
      return bounce({ ...input, action }, tools);
    case "Stop":
      return stop({ ...input, action }, tools);
    case "AddHeader":
      return addHeader({ ...input, action }, tools);
    case "WorkMail":
      return deliverWorkMail({ ...input, action }, tools);
    case "Connect":
      return startContact({ ...input, action }, tools);
    default:
      return unreachable(action);
  }
}
