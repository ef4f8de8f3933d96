import type { ComponentChildren } from "preact";
import { wordsOf } from "../shell/api.ts";

/** What an empty place says: why it is empty, and what to do. */
export function Empty(props: { title: string; hint: string; command?: string; children?: ComponentChildren }) {
  const { title, hint, command, children } = props;
  return (
    <div class="empty">
      <p class="title">{title}</p>
      <p>{hint}</p>
      {command !== undefined && (
        <p>
          <code>{command}</code>
        </p>
      )}
      {children}
    </div>
  );
}

/** What could not be shown, in the engine's words. */
export function Failed({ error }: { error: unknown }) {
  return (
    <div class="empty failed" role="alert">
      <p class="title">This cannot be shown</p>
      <p>{wordsOf(error)}</p>
    </div>
  );
}
