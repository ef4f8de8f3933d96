import type { ResolvedConfig } from "../shared/config/types.ts";
import type { Webhooks } from "../shared/ports.ts";
import type { FunctionHost } from "./invoke/function-host.ts";
import type { Store } from "./store/open-store.ts";
import type { LocalQueues } from "./store/queues.ts";

/** Where the test kit steps between the engine and its world. `mailweir start` passes none. */
export interface EngineHooks {
  /** Asked in place of what the configuration names. */
  readonly dns?: ResolvedConfig["local"]["dns"];
  /** Calls URLs in place of the network. */
  readonly webhooks?: Webhooks;
  /** Outgoing mail stays in the outbox, whatever smarthost the configuration names. */
  readonly keepsOutgoing?: boolean;
  /** What handlers see of the store. */
  readonly ports?: (ports: Store["ports"]) => Store["ports"];
  /** What the event source mappings see of the queues. */
  readonly queues?: (queues: LocalQueues) => LocalQueues;
  readonly host?: (host: FunctionHost) => FunctionHost;
  readonly freeDiskBytes?: (read: () => Promise<number>) => Promise<number>;
}
