import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openStoreReadOnly } from "../../local/store/open-read-only.ts";
import { allTickets, mailsOf } from "../all-tickets.ts";
import { mailweir } from "./engine-process.ts";

/** A line of `mailweir list --json`. */
export interface Listed {
  readonly sesMessageId: string;
  readonly receivedAt: string;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly recipients: readonly {
    readonly recipient: string;
    readonly stream: string | null;
    readonly state: string;
    readonly outcome: string | null;
    readonly cause: string | null;
    readonly duplicateOf: string | null;
  }[];
}

/** Everything that `mailweir list --json` shows, by SES message id. */
export async function listed(data: string): Promise<ReadonlyMap<string, Listed>> {
  const { code, stdout, stderr } = await mailweir(["list", "--json", "--data", data]);
  if (code !== 0) throw new Error(`list ended with ${code}: ${stderr}`);
  const lines = stdout.toString().split("\n").filter(Boolean);
  const messages = lines.map((line) => JSON.parse(line) as Listed);
  return new Map(messages.map((message) => [message.sesMessageId, message]));
}

/** Looks every 100 ms until no recipient of any message is unfinished, for at most `timeoutMs`. */
export async function untilEnded(data: string, timeoutMs: number): Promise<void> {
  const store = await openStoreReadOnly(data);
  try {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const { unended, byStream } = await store.engine.status();
      const open = Object.values(byStream)
        .flatMap((states) => Object.entries(states))
        .filter(([state]) => !isEnd(state));
      if (unended === 0 && open.length === 0) return;
      if (Date.now() > until) {
        throw new Error(
          `after ${timeoutMs} ms ${unended} messages and these states are open: ${JSON.stringify(byStream)}`,
        );
      }
      await sleep(100);
    }
  } finally {
    await store.close();
  }
}

/** What is wrong with the end of the acknowledged messages, a sentence each: nothing, when no mail was lost. */
export function faultsOf(
  messages: ReadonlyMap<string, Listed>,
  acknowledged: ReadonlyMap<string, readonly string[]>,
): string[] {
  const faults: string[] = [];
  for (const [id, recipients] of acknowledged) {
    const message = messages.get(id);
    if (!message) {
      faults.push(`${id} was acknowledged and is not listed`);
      continue;
    }
    const expected = [...new Set(recipients.map((recipient) => recipient.toLowerCase()))].sort();
    const present = message.recipients.map(({ recipient }) => recipient).sort();
    if (JSON.stringify(present) !== JSON.stringify(expected))
      faults.push(`${id} has ${present} instead of ${expected}`);
    for (const { recipient, state, outcome, cause } of message.recipients) {
      if (!isEnd(state)) faults.push(`${id} ${recipient} is ${state}`);
      else if (outcome === null) faults.push(`${id} ${recipient} is ${state} without an outcome`);
      if (state === "failed" && !cause) faults.push(`${id} ${recipient} failed without a cause`);
    }
  }
  return faults;
}

/**
 * What our stores hold against what the ledger says was done: effects that happened twice for one SES id, or that did not
 * happen. For mail in which whoever unsubscribes does so once, and bounces go to a single rejected recipient.
 */
export async function effectFaults(data: string, messages: ReadonlyMap<string, Listed>): Promise<string[]> {
  const faults: string[] = [];
  const store = await openStoreReadOnly(data);
  try {
    const entries: string[] = [];
    for (const ticket of await allTickets(store.ports.tickets)) {
      for (const { sesMessageId } of mailsOf(ticket)) entries.push(sesMessageId);
    }
    const files = await maildirFiles(data);
    const expectedEntries: string[] = [];
    const expectedFiles: string[] = [];
    const expectedSuppressions: string[] = [];
    let rejected = 0;
    for (const { sesMessageId, recipients } of messages.values()) {
      for (const { stream, state, outcome } of recipients) {
        if (outcome === "rejected") rejected += 1;
        if (outcome === "suppressed") expectedSuppressions.push(sesMessageId);
        if (state !== "done" || outcome === "duplicate") continue;
        if (stream === "ticket") expectedEntries.push(sesMessageId);
        if (stream === "personal") expectedFiles.push(sesMessageId);
      }
    }
    compare("ticket entry", entries, expectedEntries, faults);
    compare("file in a Maildir", files, expectedFiles, faults);

    // Senders with an address each: every suppressing message is the evidence of its own suppression.
    const suppressions = await store.ports.suppressions.list({ limit: 10_000 });
    const evidence = suppressions.map((suppression) => suppression.evidence.sesMessageId ?? suppression.person);
    compare("suppression", evidence, expectedSuppressions, faults);
    // Questions about unsubscribing leave too; what a reject rule causes is a bounce.
    const outgoing = await store.ports.outbox.list({ limit: 100_000 });
    const bounces = outgoing.filter(({ kind }) => kind === "bounce").length;
    if (bounces !== rejected) faults.push(`${bounces} bounces in the outbox, ${rejected} expected`);
  } finally {
    await store.close();
  }
  return faults;
}

function compare(what: string, actual: readonly string[], expected: readonly string[], faults: string[]): void {
  const count = (ids: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  };
  const [have, want] = [count(actual), count(expected)];
  for (const id of new Set([...have.keys(), ...want.keys()])) {
    const [is, should] = [have.get(id) ?? 0, want.get(id) ?? 0];
    if (is !== should) faults.push(`${id}: ${is} × ${what}, ${should} expected`);
  }
}

/** SES message ids of every delivered file: `<seconds>.<SES id>_<recipient>.mailweir`. */
async function maildirFiles(data: string): Promise<string[]> {
  const found: string[] = [];
  const folder = join(data, "maildir");
  for (const mailbox of await readdir(folder).catch(() => [])) {
    for (const part of ["new", "cur"]) {
      for (const name of await readdir(join(folder, mailbox, part)))
        found.push(/^\d+\.([0-9a-z]+)_/.exec(name)?.[1] ?? name);
    }
  }
  return found;
}

function isEnd(state: string): boolean {
  return state === "done" || state === "quarantined" || state === "failed";
}

/** How many recipients ended how, for people who read a run's output. */
export function outcomeCounts(messages: ReadonlyMap<string, Listed>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { recipients } of messages.values()) {
    for (const { stream, state, outcome } of recipients) {
      const key = `${stream ?? "none"} ${state} ${outcome}`;
      counts[key] = (counts[key] ?? 0) + 1;
    }
  }
  return counts;
}
