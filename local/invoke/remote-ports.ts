import type { Clock, Ports, Random } from "../../shared/ports.ts";
import type { CallHandler } from "./channel.ts";

/** Ports whose every call is a message to the thread that owns the database. */
export function remotePorts(
  call: (target: string, method: string, args: readonly unknown[]) => Promise<unknown>,
  clock: Clock,
  random: Random,
): Ports {
  const remote = <Name extends RemotePort>(target: Name): Ports[Name] =>
    new Proxy({} as Ports[Name], {
      get: (_, method) =>
        typeof method === "string" && method !== "then"
          ? (...args: readonly unknown[]) => call(target, method, args)
          : undefined,
    });
  return {
    clock,
    random,
    objects: remote("objects"),
    queues: remote("queues"),
    topics: remote("topics"),
    keys: remote("keys"),
    secrets: remote("secrets"),
    ledger: remote("ledger"),
    suppressions: remote("suppressions"),
    propagations: remote("propagations"),
    webhooks: remote("webhooks"),
    accountList: remote("accountList"),
    tickets: remote("tickets"),
    mailboxes: remote("mailboxes"),
    quarantine: remote("quarantine"),
    records: remote("records"),
    outbox: remote("outbox"),
    limits: remote("limits"),
    tallies: remote("tallies"),
    senders: remote("senders"),
  };
}

type RemotePort = Exclude<keyof Ports, "clock" | "random">;

/** The other side: performs such a call on the real ports. Only methods that a port has can be reached. */
export function serveCalls(ports: Omit<Ports, "clock" | "random">): CallHandler {
  return async (target, method, args) => {
    const port: unknown = Object.hasOwn(ports, target) ? ports[target as RemotePort] : undefined;
    const member: unknown =
      typeof port === "object" && port !== null && Object.hasOwn(port, method)
        ? (port as Record<string, unknown>)[method]
        : undefined;
    if (typeof member !== "function") throw new Error(`there is no ${target}.${method}`);
    return (member as (...args: readonly unknown[]) => unknown).apply(port, [...args]);
  };
}
