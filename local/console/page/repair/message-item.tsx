import type { ComponentChildren } from "preact";
import { hrefOf } from "../shell/route.ts";
import { subjectOf } from "../show/text.ts";

export interface MessageItemProps {
  readonly id: string;
  readonly subject: string | null;
  /** From whom, to whom, since when. */
  readonly about: ComponentChildren;
  /** What went wrong with it. */
  readonly children: ComponentChildren;
  /** The buttons that mend it. */
  readonly buttons: ComponentChildren;
}

/** A message that waits for somebody's decision. */
export function MessageItem({ id, subject, about, children, buttons }: MessageItemProps) {
  return (
    <>
      <a class="subject" data-row href={hrefOf("message", [id])}>
        {subjectOf(subject)}
      </a>
      <div class="meta">{about}</div>
      {children}
      <p class="buttons">{buttons}</p>
    </>
  );
}
