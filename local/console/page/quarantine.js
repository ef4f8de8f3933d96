// @ts-check
import { el, empty, safe, time } from "./dom.js";
import { get, post } from "./http.js";

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

/** @param {{ sesMessageId: string; recipient: string; intendedStream: string; reasons: string[]; heldAt: string; envelopeFrom: string; subject: string | null }} held */
function row({ sesMessageId, recipient, intendedStream, reasons, heldAt, envelopeFrom, subject }) {
  const said = el("span", { class: "meta", role: "status" });
  const release = async () => {
    said.textContent = " releasing…";
    try {
      const { kind, stream } = await post(`/quarantine/${sesMessageId}/${encodeURIComponent(recipient)}/release`);
      said.textContent = kind === "released" ? ` sent on to ${stream}` : " was released before";
    } catch (error) {
      said.textContent = ` ${error instanceof Error ? error.message : error}`;
    }
  };
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
      {},
      el(
        "button",
        { type: "button", "data-key": `release ${sesMessageId} ${recipient}`, onclick: release },
        `Release to ${intendedStream}`,
      ),
      said,
    ),
  );
}
