import { useEffect, useState } from "preact/hooks";

/** Where the page is: `#/message/<id>/text?q=…` is name `message`, the rest in `parts`. */
export interface Route {
  readonly name: string;
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export function readRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name = "", ...parts] = path.split("/");
  return { name, parts: parts.map(decode), query: new URLSearchParams(query) };
}

/** The path of a place in the page, every part escaped. */
export function hrefOf(name: string, parts: readonly string[] = [], query: Readonly<Record<string, string>> = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const path = [name, ...parts.map(encodeURIComponent)].join("/");
  return `#/${path}${given.length > 0 ? `?${new URLSearchParams(given)}` : ""}`;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(readRoute(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

// Somebody may have typed it.
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
