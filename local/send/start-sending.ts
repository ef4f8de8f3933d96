import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Clock, Random } from "../../shared/ports.ts";
import { secretFromEnvironment } from "../environment.ts";
import type { Log } from "../log.ts";
import type { Ticking } from "../scheduler.ts";
import type { Store } from "../store/open-store.ts";
import { createOutboxPump } from "./outbox-pump.ts";
import { createSmarthost } from "./smarthost.ts";

export interface Sending extends Ticking {
  /** Starts nothing new; breaks off after so many milliseconds what has not ended. */
  stop(drainMs: number): Promise<void>;
}

const defaultGiveUpAfterHours = 120;
const defaultConnections = 2;
const hourMs = 3_600_000;

/**
 * Sends the outbox through the configured smarthost.
 *
 * @throws {MissingSecretError} when its password is not in the environment
 */
export function startSending(
  { local, domains }: Pick<ResolvedConfig, "local" | "domains">,
  { ports }: Pick<Store, "ports">,
  parts: { readonly clock: Clock; readonly random: Random; readonly log: Pick<Log, "info" | "warn" | "error"> },
): Sending | undefined {
  const config = local.smarthost;
  if (!config) return undefined;
  const password = config.auth && secretFromEnvironment(config.auth.passwordFrom, "local.smarthost.auth.passwordFrom");
  const smarthost = createSmarthost({
    config,
    name: domains[0] ?? "localhost",
    ...(password !== undefined && { password }),
  });
  const pump = createOutboxPump({
    ...parts,
    outbox: ports.outbox,
    smarthost,
    connections: config.connections ?? defaultConnections,
    giveUpAfterMs: (config.giveUpAfterHours ?? defaultGiveUpAfterHours) * hourMs,
  });
  return {
    tick: () => pump.tick(),
    async stop(drainMs) {
      pump.stop();
      const timer = setTimeout(smarthost.close, drainMs);
      await pump.idle();
      clearTimeout(timer);
    },
  };
}
