import { useEffect } from "preact/hooks";

/** What each key does, for the help and for who wonders. */
export const keys: readonly (readonly [key: string, what: string])[] = [
  ["j", "next in the list"],
  ["k", "the one before"],
  ["Enter", "open it"],
  ["/", "search"],
  ["Esc", "leave the search, or go back to the list"],
  ["c", "compose"],
  ["?", "this help"],
];

/** The keyboard, wherever nobody is writing. Rows of a list carry `data-row` on what Enter is to open. */
export function useKeys({ help }: { readonly help: () => void }): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const at = event.target instanceof HTMLElement ? event.target : document.body;
      const writing = at.matches("input, textarea, select");
      if (event.key === "Escape") leave(at, writing);
      if (writing) return;
      const does: Readonly<Record<string, () => void>> = {
        j: () => move(1),
        k: () => move(-1),
        "/": search,
        c: () => go("#/compose"),
        "?": help,
      };
      const action = does[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [help]);
}

function move(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const here = document.activeElement ?? document.body;
  // From anywhere in a list, or beside one: to the row that comes next from there.
  const side = by === 1 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING;
  const beyond = rows.filter((row) => (here.compareDocumentPosition(row) & side) !== 0);
  const next = by === 1 ? beyond[0] : beyond.at(-1);
  next?.focus({ preventScroll: true });
  next?.closest("li")?.scrollIntoView({ block: "nearest" });
}

function search(): void {
  const field = document.querySelector<HTMLInputElement>("#search");
  field?.focus();
  field?.select();
  if (!field) go("#/");
}

function leave(at: HTMLElement, writing: boolean): void {
  if (writing) at.blur();
  else document.querySelector<HTMLAnchorElement>("a[data-back]")?.click();
}

function go(hash: string): void {
  location.hash = hash;
}
