import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { AcceptedMessage, EngineStore } from "./engine-store.ts";

type Reading = Pick<EngineStore, "message" | "openRaw" | "verification" | "actionLog">;
type Writing = Pick<
  EngineStore,
  "accept" | "recordVerification" | "replaceVerification" | "recordAction" | "recordRun" | "endMessage"
>;

/** Octets of mail that are kept for who asks next. */
const defaultMaxBytes = 2_097_152;

/**
 * The store, which still knows the small messages that it accepted last: whoever takes one through its rules, moments after its
 * commit, need not read it again. What was accepted never changes, and until something is recorded about a message there is
 * nothing to find; with the first record it is let go.
 */
export function rememberJustAccepted<Store extends Reading & Writing>(store: Store, maxBytes = defaultMaxBytes): Store {
  const known = new Map<SesMessageId, { readonly message: AcceptedMessage; readonly raw: Uint8Array }>();
  let held = 0;
  const letGo = (id: SesMessageId) => {
    const entry = known.get(id);
    if (!entry) return;
    known.delete(id);
    held -= entry.raw.length;
  };
  const writing =
    <Args extends readonly unknown[], Answer>(write: (id: SesMessageId, ...args: Args) => Answer) =>
    (id: SesMessageId, ...args: Args): Answer => {
      letGo(id);
      return write(id, ...args);
    };
  return {
    ...store,
    async accept(message, raw) {
      await store.accept(message, raw);
      if (raw.kind !== "inline") return;
      // Whoever handed it over uses its buffer again.
      const copy = Buffer.from(raw.bytes);
      known.set(message.sesMessageId, { message, raw: copy });
      held += copy.length;
      for (const id of known.keys()) {
        if (held <= maxBytes) break;
        letGo(id);
      }
    },
    message: async (id) => known.get(id)?.message ?? store.message(id),
    openRaw(id) {
      const entry = known.get(id);
      return entry ? one(entry.raw) : store.openRaw(id);
    },
    verification: async (id) => (known.has(id) ? undefined : store.verification(id)),
    actionLog: async (id) => (known.has(id) ? [] : store.actionLog(id)),
    recordVerification: writing(store.recordVerification),
    replaceVerification: writing(store.replaceVerification),
    recordAction: writing(store.recordAction),
    recordRun: writing(store.recordRun),
    endMessage: writing(store.endMessage),
  };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
