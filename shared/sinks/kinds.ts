import * as z from "zod";
import { secretSources } from "../config/secret-source.ts";
import type { SinkKind, SinkSettings } from "./sink.ts";
import { type WebhookSink, webhook } from "./webhook.ts";

export type SinkConfig = WebhookSink;

/** Every kind of sink; a new one is a file beside this one, its line here, and its type above. */
const kinds = [webhook] as const;

/** What may stand at `tickets.sinks.<name>`. */
export const sinkSettings = z.discriminatedUnion("kind", [webhook.settings]);

/** For suggestions: the words that may stand there. */
export const sinkKeys: Readonly<Record<string, readonly string[]>> = {
  "tickets.sinks.*": [...new Set(kinds.flatMap(({ settings }) => Object.keys(settings.shape)))],
  "tickets.sinks.*.kind": kinds.map(({ kind }) => kind),
  "tickets.sinks.*.secretFrom": secretSources,
};

/** The kind of these settings, which the schema has proven to be its own. */
export function kindOf(settings: SinkConfig): SinkKind<SinkSettings> {
  const found = kinds.find(({ kind }) => kind === settings.kind);
  if (found === undefined) throw new Error(`there is no kind of sink "${settings.kind}"`);
  return found as unknown as SinkKind<SinkSettings>;
}
