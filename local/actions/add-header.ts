import type { AddHeaderAction } from "../../shared/receipt/model.ts";
import type { PerformAction } from "./action.ts";

/**
 * Nothing happens now: later actions find the header in `step.addedHeaders`, behind SES's block, because this action is
 * recorded as done (ses-receiving.md §5.2).
 */
export const addHeader: PerformAction<AddHeaderAction> = async ({ action }) => ({
  result: `added ${action.headerName}`,
  effects: [],
});
