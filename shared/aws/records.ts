import type { MailRecord, Records } from "../ports.ts";
import { type Dynamo, json, jsonOf, text } from "./dynamo.ts";
import type { Effects } from "./effects.ts";
import { listedAs, readList } from "./sharded-list.ts";

// design: facts are at most 32 KB of JSON.
const maxFactsBytes = 32_768;
const kinds: readonly MailRecord["kind"][] = ["bounce", "complaint", "auto-reply", "mdn", "list", "machine", "other"];

/** What bounces, complaints, auto-replies and list mail told us: `rec#<SES id>` / recipient and kind. */
export function createRecords(dynamo: Dynamo, effects: Effects, table: string): Records {
  return {
    async record(claim, record) {
      if (Buffer.byteLength(JSON.stringify(record.facts ?? null)) > maxFactsBytes) {
        throw new RangeError(`the facts of a record take at most ${maxFactsBytes} octets of JSON`);
      }
      const { kind, sesMessageId, recipient } = record;
      const cursor = recordCursor(record);
      const { kind: outcome } = await effects.perform(claim, { name: `record ${kind}`, result: cursor }, [
        {
          kind: "put",
          table,
          item: {
            pk: text(`rec#${sesMessageId}`),
            sk: text(`${recipient}#${kind}`),
            v: json(record),
            ...listedAs(`record-${kind}`, cursor),
          },
        },
      ]);
      return outcome === "performed" ? "recorded" : "repeated";
    },
    list: async ({ kind, ...options }) => {
      const lists = (kind === undefined ? kinds : [kind]).map((each) => `record-${each}`);
      return (await readList(dynamo, table, lists, options)).flatMap((item) => jsonOf<MailRecord>(item, "v") ?? []);
    },
  };
}

/** Where a record stands in the list: by time, oldest first. */
function recordCursor({ at, sesMessageId, recipient, kind }: MailRecord): string {
  return `${at} ${sesMessageId} ${recipient} ${kind}`;
}
