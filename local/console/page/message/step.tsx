import type { ComponentChildren } from "preact";
import type { Tone } from "../show/pill.tsx";

/** One station of the path: a mark on the line, and a card beside it. */
export function Step(props: { tone: Tone; title: string; badge?: ComponentChildren; children?: ComponentChildren }) {
  const { tone, title, badge, children } = props;
  return (
    <li class={`step ${tone}`}>
      <div class="card">
        <div class="head">
          <h3>{title}</h3>
          {badge}
        </div>
        {children}
      </div>
    </li>
  );
}
