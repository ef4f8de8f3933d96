import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Journey, JourneyRecipient } from "../local/console/journey.ts";
import { readJourney } from "../local/console/read-journey.ts";
import type { Engine } from "../local/engine.ts";
import type { OutboxEntry } from "../local/store/outbox-entries.ts";
import { MailweirError } from "../shared/errors.ts";
import { normaliseAddress } from "../shared/mail/address.ts";
import type { OutgoingMail, Suppression, Ticket } from "../shared/ports.ts";
import { everything } from "../shared/unsubscribe/list-id.ts";
import { createPersonOf } from "../shared/unsubscribe/person.ts";
import { describeJourney } from "./describe-journey.ts";
import { type InjectedMail, idOf } from "./injected-mail.ts";

/** What a test can wait for: what it may say about it, and what it gets. */
export interface Awaited {
  /** A ticket, opened or joined. */
  readonly ticket: {
    readonly match: {
      readonly mail?: InjectedMail;
      /** Somebody who takes part. */
      readonly from?: string;
      readonly subject?: string | RegExp;
      readonly state?: "open" | "closed";
    };
    readonly found: Ticket;
  };
  /** A person who is on the suppression list. */
  readonly unsubscribe: {
    readonly match: { readonly mail?: InjectedMail; readonly address?: string; readonly list?: string };
    readonly found: Suppression;
  };
  /** Mail in a mailbox of this machine. */
  readonly delivery: {
    readonly match: { readonly mail?: InjectedMail; readonly recipient?: string };
    readonly found: DeliveredMail;
  };
  /** A recipient whose mail came to its end in a stream. */
  readonly stream: {
    readonly match: {
      readonly mail?: InjectedMail;
      readonly stream?: string;
      readonly recipient?: string;
      readonly outcome?: string;
      /** Default: `done`, or `quarantined` in the stream quarantine. */
      readonly state?: "done" | "quarantined" | "failed";
    };
    readonly found: EndedRecipient;
  };
  /** Mail that leaves: an acknowledgement, a bounce, a forward … It never leaves the test. */
  readonly outgoing: {
    readonly match: { readonly mail?: InjectedMail; readonly kind?: OutgoingMail["kind"]; readonly to?: string };
    readonly found: SentMail;
  };
}

export interface EndedRecipient extends JourneyRecipient {
  readonly sesMessageId: string;
}

export interface DeliveredMail {
  readonly sesMessageId: string;
  readonly recipient: string;
  /** Below the data folder. */
  readonly path: string;
  /** As it lies in the mailbox. */
  readonly raw: Buffer;
}

export interface SentMail extends OutboxEntry {
  readonly raw: Buffer;
}

/** What was waited for did not happen; the message tells what did. */
export class NothingHappenedError extends MailweirError {
  readonly code = "ERR_NOTHING_HAPPENED";
  readonly retryable = false;
}

const pageSize = 500;
// Whoever waits in a test is told about the last few; more would hide them.
const maxTold = 5;

/** How to find each of them in a running engine. */
export function createFinders(engine: () => Engine): {
  readonly [Kind in keyof Awaited]: (match: Awaited[Kind]["match"]) => Promise<Awaited[Kind]["found"] | undefined>;
} {
  const about = (mail: InjectedMail | undefined) => (mail === undefined ? undefined : idOf(mail));
  const sameAddress = (wanted: string | undefined, address: string) =>
    wanted === undefined || normaliseAddress(wanted) === normaliseAddress(address);

  async function* ended(mail: InjectedMail | undefined) {
    for await (const journey of journeys(engine(), mail)) {
      for (const recipient of journey.recipients) yield { ...recipient, sesMessageId: journey.sesMessageId };
    }
  }

  return {
    async ticket({ mail, from, subject, state }) {
      const { tickets } = engine().ports;
      const id = about(mail);
      for (let after: number | undefined, more = true; more; ) {
        const page = await tickets.list({
          limit: pageSize,
          ...(after !== undefined && { after }),
          ...(from !== undefined && { participant: normaliseAddress(from) }),
          ...(state !== undefined && { state }),
        });
        for (const summary of page.tickets) {
          if (subject !== undefined && !says(summary.subject, subject)) continue;
          const ticket = await tickets.get(summary.id);
          const holds = (entry: Ticket["entries"][number]) => entry.kind === "mail" && entry.sesMessageId === id;
          if (ticket && (id === undefined || ticket.entries.some(holds))) return ticket;
        }
        after = page.next;
        more = after !== undefined;
      }
      return undefined;
    },
    async unsubscribe({ mail, address, list }) {
      const { suppressions, secrets } = engine().ports;
      const id = about(mail);
      const fits = (found: Suppression) => id === undefined || found.evidence.sesMessageId === id;
      if (address !== undefined) {
        const person = createPersonOf(await secrets.keyRing())(address);
        const found = await suppressions.check(person, list ?? everything);
        if (found) return fits(found) ? found : undefined;
        return list === undefined ? (await suppressions.of(person)).find(fits) : undefined;
      }
      const all = await suppressions.list({ limit: 1_000 });
      return all.find((found) => fits(found) && (list === undefined || found.list === list));
    },
    async delivery({ mail, recipient }) {
      for await (const found of ended(mail)) {
        const { path } = found.detail;
        if (found.state !== "done" || path === undefined || !sameAddress(recipient, found.recipient)) continue;
        const raw = await readFile(join(engine().data, path)).catch(() => undefined);
        if (raw) return { sesMessageId: found.sesMessageId, recipient: found.recipient, path, raw };
      }
      return undefined;
    },
    async stream({ mail, stream, recipient, outcome, state }) {
      const states = state === undefined ? ["done", "quarantined"] : [state];
      for await (const found of ended(mail)) {
        if (!states.includes(found.state) || found.stream === null) continue;
        if (stream !== undefined && found.stream !== stream) continue;
        if (outcome !== undefined && found.outcome !== outcome) continue;
        if (sameAddress(recipient, found.recipient)) return found;
      }
      return undefined;
    },
    async outgoing({ mail, kind, to }) {
      const { outbox } = engine().store.ports;
      const id = about(mail);
      for (const entry of await outbox.list({ limit: pageSize })) {
        if (kind !== undefined && entry.kind !== kind) continue;
        if (id !== undefined && entry.about !== id) continue;
        if (!entry.recipients.some(({ recipient }) => sameAddress(to, recipient))) continue;
        const octets = outbox.open(entry.number);
        return { ...entry, raw: octets ? await buffer(octets) : Buffer.alloc(0) };
      }
      return undefined;
    },
  };
}

/** The error of a wait: what is there instead. `idle`: nothing is under way, so waiting longer is no use. */
export async function nothingHappened(
  engine: Engine,
  what: string,
  match: { readonly mail?: InjectedMail },
  waitedMs: number,
  idle: boolean,
): Promise<NothingHappenedError> {
  const { mail, ...rest } = match;
  const wanted = Object.entries(rest).map(
    ([name, value]) => `${name} ${value instanceof RegExp ? value : `"${value}"`}`,
  );
  const told: string[] = [];
  for await (const journey of journeys(engine, mail)) {
    if (told.length === maxTold) break;
    told.push(describeJourney(journey));
  }
  const due = await engine.nextDue();
  const refusals = mail === undefined ? await engine.store.engine.refusals({ limit: maxTold }) : [];
  return new NothingHappenedError(
    [
      `No ${what}${wanted.length > 0 ? ` with ${wanted.join(", ")}` : ""}: ` +
        (idle ? "everything has run." : `it did not come within ${waitedMs} ms.`),
      told.length > 0 ? "What happened instead:" : "No mail has come in.",
      ...told,
      ...refusals.map(({ stage, reply, reason }) => `Refused at ${stage}: ${reply} (${reason})`),
      ...(due
        ? [`The next thing is due at ${due.toISOString()} by the engine's clock: advance() takes it there.`]
        : []),
    ].join("\n"),
  );
}

/** Of one mail, or of all, newest first. */
async function* journeys(engine: Engine, mail: InjectedMail | undefined): AsyncGenerator<Journey> {
  if (mail !== undefined) {
    const journey = await readJourney(engine.store, idOf(mail));
    if (journey) yield journey;
    return;
  }
  for (let before: number | undefined, more = true; more; ) {
    const page = await engine.store.engine.list({ limit: 50, ...(before !== undefined && { before }) });
    for (const { sesMessageId, sequence } of page) {
      before = sequence;
      const journey = await readJourney(engine.store, sesMessageId);
      if (journey) yield journey;
    }
    more = page.length === 50;
  }
}

function says(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? text === wanted : wanted.test(text);
}
