// @ts-check
import { el, empty, safe, time } from "./dom.js";
import { get, post, put } from "./http.js";

/** What is held, with its reasons, and the button that lets it go. */
export async function quarantine() {
  const data = await get("/quarantine?limit=200");
  return {
    title: "Quarantine",
    data,
    draw: () => [
      el("h2", {}, "Quarantine"),
      data.held.length === 0
        ? empty(
            "Nothing is held",
            "Mail with a virus or spam finding, or a failed DMARC check, waits here until you release it.",
          )
        : el("ul", { class: "list" }, data.held.map(row)),
    ],
  };
}

/** @param {{ sesMessageId: string; recipient: string; intendedStream: string; reasons: string[]; heldAt: string; envelopeFrom: string; author: string | null; subject: string | null }} held */
function row({ sesMessageId, recipient, intendedStream, reasons, heldAt, envelopeFrom, author, subject }) {
  const said = el("span", { class: "meta", role: "status" });
  const path = `/quarantine/${sesMessageId}/${encodeURIComponent(recipient)}`;
  /** @param {string} doing @param {() => Promise<string>} action */
  const act = (doing, action) => async () => {
    said.textContent = ` ${doing}…`;
    try {
      said.textContent = ` ${await action()}`;
    } catch (error) {
      said.textContent = ` ${error instanceof Error ? error.message : error}`;
    }
  };
  const release = async () => {
    const { kind, stream } = await post(`${path}/release`);
    return kind === "released" ? `sent on to ${stream}` : "was released before";
  };
  const allowAndRelease = async () => {
    await put(`/allowed-senders/${encodeURIComponent(author ?? "")}`);
    return `${await release()}; ${safe(author)} is allowed from now on`;
  };
  const discard = async () => {
    const { kind } = await post(`${path}/discard`);
    return kind === "discarded" ? "discarded; the stored message stays" : "had ended before";
  };
  /** @param {string} name @param {string} text @param {string} doing @param {() => Promise<string>} action */
  const button = (name, text, doing, action) =>
    el(
      "button",
      { type: "button", "data-key": `${name} ${sesMessageId} ${recipient}`, onclick: act(doing, action) },
      text,
    );
  return el(
    "li",
    {},
    el("a", { class: "subject", href: `#/message/${sesMessageId}` }, safe(subject).trim() || "(no subject)"),
    el("div", { class: "meta" }, `from ${safe(envelopeFrom) || "<>"} to ${safe(recipient)} · held `, time(heldAt)),
    el(
      "ul",
      { class: "plain" },
      reasons.map((reason) => el("li", {}, safe(reason))),
    ),
    el(
      "p",
      { class: "buttons" },
      button("release", `Release to ${intendedStream}`, "releasing", release),
      author === null ? "" : button("allow", "Release and allow the sender", "releasing", allowAndRelease),
      button("discard", "Discard", "discarding", discard),
      said,
    ),
  );
}
