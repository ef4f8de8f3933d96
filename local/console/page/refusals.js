// @ts-check
import { count, el, empty, facts, safe, time } from "./dom.js";
import { get } from "./http.js";

/** Who was turned away, and why: where to look when a mail did not arrive. */
export async function refusals() {
  const data = await get("/refusals?limit=200");
  return {
    title: "Refusals",
    data,
    draw: () => [
      el("h2", {}, "Refusals"),
      data.refusals.length === 0
        ? empty(
            "Nobody was refused",
            "A mail that is neither here nor among the messages never reached this machine. See how a refusal looks:",
            "npx mailweir send --to someone@elsewhere.example",
          )
        : el(
            "p",
            { class: "meta" },
            `${count(data.total, "refusal")} so far; the newest ${data.refusals.length} are shown.`,
          ),
      data.refusals.length > 0 && el("ul", { class: "list" }, data.refusals.map(row)),
    ],
  };
}

/** @param {import("../../store/engine-store.ts").Refusal} refusal */
function row({ at, ip, helo, stage, from, recipient, reply, reason }) {
  return el(
    "li",
    {},
    el(
      "div",
      { class: "head" },
      el("code", { class: "reply" }, safe(reply)),
      el("span", { class: "meta" }, `at ${stage} · `, time(at)),
    ),
    el("p", {}, safe(reason)),
    facts([
      ["client", `${ip}, calling itself ${helo || "nothing yet"}`],
      ["sender", from === undefined ? null : from || "<>"],
      ["recipient", recipient],
    ]),
  );
}
