import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { sesMessageIdOf, storedObjectOf } from "../../shared/streams/stored-object.ts";
import type { OpenStage } from "./open-stage.ts";

export interface Selection {
  readonly since?: Date;
  readonly until?: Date;
  /** Behind this key: where an earlier run stopped. */
  readonly after?: string;
}

/** Stored mails in the order of their keys, with what has to be remembered to go on behind them. */
export async function* storedMails(
  { config, ports }: Pick<OpenStage, "config" | "ports">,
  { since, until, after }: Selection,
): AsyncGenerator<{ readonly sesMessageId: SesMessageId; readonly key: string } | { readonly key: string }> {
  const { bucket, key: sample } = storedObjectOf(config, "x".repeat(40) as SesMessageId);
  const prefix = sample.slice(0, -40);
  for (let last = after; ; ) {
    const page = await ports.objects.list(bucket, { prefix, limit: 1_000, ...(last !== undefined && { after: last }) });
    for (const { key, lastModified } of page) {
      const sesMessageId = sesMessageIdOf(config, { bucket, key });
      const isMeant = !(since && lastModified < since) && !(until && lastModified >= until);
      yield sesMessageId && isMeant ? { sesMessageId, key } : { key };
    }
    last = page.at(-1)?.key;
    if (page.length < 1_000 || last === undefined) return;
  }
}
