import { checkTarget } from "../sinks/check-target.ts";
import { everything, listKeys, parseListId } from "../unsubscribe/list-id.ts";
import { place } from "./check-shape.ts";
import type { ConfigFault } from "./config-error.ts";
import type { ResolvedUnsubscribe, UnsubscribeConfig, WebhookConfig } from "./types.ts";

const defaultSoft = { count: 5, days: 14, forDays: 30 } as const;
// Three years: what most limitation periods ask of whoever has to prove it.
const defaultEvidenceDays = 1095;

export function resolveUnsubscribe(config: UnsubscribeConfig, faults: ConfigFault[]): ResolvedUnsubscribe {
  const { lists = {}, url, propagate = {} } = config;
  checkLists(Object.keys(lists), faults);
  const page = url === undefined ? undefined : checkPage(url, faults);
  const webhooks = propagate.webhooks ?? {};
  for (const [name, webhook] of Object.entries(webhooks)) checkWebhook(name, webhook, Object.keys(lists), faults);
  return {
    lists: Object.fromEntries(Object.entries(lists).map(([id, list]) => [id.toLowerCase(), list])),
    ...(page !== undefined && { url: page }),
    unverified: config.unverified ?? "confirm",
    replies: config.replies ?? "act",
    notify: config.notify ?? false,
    bounces: { hard: config.bounces?.hard ?? true, soft: config.bounces?.soft ?? defaultSoft },
    complaints: config.complaints ?? true,
    evidenceDays: config.evidenceDays ?? defaultEvidenceDays,
    sesAccountList: propagate.sesAccountList ?? false,
    webhooks,
  };
}

function checkLists(ids: readonly string[], faults: ConfigFault[]): void {
  const keys = new Map<string, string>();
  for (const id of ids) {
    const parsed = parseListId(id);
    if (parsed === undefined || parsed === everything) {
      faults.push({
        at: place(["unsubscribe", "lists", id]),
        problem: `"${id}" cannot be a list's id`,
        allowed: 'letters, digits, ".", "_", "-"; a letter or digit first and last; at most 63',
      });
      continue;
    }
    // A request for one of two lists that look alike in a token would end the wrong one.
    for (const key of listKeys(parsed)) {
      const other = keys.get(key);
      if (other !== undefined) {
        faults.push({
          at: place(["unsubscribe", "lists", id]),
          problem: `"${id}" and "${other}" cannot be told apart in a token`,
          suggestion: "give one of them another id",
        });
      }
      keys.set(key, id);
    }
  }
}

function checkPage(url: string, faults: ConfigFault[]): string | undefined {
  const parsed = URL.parse(url);
  const local = parsed?.protocol === "http:" && /^(?:localhost|127\.|\[::1\])/.test(parsed.hostname);
  if (parsed && (parsed.protocol === "https:" || local) && parsed.search === "" && parsed.hash === "") {
    return parsed.href.replace(/\/+$/, "");
  }
  faults.push({
    at: "unsubscribe.url",
    problem: `"${url}" is no address for the one-click page`,
    allowed: "an https URL without query, such as https://mail.example.com/u (http for localhost only)",
  });
  return undefined;
}

function checkWebhook(name: string, webhook: WebhookConfig, lists: readonly string[], faults: ConfigFault[]): void {
  const at = ["unsubscribe", "propagate", "webhooks", name];
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) {
    faults.push({
      at: place(at),
      problem: `"${name}" cannot be a webhook's name`,
      allowed: "lower-case letters, digits and hyphens, at most 40",
    });
  }
  faults.push(...checkTarget(webhook).map(({ path, ...fault }) => ({ ...fault, at: place([...at, ...path]) })));
  for (const [index, list] of (webhook.lists ?? []).entries()) {
    if (list === everything || lists.includes(list)) continue;
    faults.push({
      at: place([...at, "lists", index]),
      problem: `there is no list "${list}"`,
      allowed: [everything, ...lists].join(", "),
    });
  }
}
