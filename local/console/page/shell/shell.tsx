import { useEffect, useRef, useState } from "preact/hooks";
import { Empty } from "../show/empty.tsx";
import { Help } from "./help.tsx";
import { useKeys } from "./keys.ts";
import { useConnection } from "./live.ts";
import { hrefOf, useRoute } from "./route.ts";
import { menu, views } from "./views.tsx";

const connectionSays = {
  connecting: "connecting",
  live: "live",
  lost: "not connected: is the engine running?",
} as const;

/** The frame around every view: menu, connection, keyboard. */
export function Shell() {
  const route = useRoute();
  const view = views[route.name];
  const connection = useConnection();
  const [open, setOpen] = useState(false);
  const [helping, setHelping] = useState(false);
  const main = useRef<HTMLElement>(null);
  useKeys({ help: () => setHelping(true) });

  const place = [route.name, ...route.parts].join("/");
  const first = useRef(true);
  useEffect(() => {
    setOpen(false);
    if (view) document.title = `${view.title} · Mailweir`;
    if (!first.current) {
      // Tabs within one message leave the keyboard where it is.
      if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [place]);

  return (
    <>
      <header class={open ? "open" : ""}>
        <a class="skip" href={location.hash || "#/"} onClick={(event) => skipTo(event, main.current)}>
          Skip to content
        </a>
        <h1>
          <a href="#/">Mailweir</a>
        </h1>
        <button type="button" class="menu" aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>
          Menu
        </button>
        <nav id="menu" aria-label="Views">
          {menu.map(([name, title]) => (
            <a key={name} href={hrefOf(name)} aria-current={view?.menu === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <p class={`connection ${connection}`} role="status">
          {connectionSays[connection]}
        </p>
        <button type="button" class="keys" onClick={() => setHelping(true)}>
          Keys <kbd>?</kbd>
        </button>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {view ? view.draw(route) : <Empty title="There is no such page" hint="Choose one from the menu." />}
      </main>
      <Help open={helping} close={() => setHelping(false)} />
    </>
  );
}

function skipTo(event: Event, main: HTMLElement | null): void {
  event.preventDefault();
  main?.focus();
}
