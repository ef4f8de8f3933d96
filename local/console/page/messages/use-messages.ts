import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ListedMessage } from "../../../store/engine-store.ts";
import { get } from "../shell/api.ts";
import { onChange, onIndexed } from "../shell/live.ts";

interface Page {
  readonly messages: readonly ListedMessage[];
  readonly next: number | null;
  /** How many messages a search cannot find yet. */
  readonly notIndexed: number;
}

export interface MessagesState extends Page {
  readonly error: unknown;
  readonly loaded: boolean;
  /** Asks for the next page; more than once at a time is once. */
  readonly more: () => void;
}

const pageSize = 50;
const nothing: Page = { messages: [], next: null, notIndexed: 0 };

/**
 * The list as far as it was scrolled. What is new comes on top and what changed is changed, by asking for the first page
 * again; pages further down are asked for once, with the last one's cursor, so that the thousandth costs what the second did.
 */
export function useMessages(filter: { readonly stream?: string | undefined; readonly search: string }): MessagesState {
  const path = pathOf(filter);
  const indexed = filter.search !== "";
  const [page, setPage] = useState<Page & { path: string; loaded: boolean; error?: unknown }>({
    ...nothing,
    path,
    loaded: false,
  });
  const turn = useRef(0);
  const loading = useRef(false);

  useEffect(() => {
    let alive = true;
    const refresh = () => {
      const mine = ++turn.current;
      get<Page>(path).then(
        (head) => {
          if (!alive || mine !== turn.current) return;
          setPage((shown) => ({ ...joined(shown.path === path ? shown : nothing, head), path, loaded: true }));
        },
        (error) => alive && mine === turn.current && setPage({ ...nothing, path, loaded: true, error }),
      );
    };
    refresh();
    const stop = onChange(refresh);
    // What a search finds is in an index that no mail waits for: it says itself when it has more.
    const stopIndexed = indexed ? onIndexed(refresh) : () => undefined;
    return () => {
      alive = false;
      loading.current = false;
      stop();
      stopIndexed();
    };
  }, [path, indexed]);

  const { next } = page;
  const more = useCallback(() => {
    if (next === null || loading.current) return;
    loading.current = true;
    get<Page>(`${path}&before=${next}`).then(
      (tail) => {
        loading.current = false;
        setPage((shown) =>
          shown.path === path && shown.next === next
            ? { ...shown, messages: [...shown.messages, ...tail.messages], next: tail.next }
            : shown,
        );
      },
      (error) => {
        loading.current = false;
        setPage((shown) => (shown.path === path ? { ...shown, error } : shown));
      },
    );
  }, [path, next]);

  const mine = page.path === path;
  return {
    messages: mine ? page.messages : [],
    next: mine ? page.next : null,
    notIndexed: mine ? page.notIndexed : 0,
    loaded: mine && page.loaded,
    error: mine ? page.error : undefined,
    more,
  };
}

/** The first page anew, on top of what was shown below it. */
export function joined(shown: Page, head: Page): Page {
  const last = head.messages.at(-1)?.sequence;
  if (last === undefined || head.next === null) return head;
  // More has come than one page holds: between it and what was shown there may be a gap, so the list begins anew.
  const newest = shown.messages[0]?.sequence;
  if (newest === undefined || newest < last) return head;
  const below = shown.messages.filter(({ sequence }) => sequence < last);
  return below.length === 0 ? head : { ...head, messages: [...head.messages, ...below], next: shown.next };
}

function pathOf({ stream, search }: { readonly stream?: string | undefined; readonly search: string }): string {
  const query = new URLSearchParams({ limit: String(pageSize) });
  if (stream !== undefined) query.set("stream", stream);
  if (search !== "") query.set("q", search);
  return `/messages?${query}`;
}
