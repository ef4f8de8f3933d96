import { useEffect, useState } from "preact/hooks";

export type Connection = "connecting" | "live" | "lost";

type News = "changed" | "indexed";

const tellers: Readonly<Record<News, Set<() => void>>> = { changed: new Set(), indexed: new Set() };
const connections = new Set<(state: Connection) => void>();
let connection: Connection = "connecting";

/** Starts to listen to the engine, once for the page. Many commits in a row are one look, and none while nobody looks. */
export function listen(): void {
  const events = new EventSource("/api/events");
  const due = new Set<News>();
  const heard = (news: News) => {
    if (document.hidden || due.has(news)) return;
    due.add(news);
    setTimeout(() => {
      due.delete(news);
      for (const tell of tellers[news]) tell();
    }, 100);
  };
  const changed = () => heard("changed");
  const become = (state: Connection) => {
    connection = state;
    for (const tell of connections) tell(state);
  };
  events.addEventListener("changed", changed);
  events.addEventListener("indexed", () => heard("indexed"));
  document.addEventListener("visibilitychange", changed);
  events.addEventListener("open", () => {
    const again = connection === "lost";
    become("live");
    if (again) changed();
  });
  events.addEventListener("error", () => become("lost"));
}

/** Calls when something was committed. */
export const onChange = (tell: () => void): (() => void) => listenFor("changed", tell);

/** Calls when words of more messages can be found than before. */
export const onIndexed = (tell: () => void): (() => void) => listenFor("indexed", tell);

function listenFor(news: News, tell: () => void): () => void {
  tellers[news].add(tell);
  return () => tellers[news].delete(tell);
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
