import type { EngineHooks } from "../local/engine-hooks.ts";

/** Notices whatever begins or ends behind an engine's rules, so that nobody takes a pause between two functions for the end. */
export function watchActivity(hooks: EngineHooks): { readonly hooks: EngineHooks; count(): number } {
  let count = 0;
  return {
    count: () => count,
    hooks: {
      ...hooks,
      queues(queues) {
        const { receive } = hooks.queues?.(queues) ?? queues;
        return {
          ...queues,
          async receive(queue, options) {
            const messages = await receive(queue, options);
            if (messages.length > 0) count += 1;
            return messages;
          },
        };
      },
      host(host) {
        const { invoke } = hooks.host?.(host) ?? host;
        return {
          ...host,
          async invoke(functionName, event, options) {
            count += 1;
            try {
              return await invoke(functionName, event, options);
            } finally {
              count += 1;
            }
          },
        };
      },
    },
  };
}
