import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { hrefOf, useRoute } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "./empty.tsx";

export interface PagedListProps<Answer, Item> {
  /** What is listed, in the plural: "refusals". */
  readonly name: string;
  /** Below `/api`, with whatever it is asked beside its place. */
  readonly path: string;
  /** What the engine calls the place behind which a page begins. */
  readonly cursor: "before" | "after";
  /** What that place is called in the page's address; two lists in one view have two names. */
  readonly at?: string;
  readonly items: (answer: Answer) => readonly Item[];
  readonly keyOf: (item: Item) => string | number;
  readonly row: (item: Item, again: () => void) => ComponentChildren;
  /** Shown while nothing is there at all. */
  readonly empty: ComponentChildren;
  /** Between heading and list, where the list is not empty. */
  readonly above?: (items: readonly Item[], answer: Answer) => ComponentChildren;
}

export const pageSize = 50;

/**
 * One page of a long list: its beginning, or what stands behind the cursor in the page's address. So the thousandth page costs
 * what the first did, the browser's back button leads to the one before, and what comes meanwhile moves nothing.
 */
export function PagedList<Answer extends { readonly next: string | number | null }, Item>({
  name,
  path,
  cursor,
  at = "at",
  items,
  keyOf,
  row,
  empty,
  above,
}: PagedListProps<Answer, Item>) {
  const { name: view, parts, query } = useRoute();
  const place = query.get(at) ?? "";
  const asked = new URLSearchParams({ limit: String(pageSize), ...(place !== "" && { [cursor]: place }) });
  const { value, error, again } = useAnswer<Answer>(`${path}${path.includes("?") ? "&" : "?"}${asked}`);

  const top = useRef<HTMLDivElement>(null);
  const shown = useRef(place);
  useEffect(() => {
    if (shown.current === place) return;
    shown.current = place;
    top.current?.scrollIntoView();
    top.current?.focus({ preventScroll: true });
  }, [place]);

  const listed = value && items(value);
  const href = (next: string) => hrefOf(view, parts, { ...Object.fromEntries(query), [at]: next });
  const next = value?.next ?? null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section of its own would be one landmark too many.
    <div class="paged" ref={top} tabIndex={-1} role="group" aria-label={place === "" ? name : `older ${name}`}>
      {error !== undefined && <Failed error={error} />}
      {listed?.length === 0 && place === "" && empty}
      {listed?.length === 0 && place !== "" && (
        <Empty title="Nothing more" hint={`There are no ${name} behind these.`} />
      )}
      {value && listed && listed.length > 0 && (
        <>
          {above?.(listed, value)}
          <ul class="list">
            {listed.map((item) => (
              <li key={keyOf(item)}>{row(item, again)}</li>
            ))}
          </ul>
        </>
      )}
      {listed && (place !== "" || next !== null) && (
        <nav class="pages" aria-label={`Pages of ${name}`}>
          {place !== "" && (
            <a class="button" href={href("")}>
              ← Back to the first
            </a>
          )}
          {next !== null && (
            <a class="button" data-row href={href(String(next))}>
              More {name} →
            </a>
          )}
        </nav>
      )}
    </div>
  );
}
