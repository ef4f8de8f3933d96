import type { EffectOf, Ports } from "../ports.ts";
import { createPersonOf } from "../unsubscribe/person.ts";

/** The list under which paused forward targets stand among the suppressions: visible there, and removable. */
export const forwardingList = "forwarding";

const dayMs = 86_400_000;
const firstDays = 1;
const againDays = 30;
// A target that failed within so many days before has failed again.
const rememberDays = 60;

type PausePorts = Pick<Ports, "suppressions" | "secrets">;

/** ISO 8601, when forwarding to the address is paused now. */
export async function pausedUntil(
  { suppressions, secrets }: PausePorts,
  address: string,
  now: Date,
): Promise<string | undefined> {
  const person = createPersonOf(await secrets.keyRing())(address);
  const known = (await suppressions.of(person)).find(({ list }) => list === forwardingList);
  return known?.until !== undefined && Date.parse(known.until) > now.getTime() ? known.until : undefined;
}

/**
 * Stops forwarding to an address that refused mail for good: for a day, and for 30 when it happens again. The target is
 * not told that it wants no mail at all: other streams are another matter.
 *
 * @throws {StaleClaimError}
 */
export async function pauseTarget(
  { suppressions, secrets }: PausePorts,
  by: EffectOf,
  { address, at, note }: { readonly address: string; readonly at: string; readonly note: string },
): Promise<"paused" | "already-paused"> {
  const person = createPersonOf(await secrets.keyRing())(address);
  const earlier = (await suppressions.of(person)).find(({ list }) => list === forwardingList);
  const time = Date.parse(at);
  // Mails that were under way together come back together: they are one failure.
  if (earlier?.until !== undefined && Date.parse(earlier.until) > time) return "already-paused";
  const again = earlier !== undefined && time - Date.parse(earlier.since) < rememberDays * dayMs;
  const until = new Date(time + (again ? againDays : firstDays) * dayMs).toISOString();
  const result = await suppressions.suppress(by, {
    person,
    address,
    list: forwardingList,
    reason: "hard-bounce",
    since: at,
    until,
    evidence: { note: note.slice(0, 300), keepUntil: new Date(time + 2 * againDays * dayMs).toISOString() },
  });
  return result === "added" ? "paused" : "already-paused";
}
