import type { Key } from "./dynamo.ts";

/** Where the ledger keeps one recipient of one message. */
export function recipientKey({ sesMessageId, recipient }: { sesMessageId: string; recipient: string }): Key {
  return { pk: sesMessageId, sk: `r#${recipient}` };
}
