// @ts-check
import { count, el, empty, facts, pill, safe, time } from "./dom.js";
import { get, post } from "./http.js";

/** @typedef {import("../../store/outbox-entries.ts").OutboxEntry} OutboxEntry */

/** Mail that leaves: bounces, confirmations, replies, forwards, and what the next hop said to each recipient. */
export async function outbox() {
  /** @type {{ mails: OutboxEntry[] }} */
  const data = await get("/outbox?limit=500");
  return {
    title: "Outbox",
    data,
    draw: () => [
      el("h2", {}, "Outbox"),
      data.mails.length === 0
        ? empty("Nothing has left", "Bounces, confirmations, replies and forwards are listed here.")
        : el(
            "ul",
            { class: "list" },
            data.mails.map((entry) => el("li", {}, outgoing(entry))),
          ),
    ],
  };
}

/**
 * One mail, in the list and in the journey of the mail that caused it.
 *
 * @param {OutboxEntry} entry
 */
export function outgoing(entry) {
  const { number, kind, about, envelopeSender, messageId, state, attempts, dueAt, cause, recipients } = entry;
  return el(
    "div",
    {},
    el(
      "div",
      { class: "head" },
      el("b", {}, `${kind} ${number}`),
      pill(state === "sent" ? "done" : state, state),
      el("span", { class: "meta" }, time(entry.createdAt)),
    ),
    facts([
      ["envelope sender", envelopeSender || "<>"],
      ["Message-ID", messageId],
      [
        "recipients",
        el(
          "ul",
          { class: "plain" },
          recipients.map((to) =>
            el(
              "li",
              {},
              safe(to.recipient),
              " ",
              pill(to.state === "sent" ? "done" : to.state, to.state),
              ` ${safe(to.reply)}`,
            ),
          ),
        ),
      ],
      ["cause", cause],
      ["attempts", attempts > 0 ? count(attempts, "attempt") : null],
      ["tried again", dueAt && time(dueAt)],
      ["answers", about && el("a", { href: `#/message/${about}` }, about)],
    ]),
    el(
      "p",
      {},
      el("a", { href: `/api/outbox/${number}/raw` }, "as written"),
      (state === "failed" || state === "kept") && again(number),
    ),
  );
}

/** @param {number} number */
function again(number) {
  const said = el("span", { class: "meta", role: "status" });
  const send = async () => {
    said.textContent = " asking…";
    try {
      const { kind } = await post(`/outbox/${number}/retry`);
      said.textContent = kind === "waiting" ? " will be sent" : " every recipient has it";
    } catch (error) {
      said.textContent = ` ${error instanceof Error ? error.message : error}`;
    }
  };
  return el(
    "span",
    {},
    " ",
    el("button", { type: "button", "data-key": `retry ${number}`, onclick: send }, "Send"),
    said,
  );
}
