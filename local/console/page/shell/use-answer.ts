import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.ts";
import { onChange } from "./live.ts";

export interface Answered<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  /** Asks again, now. */
  readonly again: () => void;
}

/**
 * What the API says at `path`, asked anew whenever the engine committed something. The last answer stays while the next one
 * is under way, and an answer that says the same draws nothing.
 */
export function useAnswer<T>(path: string): Answered<T> {
  const [state, setState] = useState<{ path: string; value?: T; error?: unknown }>({ path });
  const said = useRef("");
  const turn = useRef(0);

  const again = useCallback(() => {
    const mine = ++turn.current;
    const show = (next: { value: T } | { error: unknown }, text: string) => {
      // A later question has been asked since; or nothing is new.
      if (mine !== turn.current || text === said.current) return;
      said.current = text;
      setState({ path, ...next });
    };
    get<T>(path).then(
      (value) => show({ value }, `${path} ${JSON.stringify(value)}`),
      (error) => show({ error }, `${path} ! ${error}`),
    );
  }, [path]);

  useEffect(() => {
    again();
    const stop = onChange(again);
    return () => {
      turn.current += 1;
      stop();
    };
  }, [again]);

  const mine = state.path === path;
  return { value: mine ? state.value : undefined, error: mine ? state.error : undefined, again };
}
