import { kindOf } from "../sinks/kinds.ts";
import type { ResolvedConfig, SecretSource } from "./types.ts";

export interface NamedSecret {
  /** Where the configuration names it. */
  readonly at: string;
  readonly source: SecretSource;
}

/** Every secret that the configuration names and a function reads: of token keys, webhooks, sinks, mail accounts, forwarding. */
export function namedSecrets({ tokens, unsubscribe, streams, personal, tickets }: ResolvedConfig): NamedSecret[] {
  const secret = (at: string, source: SecretSource | undefined) => (source === undefined ? [] : [{ at, source }]);
  return [
    ...(tokens?.keys ?? []).flatMap(({ id, secretFrom }) => secret(`tokens.keys, ${id}`, secretFrom)),
    ...secret("tokens.addressSecretFrom", tokens?.addressSecretFrom),
    ...Object.entries(unsubscribe.webhooks).flatMap(([name, { secretFrom }]) =>
      secret(`unsubscribe.propagate.webhooks.${name}`, secretFrom),
    ),
    ...streams.flatMap(({ name, webhook }) => secret(`streams.${name}.webhook`, webhook?.secretFrom)),
    ...Object.entries(tickets.sinks).flatMap(([name, settings]) =>
      kindOf(settings)
        .secrets(settings)
        .flatMap((source) => secret(`tickets.sinks.${name}`, source)),
    ),
    ...streams.flatMap(({ name, delivery }) =>
      Object.entries(delivery).flatMap(([address, entries]) =>
        [entries]
          .flat()
          .flatMap((entry) =>
            entry.kind === "imap" ? secret(`streams.${name}.delivery, ${address}`, entry.account.passwordFrom) : [],
          ),
      ),
    ),
    ...secret("personal.forwarding.key", personal.forwarding.key?.privateKeyFrom),
  ];
}
