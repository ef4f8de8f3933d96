// @ts-check
// The console: plain DOM, no build, nothing from elsewhere. Whatever came by mail is put in as text, never as HTML.
import { empty } from "./dom.js";
import { findings } from "./findings.js";
import { journey } from "./journey.js";
import { messages } from "./messages.js";
import { outbox } from "./outbox.js";
import { quarantine } from "./quarantine.js";
import { refusals } from "./refusals.js";
import { status } from "./status.js";

/** @typedef {{ title: string; data: unknown; draw: () => readonly (Node | string | null | undefined | false)[] }} View */
/** @type {Record<string, (argument: string | undefined, query: URLSearchParams) => Promise<View>>} */
const views = {
  "": () => messages(undefined, place().query),
  stream: messages,
  message: (id) => journey(id ?? ""),
  refusals,
  quarantine,
  findings,
  outbox,
  status,
};

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const live = /** @type {HTMLElement} */ (document.getElementById("live"));

let turn = 0;
let drawn = "";

function place() {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "", argument] = path.split("/");
  return {
    name,
    argument: argument === undefined ? undefined : decodeURIComponent(argument),
    query: new URLSearchParams(query),
  };
}

async function render() {
  const mine = ++turn;
  const { name, argument, query } = place();
  const tab = name === "stream" || name === "message" ? "" : name;
  for (const link of document.querySelectorAll("header nav a")) {
    if (link.getAttribute("href") === `#/${tab}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  /** @type {View} */
  let view;
  try {
    view = (await (views[name] ?? views[""])?.(argument, query)) ?? notFound();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    view = { title: "Failed", data: why, draw: () => [empty("This cannot be shown", why)] };
  }
  // A later call has already drawn something newer; or nothing of what is shown has changed.
  const fingerprint = location.hash + JSON.stringify(view.data);
  if (mine !== turn || fingerprint === drawn) return;
  drawn = fingerprint;
  document.title = `${view.title} · Mailweir`;
  keepPlace(() =>
    main.replaceChildren(...view.draw().filter((child) => child !== null && child !== undefined && child !== false)),
  );
}

/** @returns {View} */
const notFound = () => ({
  title: "Not found",
  data: null,
  draw: () => [empty("There is no such page", "Choose one above.")],
});

/**
 * Draws anew without taking the keyboard's place or what was unfolded.
 *
 * @param {() => void} draw
 */
function keepPlace(draw) {
  const focused = keyOf(document.activeElement);
  /** @type {Map<string, boolean>} */
  const unfolded = new Map();
  for (const details of main.querySelectorAll("details")) unfolded.set(keyOf(details), details.open);
  draw();
  for (const details of main.querySelectorAll("details")) details.open = unfolded.get(keyOf(details)) ?? details.open;
  if (focused === "") return;
  for (const element of main.querySelectorAll("a, button, summary, [tabindex]")) {
    if (element instanceof HTMLElement && keyOf(element) === focused) return element.focus({ preventScroll: true });
  }
}

/** @param {Element | null} element */
function keyOf(element) {
  if (element === null || !main.contains(element)) return "";
  const key = element.getAttribute("data-key") ?? element.getAttribute("href") ?? element.getAttribute("aria-label");
  return key ?? element.parentElement?.getAttribute("data-key") ?? "";
}

addEventListener("hashchange", async () => {
  await render();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});

const events = new EventSource("/api/events");
// Many commits in a row are one look; while nobody looks at the page there is nothing to draw.
let waiting = false;
const refresh = () => {
  if (document.hidden || waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    void render();
  }, 100);
};
events.addEventListener("changed", refresh);
document.addEventListener("visibilitychange", refresh);
events.addEventListener("open", () => {
  live.textContent = "live";
  live.className = "on";
  refresh();
});
events.addEventListener("error", () => {
  live.textContent = "not connected: is the engine running?";
  live.className = "";
});
void render();
