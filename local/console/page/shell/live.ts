import { useEffect, useState } from "preact/hooks";

export type Connection = "connecting" | "live" | "lost";

const changes = new Set<() => void>();
const connections = new Set<(state: Connection) => void>();
let connection: Connection = "connecting";

/** Starts to listen to the engine, once for the page. Many commits in a row are one look, and none while nobody looks. */
export function listen(): void {
  const events = new EventSource("/api/events");
  let due = false;
  const changed = () => {
    if (document.hidden || due) return;
    due = true;
    setTimeout(() => {
      due = false;
      for (const tell of changes) tell();
    }, 100);
  };
  const become = (state: Connection) => {
    connection = state;
    for (const tell of connections) tell(state);
  };
  events.addEventListener("changed", changed);
  document.addEventListener("visibilitychange", changed);
  events.addEventListener("open", () => {
    const again = connection === "lost";
    become("live");
    if (again) changed();
  });
  events.addEventListener("error", () => become("lost"));
}

/** Calls when something was committed. */
export function onChange(tell: () => void): () => void {
  changes.add(tell);
  return () => changes.delete(tell);
}

export function useConnection(): Connection {
  const [state, setState] = useState(connection);
  useEffect(() => {
    connections.add(setState);
    setState(connection);
    return () => {
      connections.delete(setState);
    };
  }, []);
  return state;
}
