import type { Ports } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";

/**
 * Ends a held message for one recipient: nobody will release it. The stored object stays as long as mail is kept. May be
 * called again after a crash anywhere.
 *
 * @returns `unknown` when nothing was ever held, `ended` also when it had been discarded or released before
 */
export async function discardHeld(
  { ledger, quarantine }: Pick<Ports, "ledger" | "quarantine">,
  sesMessageId: SesMessageId,
  recipient: string,
  outcome: "discarded" | "expired",
): Promise<"discarded" | "ended" | "unknown"> {
  const ended = await ledger.endHeld(sesMessageId, recipient, outcome);
  const record = (await ledger.recipients(sesMessageId)).find((entry) => entry.recipient === recipient);
  if (record === undefined) return "unknown";
  // A release that is under way still needs what is held.
  if (record.state === "done") await quarantine.remove(sesMessageId, recipient);
  return ended ? "discarded" : "ended";
}

// One round's work; the next one goes on.
const pageSize = 100;
const maxPages = 50;

/** Ends what has been held since before `before`, the oldest first. @returns how many */
export async function expireHeld(
  ports: Pick<Ports, "ledger" | "quarantine">,
  before: Date,
): Promise<{ readonly expired: number; readonly isMore: boolean }> {
  let expired = 0;
  for (let page = 0; page < maxPages; page++) {
    const held = await ports.quarantine.list({ limit: pageSize });
    const old = held.filter(({ heldAt }) => Date.parse(heldAt) < before.getTime());
    for (const { sesMessageId, recipient } of old) {
      if ((await discardHeld(ports, sesMessageId, recipient, "expired")) === "discarded") expired += 1;
    }
    // A full page of entries that stay (releases under way) would come again for ever.
    if (old.length < pageSize) return { expired, isMore: false };
  }
  return { expired, isMore: true };
}
