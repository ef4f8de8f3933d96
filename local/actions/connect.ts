import type { ConnectAction } from "../../shared/receipt/model.ts";
import type { PerformAction } from "./action.ts";

/** Amazon Connect cannot be run here: that the action would have run is recorded, and nothing else happens. */
export const startContact: PerformAction<ConnectAction> = async ({ action }) => ({
  result: `would start a contact in ${action.instanceArn}: nothing is sent from this machine`,
  effects: [],
});
