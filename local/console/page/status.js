// @ts-check
import { count, el, empty, facts } from "./dom.js";
import { get } from "./http.js";

/** Counts by stream and state, and the queues. */
export async function status() {
  /** @type {import("../../store/engine-store.ts").EngineStatus} */
  const data = await get("/status");
  const order = ["received", "decided", "routed", "working", "done", "quarantined", "failed"];
  const states = order.filter((state) => Object.values(data.byStream).some((counts) => (counts[state] ?? 0) > 0));
  const busy = data.queues.filter((queue) => queue.visible + queue.inFlight + queue.delayed > 0);
  return {
    title: "Status",
    data,
    draw: () => [
      el("h2", {}, "Status"),
      facts([
        ["messages", data.messages.toLocaleString()],
        ["rules under way", data.unended.toLocaleString()],
        ["refusals", data.refusals.toLocaleString()],
        [
          "outgoing mail",
          Object.entries(data.outbox)
            .map(([state, mails]) => `${mails.toLocaleString()} ${state}`)
            .join(", "),
        ],
        [
          "mail kept",
          data.bytes < 1_048_576 ? `${(data.bytes / 1024).toFixed(1)} KB` : `${(data.bytes / 1_048_576).toFixed(1)} MB`,
        ],
      ]),
      el("h3", {}, "Recipients by stream and state"),
      states.length === 0
        ? empty("No mail yet", "Send a first one.", "npx mailweir send --to support@example.com")
        : table(
            "Recipients by stream and state",
            ["stream", ...states],
            Object.entries(data.byStream).map(([name, counts]) => [
              name === "none" ? "no stream" : name,
              ...states.map((state) => counts[state] ?? 0),
            ]),
          ),
      el("h3", {}, "Actions by rule"),
      Object.keys(data.rules).length === 0
        ? el("p", { class: "meta" }, "No rule has run yet.")
        : table(
            "Actions by rule",
            ["rule", "PublishSuccess", "PublishFailure", "PublishExpired"],
            Object.entries(data.rules).map(([name, counts]) => [
              name,
              counts.PublishSuccess,
              counts.PublishFailure,
              counts.PublishExpired,
            ]),
          ),
      el("h3", {}, "Queues"),
      busy.length === 0
        ? el("p", { class: "meta" }, `All ${count(data.queues.length, "queue")} are empty.`)
        : table(
            "Queues",
            ["queue", "visible", "in flight", "delayed"],
            busy.map((queue) => [queue.name, queue.visible, queue.inFlight, queue.delayed]),
          ),
    ],
  };
}

/**
 * @param {string} name
 * @param {readonly string[]} heads
 * @param {readonly (readonly (string | number)[])[]} rows
 */
function table(name, heads, rows) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((head) => el("th", { scope: "col" }, head)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map(([first, ...rest]) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, String(first)),
            rest.map((cell) => el("td", {}, cell.toLocaleString())),
          ),
        ),
      ),
    ),
  );
}
