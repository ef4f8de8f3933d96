/** Brings a message of one version to the next one: parsed JSON, `version` included. */
export type MessageUpgrade = (older: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/**
 * The steps in their order: the first one makes version 2 of version 1. Raising `streamMessageVersion` means a step here,
 * and a message of the version before kept in `test/shared/streams/kept/`.
 */
export const messageUpgrades: readonly MessageUpgrade[] = [];

/**
 * What a worker reads while a deployment rolls on: messages of the router before, still on the queue, in today's form. A
 * newer message, and what is none, comes back as it is.
 */
export function upgradeMessage(json: unknown, upgrades: readonly MessageUpgrade[] = messageUpgrades): unknown {
  let message = json;
  while (typeof message === "object" && message !== null && "version" in message) {
    const version = typeof message.version === "number" ? message.version : Number.NaN;
    const upgrade = Number.isInteger(version) ? upgrades[version - 1] : undefined;
    if (!upgrade) break;
    message = { ...upgrade(message as Readonly<Record<string, unknown>>), version: version + 1 };
  }
  return message;
}
