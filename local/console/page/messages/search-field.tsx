import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { EngineStatus } from "../../../store/engine-store.ts";
import type { ApiError } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { type Suggestion, suggest } from "./operators.ts";

export interface SearchFieldProps {
  readonly stream: string | undefined;
  readonly search: string;
  /** The engine's complaint about this search. */
  readonly error: ApiError | undefined;
}

/** The search, with its operators suggested as one writes. It searches when one pauses, and its address can be kept. */
export function SearchField({ stream, search, error }: SearchFieldProps) {
  const [text, setText] = useState(search);
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const { value: status } = useAnswer<EngineStatus>("/status");
  const streams = Object.keys(status?.byStream ?? {}).filter((name) => name !== "none");
  const suggestions = open ? suggest(text, streams) : [];

  useEffect(() => {
    if (document.activeElement !== field.current) setText(search);
  }, [search]);
  useEffect(() => {
    if (text.trim() === search) return;
    const timer = setTimeout(() => show(stream, text), 250);
    return () => clearTimeout(timer);
  }, [text, search, stream]);

  const take = (suggestion: Suggestion) => {
    setText(suggestion.search);
    setChosen(-1);
    field.current?.focus();
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return setOpen(true);
      const by = event.key === "ArrowDown" ? 1 : -1;
      setChosen((at) => Math.max(-1, Math.min(suggestions.length - 1, at + by)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const suggestion = suggestions[chosen];
      if (suggestion) return take(suggestion);
      setOpen(false);
      show(stream, text);
      field.current?.blur();
    } else if (event.key === "Escape" && open && suggestions.length > 0) {
      event.stopPropagation();
      setOpen(false);
    }
  };

  return (
    <search class="search">
      <input
        id="search"
        ref={field}
        type="text"
        role="combobox"
        aria-label="Search messages"
        aria-expanded={suggestions.length > 0}
        aria-controls={`${id}list`}
        aria-autocomplete="list"
        aria-activedescendant={chosen >= 0 ? `${id}${chosen}` : undefined}
        aria-invalid={error !== undefined}
        aria-describedby={error ? `${id}error` : undefined}
        placeholder="Search: words, from:, is:failed…"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(-1);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={pressed}
      />
      <div
        class="suggestions"
        id={`${id}list`}
        role="listbox"
        aria-label="Search operators"
        hidden={suggestions.length === 0}
      >
        {suggestions.map((suggestion, index) => (
          <div
            key={suggestion.text}
            id={`${id}${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            // The field keeps the keyboard.
            onMouseDown={(event) => {
              event.preventDefault();
              take(suggestion);
            }}
          >
            <code>{suggestion.text}</code>
            <span class="meta">{suggestion.what}</span>
          </div>
        ))}
      </div>
      {error && (
        <p class="bad" id={`${id}error`} role="alert">
          {error.message}
        </p>
      )}
    </search>
  );
}

/** A search is a place: the browser's back button leaves it, but not letter by letter. */
function show(stream: string | undefined, text: string): void {
  const search = { q: text.trim() };
  const href = stream === undefined ? hrefOf("", [], search) : hrefOf("stream", [stream], search);
  if (href === location.hash || (href === "#/" && location.hash === "")) return;
  history.replaceState(null, "", href);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
