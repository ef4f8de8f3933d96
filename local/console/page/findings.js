// @ts-check
import { count, el, empty, facts, pill, safe } from "./dom.js";
import { get } from "./http.js";

/** What the rule doctor finds: rules that never run, mail that goes nowhere, targets that are not there. */
export async function findings(/** @type {string | undefined} */ _, /** @type {URLSearchParams} */ query) {
  const dns = query.get("dns") === "1";
  /** @type {import("../findings-api.ts").FindingsAnswer} */
  const data = await get(`/findings${dns ? "?dns=1" : ""}`);
  return {
    title: "Check",
    data,
    draw: () => [
      el("h2", {}, "Check"),
      el(
        "p",
        { class: "meta" },
        `${count(data.rules, "rule")} of "${safe(data.ruleSet ?? "no set")}" looked at. `,
        dns
          ? el("a", { href: "#/findings" }, "Leave DNS out")
          : el("a", { href: "#/findings?dns=1" }, "Look up MX records too"),
      ),
      data.findings.length === 0
        ? empty("Nothing to say", "No rule is in another's way, and everything that they name is there.")
        : el("ul", { class: "list" }, data.findings.map(row)),
    ],
  };
}

const tones = { error: "failed", warning: "wait", note: "disabled" };

/** @param {import("../../../shared/config/doctor/finding.ts").Finding} finding */
function row({ severity, code, at, what, why, fix }) {
  return el(
    "li",
    {},
    el(
      "div",
      { class: "head" },
      pill(tones[severity], severity),
      el("code", {}, code),
      el("span", { class: "meta" }, safe(at)),
    ),
    el("p", {}, safe(what)),
    facts([
      ["why", why],
      ["fix", fix],
    ]),
  );
}
