import type { ResolvedConfig, WebhookConfig } from "../config/types.ts";
import { everything, listKeys } from "../unsubscribe/list-id.ts";
import type { SuppressionPropagation } from "./message.ts";

export type PropagationTarget =
  | { readonly kind: "ses-account-list" }
  | { readonly kind: "webhook"; readonly name: string; readonly webhook: WebhookConfig };

const accountList = "ses-account-list";

/** Names of those who are to hear of a change. */
export function targetsOf(
  { unsubscribe }: Pick<ResolvedConfig, "unsubscribe">,
  { list }: SuppressionPropagation["change"],
): string[] {
  const webhooks = Object.entries(unsubscribe.webhooks).filter(
    ([, { lists }]) =>
      lists === undefined || list === everything || lists.some((wanted) => listKeys(wanted).includes(list)),
  );
  return [
    // It knows no lists: only who wants nothing at all belongs there.
    ...(unsubscribe.sesAccountList && list === everything ? [accountList] : []),
    ...webhooks.map(([name]) => `webhook:${name}`),
  ];
}

/** `undefined` when the configuration has no such target any more. */
export function findTarget(
  { unsubscribe }: Pick<ResolvedConfig, "unsubscribe">,
  name: string,
): PropagationTarget | undefined {
  if (name === accountList) return unsubscribe.sesAccountList ? { kind: accountList } : undefined;
  const webhookName = name.startsWith("webhook:") ? name.slice("webhook:".length) : undefined;
  const webhook = webhookName === undefined ? undefined : unsubscribe.webhooks[webhookName];
  return webhookName === undefined || webhook === undefined
    ? undefined
    : { kind: "webhook", name: webhookName, webhook };
}
