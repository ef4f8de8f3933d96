/**
 * A port that is loaded at its first call: a function that seldom needs it starts without its client. For ports all of whose
 * members are methods that answer promises. What could not be opened is opened anew by the next call.
 */
export function deferred<Port extends object>(open: () => Promise<Port>): Port {
  let opened: Promise<Port> | undefined;
  const methods = new Map<PropertyKey, (...args: readonly unknown[]) => Promise<unknown>>();
  return new Proxy({} as Port, {
    get(_target, name) {
      // A promise that resolves with a port asks whether the port is one.
      if (name === "then") return undefined;
      const known = methods.get(name);
      if (known) return known;
      const method = async (...args: readonly unknown[]): Promise<unknown> => {
        opened ??= open();
        opened.catch(() => {
          opened = undefined;
        });
        const port = (await opened) as Record<PropertyKey, (...args: readonly unknown[]) => Promise<unknown>>;
        const call = port[name];
        if (typeof call !== "function") throw new TypeError(`the port has no ${String(name)}`);
        return call.apply(port, [...args]);
      };
      methods.set(name, method);
      return method;
    },
  });
}
