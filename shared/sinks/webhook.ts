import * as z from "zod";
import { secretSource, secretSources } from "../config/secret-source.ts";
import type { SecretSource } from "../config/types.ts";
import type { TicketEntry } from "../ports.ts";
import { checkTarget } from "./check-target.ts";
import { SinkError, type SinkKind, type SinkNews } from "./sink.ts";

export interface WebhookSink {
  readonly kind: "webhook";
  readonly url: string;
  /** The signing secret, `whsec_…` or any text of at least 24 characters. */
  readonly secretFrom: SecretSource;
  /** Private addresses that the host may resolve to. Default: none. */
  readonly allowPrivate?: readonly string[];
}

const timeoutMs = 15_000;

/** A signed request (Standard Webhooks) for every entry and change. It cannot be asked: at least once, under one id. */
export const webhook: SinkKind<WebhookSink> = {
  kind: "webhook",
  settings: z.strictObject({
    kind: z.literal("webhook"),
    url: z.string().min(1),
    secretFrom: secretSource,
    allowPrivate: z.array(z.string().min(1)).min(1).max(20).optional(),
  }),
  keys: { secretFrom: secretSources },
  check: checkTarget,
  secrets: ({ secretFrom }) => [secretFrom],
  async create({ url, secretFrom, allowPrivate = [] }, { name, clock, secrets, http }) {
    const { signWebhook } = await import("../propagation/sign-webhook.ts");
    return {
      kind: "told",
      async tell(news) {
        const body = JSON.stringify(contentOf(news));
        const headers = signWebhook(`${news.id}.${name}`, body, await secrets.read(secretFrom), clock.now());
        const { status, retryAfter } = await http.post({ url, headers, body, allowPrivate, timeoutMs });
        if (status >= 200 && status < 300) return;
        // Standard Webhooks: the endpoint wants no more.
        if (status === 410) throw new SinkError("HTTP 410: the endpoint wants no more", { kind: "refused" });
        const redirect = status >= 300 && status < 400 ? "; redirects are not followed" : "";
        throw new SinkError(`HTTP ${status}${redirect}`, retryAfter === undefined ? {} : { retryAfter });
      },
    };
  },
};

function contentOf({ what, ticket, entry }: SinkNews) {
  const { entries: _, ...summary } = ticket;
  return {
    type: `ticket.${what}`,
    timestamp: entry?.at ?? ticket.updatedAt,
    data: { ticket: summary, ...(entry !== undefined && { entry: told(entry) }) },
  };
}

/** HTML, quote and the place of the raw mail stay here: whoever wants them asks the API by the SES message id. */
function told(entry: TicketEntry) {
  if (entry.kind !== "mail") return entry;
  const { html: _html, quote: _quote, raw: _raw, bodySha256: _body, attachments, ...rest } = entry;
  return { ...rest, attachments: attachments.map(({ object: _object, ...file }) => file) };
}
