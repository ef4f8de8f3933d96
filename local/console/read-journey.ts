import { decodeWords } from "../../shared/mail/encoded-words.ts";
import { headerValue, parseHeaderSection } from "../../shared/mail/headers.ts";
import type { Ledger, Propagations } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { readHeader } from "../actions/stored-block.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { OutboxReading } from "../store/outbox-entries.ts";
import { buildJourney, type Journey } from "./journey.ts";

/** What of a store a journey is read from: of a running engine, or opened to read. */
export interface JourneySource {
  readonly engine: Pick<EngineStore, "message" | "ruleSetSnapshot" | "verification" | "actionLog" | "openRaw">;
  readonly ports: {
    readonly ledger: Pick<Ledger, "recipients">;
    readonly outbox: Pick<OutboxReading, "about">;
    readonly propagations: Pick<Propagations, "of">;
  };
}

export async function readJourney({ engine, ports }: JourneySource, id: SesMessageId): Promise<Journey | undefined> {
  const message = await engine.message(id);
  if (!message) return undefined;
  const [ruleSet, verification, log, records, outgoing, propagations, shown] = await Promise.all([
    engine.ruleSetSnapshot(message.ruleSetSnapshot),
    engine.verification(id),
    engine.actionLog(id),
    ports.ledger.recipients(id),
    ports.outbox.about(id),
    ports.propagations.of(id),
    shownHeaders(engine, id),
  ]);
  return buildJourney({ message, ruleSet, verification, log, records, outgoing, propagations, ...shown });
}

// What a page shows of a header: longer ones are cut, before decoding and behind it.
const maxShown = 500;

async function shownHeaders(engine: Pick<EngineStore, "openRaw">, id: SesMessageId) {
  const { headers } = parseHeaderSection(await readHeader(engine.openRaw(id)));
  const shown = (name: string) => {
    const value = headerValue(headers, name);
    return value === undefined ? null : decodeWords(value.slice(0, 4 * maxShown)).slice(0, maxShown);
  };
  return { subject: shown("Subject"), author: shown("From") };
}
