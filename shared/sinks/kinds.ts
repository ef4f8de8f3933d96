import * as z from "zod";
import { type GithubSink, github } from "./github.ts";
import { type RedmineSink, redmine } from "./redmine.ts";
import type { SinkKind, SinkSettings } from "./sink.ts";
import { type WebhookSink, webhook } from "./webhook.ts";

// Every kind of sink. A new one is a file beside this one and its name in these three lines.
export type SinkConfig = WebhookSink | RedmineSink | GithubSink;
const kinds = [webhook, redmine, github] as const;
/** What may stand at `tickets.sinks.<name>`. */
export const sinkSettings = z.discriminatedUnion("kind", [webhook.settings, redmine.settings, github.settings]);

/** For suggestions: the words that may stand there. */
export const sinkKeys: Readonly<Record<string, readonly string[]>> = {
  "tickets.sinks.*": [...new Set(kinds.flatMap(({ settings }) => Object.keys(settings.shape)))],
  "tickets.sinks.*.kind": kinds.map(({ kind }) => kind),
  ...Object.fromEntries(
    kinds.flatMap(({ keys }) => Object.entries(keys).map(([name, words]) => [`tickets.sinks.*.${name}`, words])),
  ),
};

/** The kind of these settings, which the schema has proven to be its own. */
export function kindOf(settings: SinkConfig): SinkKind<SinkSettings> {
  const found = kinds.find(({ kind }) => kind === settings.kind);
  if (found === undefined) throw new Error(`there is no kind of sink "${settings.kind}"`);
  return found as unknown as SinkKind<SinkSettings>;
}
