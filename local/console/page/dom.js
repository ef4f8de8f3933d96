// @ts-check

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * el("a", { class: "x", href: "…" }, "text", otherElement). Children are nodes or text, never HTML; `null` and `false` are left
 * out, as are attributes without a value. `onclick` and the like are listeners.
 *
 * @param {string} name
 * @param {Record<string, string | boolean | null | undefined | ((event: Event) => void)>} [attributes]
 * @param {...(Child | readonly Child[])} children
 * @returns {HTMLElement}
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (typeof value === "string") element.setAttribute(key, value);
    else if (value === true) element.setAttribute(key, "");
  }
  for (const child of children.flat()) if (child) element.append(child);
  return element;
}

/**
 * A stranger's text as it may be shown: characters that turn, hide or break text are a dot.
 *
 * @param {unknown} text
 */
export function safe(text) {
  return String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
}

/**
 * @param {number} quantity
 * @param {string} noun
 */
export function count(quantity, noun) {
  return `${quantity.toLocaleString()} ${noun}${quantity === 1 ? "" : "s"}`;
}

/**
 * A time, short, with the whole of it for those who ask.
 *
 * @param {string} iso
 */
export function time(iso) {
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = date.toLocaleDateString([], { day: "numeric", month: "short" });
  return el("time", { datetime: iso, title: iso }, today ? clock : `${day}, ${clock}`);
}

/**
 * Names and values; those without a value are left out.
 *
 * @param {readonly (readonly [string, string | Node | null | undefined])[]} pairs
 */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el(
    "dl",
    {},
    given.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value instanceof Node ? value : safe(value))]),
  );
}

/**
 * What an empty place says: why it is empty, and what to do.
 *
 * @param {string} title
 * @param {string} hint
 * @param {string} [command]
 */
export function empty(title, hint, command) {
  return el(
    "div",
    { class: "empty" },
    el("p", { class: "title" }, title),
    el("p", {}, hint),
    command !== undefined && el("p", {}, el("code", {}, command)),
  );
}

/**
 * A state as a pill: the word says it, the colour only repeats it.
 *
 * @param {string} state
 * @param {string} [text]
 */
export function pill(state, text = state) {
  return el("span", { class: `pill ${tone(state)}` }, text);
}

/** @param {string} state */
export function tone(state) {
  if (state === "done" || state === "PASS" || state === "runs") return "good";
  if (state === "failed" || state === "FAIL") return "bad";
  if (["no-match", "disabled", "skipped", "DISABLED", "stopped", "tls"].includes(state)) return "off";
  return "wait";
}
