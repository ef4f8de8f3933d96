import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { wordsOf } from "../shell/api.ts";

export interface ActButtonProps {
  readonly children: ComponentChildren;
  /** Does it, and says what came of it. */
  readonly act: () => Promise<string>;
  readonly kind?: "plain" | "main" | "danger";
  /** For those who only hear the page, where the words alone could be of any row. */
  readonly label?: string;
}

/** A button that says beside itself what it is doing, what came of it, and what went wrong. */
export function ActButton({ children, act, kind = "plain", label }: ActButtonProps) {
  const [said, setSaid] = useState({ text: "", bad: false });
  const busy = useRef(false);
  const press = async () => {
    if (busy.current) return;
    busy.current = true;
    setSaid({ text: "…", bad: false });
    try {
      setSaid({ text: await act(), bad: false });
    } catch (error) {
      setSaid({ text: wordsOf(error), bad: true });
    }
    busy.current = false;
  };
  return (
    <>
      <button type="button" class={kind} onClick={press} aria-label={label}>
        {children}
      </button>
      <span class={said.bad ? "said bad" : "said"} role="status">
        {said.text}
      </span>
    </>
  );
}
