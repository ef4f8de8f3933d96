// @ts-check
import { count, el, empty, pill, safe, time } from "./dom.js";
import { get } from "./http.js";

/** @typedef {import("../../store/engine-store.ts").ListedMessage} ListedMessage */

const pageSize = 50;

/**
 * The live list, of one stream or all: `#/`, `#/stream/<name>`.
 *
 * @param {string | undefined} stream
 * @param {URLSearchParams} query `shown`: how many
 */
export async function messages(stream, query) {
  const limit = Math.min(Number(query.get("shown")) || pageSize, 500);
  const filter = stream === undefined ? "" : `&stream=${encodeURIComponent(stream)}`;
  const [page, status] = await Promise.all([get(`/messages?limit=${limit}${filter}`), get("/status")]);
  const here = stream === undefined ? "#/" : `#/stream/${encodeURIComponent(stream)}`;
  return {
    title: "Messages",
    data: [page, status],
    draw: () => [
      el("h2", {}, "Messages"),
      tabs(stream, status),
      page.messages.length === 0 ? nothing(stream, page.next) : el("ul", { class: "list" }, page.messages.map(row)),
      page.next !== null &&
        limit < 500 &&
        el("p", { class: "more" }, el("a", { class: "button", href: `${here}?shown=${limit + 100}` }, "Show older")),
      page.next !== null &&
        limit >= 500 &&
        el("p", { class: "more" }, "Older messages: ", el("code", {}, "npx mailweir list --limit 2000")),
    ],
  };
}

/**
 * @param {string | undefined} current
 * @param {import("../../store/engine-store.ts").EngineStatus} status
 */
function tabs(current, status) {
  const streams = Object.entries(status.byStream).sort(([left], [right]) => left.localeCompare(right));
  /** @type {(name: string | undefined, label: string, quantity: number) => HTMLElement} */
  const tab = (name, label, quantity) =>
    el(
      "a",
      {
        href: name === undefined ? "#/" : `#/stream/${encodeURIComponent(name)}`,
        "aria-current": current === name ? "true" : null,
      },
      `${label} `,
      el("span", { class: "count" }, quantity.toLocaleString()),
    );
  return el(
    "nav",
    { class: "tabs", "aria-label": "Streams" },
    tab(undefined, "all", status.messages),
    streams.map(([name, states]) =>
      tab(
        name,
        name === "none" ? "no stream" : name,
        Object.values(states).reduce((sum, quantity) => sum + quantity, 0),
      ),
    ),
  );
}

/**
 * @param {string | undefined} stream
 * @param {number | null} next
 */
function nothing(stream, next) {
  if (stream === undefined) {
    return empty(
      "No mail yet",
      "Send a first one; it appears here by itself.",
      "npx mailweir send --to support@example.com",
    );
  }
  return next === null
    ? empty("Nothing in this stream", "Mail comes here when a recipient belongs to it.", "npx mailweir explain --to …")
    : empty("Nothing among the newest messages", "There may be older ones in this stream: show older.");
}

/** @param {ListedMessage} message */
function row({ sesMessageId, receivedAt, envelope, subject, author, recipients }) {
  return el(
    "li",
    { class: "message" },
    el(
      "div",
      { class: "what" },
      el("a", { class: "subject", href: `#/message/${sesMessageId}` }, safe(subject).trim() || "(no subject)"),
      el("div", { class: "meta" }, safe(author ?? envelope.from) || "<>", " · ", time(receivedAt)),
    ),
    el(
      "ul",
      { class: "where", "aria-label": count(recipients.length, "recipient") },
      recipients
        .slice(0, 4)
        .map((entry) =>
          el(
            "li",
            {},
            el("span", { class: "address" }, safe(entry.recipient)),
            el("span", { class: "arrow", "aria-hidden": "true" }, "→"),
            el("span", { class: "stream" }, entry.stream ?? "no stream"),
            pill(
              entry.stream === null && entry.state === "done" ? "skipped" : entry.state,
              entry.duplicateOf === null ? (entry.outcome ?? entry.state) : "duplicate",
            ),
            entry.cause !== null && el("span", { class: "cause" }, safe(entry.cause)),
          ),
        ),
      recipients.length > 4 && el("li", { class: "meta" }, `and ${recipients.length - 4} more`),
    ),
  );
}
