/** What came of one attempt. */
export type Outcome =
  | { readonly kind: "done" | "stopped"; readonly cause?: string }
  | { readonly kind: "setback"; readonly cause: string; readonly retryAfter?: string };
