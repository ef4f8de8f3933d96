import type { ResolvedConfig } from "../config/types.ts";
import { deferred } from "./deferred.ts";
import { openDynamo } from "./dynamo.ts";
import { createEffects } from "./effects.ts";
import type { Environment } from "./environment.ts";
import { connectionOf } from "./machine.ts";
import { openWorker } from "./open-worker.ts";

/** Every port, for whatever delivers to mailboxes: those of a worker, and the mailboxes. */
export function openDeliveryWorker(environment: Environment, config: ResolvedConfig): ReturnType<typeof openWorker> {
  const ports = openWorker(environment, config);
  const { objects, keys, random, secrets } = ports;
  const effects = createEffects(openDynamo(connectionOf(environment)), environment.ledgerTable);
  return {
    ...ports,
    mailboxes: deferred(async () => {
      const { createBucketMailboxes } = await import("./mailboxes.ts");
      const { createImapMailboxes } = await import("../delivery/imap-mailbox.ts");
      return createBucketMailboxes({ objects, keys, random }, effects, config, createImapMailboxes({ secrets }));
    }),
  };
}
