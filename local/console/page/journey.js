// @ts-check
import { count, el, facts, pill, safe, time, tone } from "./dom.js";
import { get } from "./http.js";
import { outgoing } from "./outbox.js";

/** @typedef {import("../journey.ts").Journey} Journey */
/** @typedef {import("../journey.ts").JourneyRule} JourneyRule */
/** @typedef {import("../journey.ts").JourneyAction} JourneyAction */
/** @typedef {import("../journey.ts").JourneyRecipient} JourneyRecipient */
/** @typedef {import("../../store/engine-store.ts").Verification} Verification */

/**
 * One message's journey, drawn as its path.
 *
 * @param {string} id
 */
export async function journey(id) {
  /** @type {Journey} */
  const data = await get(`/messages/${encodeURIComponent(id)}`);
  const subject = safe(data.subject).trim() || "(no subject)";
  return {
    title: subject,
    data,
    draw: () => [
      el("p", { class: "back" }, el("a", { href: "#/" }, "← Messages")),
      el("h2", {}, subject),
      el("p", { class: "meta" }, safe(data.author ?? data.envelope.from) || "<>", " · ", time(data.receivedAt)),
      el(
        "p",
        { class: "meta" },
        el("code", {}, data.sesMessageId),
        " · ",
        el("a", { href: `/api/messages/${data.sesMessageId}/raw` }, "as stored"),
        " · ",
        el("a", { href: `/api/messages/${data.sesMessageId}/raw?without-ses-block=1` }, "as received"),
      ),
      el(
        "ol",
        { class: "path", "aria-label": "Journey" },
        connection(data),
        verification(data.verification),
        data.ruleSet === null
          ? step("off", "Rules", "none", el("p", {}, "No rule set was active when this message arrived."))
          : data.rules.map(rule),
        el("li", { class: `step fork ${data.recipients.length > 1 ? "many" : ""}` }, data.recipients.map(recipient)),
        data.outgoing.length > 0 &&
          step(
            data.outgoing.some(({ state }) => state === "failed") ? "bad" : "good",
            "Mail that it caused",
            null,
            el("p", { class: "meta" }, "Sent at least once, always with the same Message-ID."),
            ...data.outgoing.map(outgoing),
          ),
        data.propagations.length > 0 &&
          step(
            data.propagations.some(({ state }) => state === "failed") ? "bad" : "good",
            "Who was told of it",
            null,
            el("p", { class: "meta" }, "Told at least once, always with the same id."),
            ...data.propagations.map(propagation),
          ),
      ),
    ],
  };
}

/**
 * One change of the suppression list on its way to one target.
 *
 * @param {{ target: string, change: string, state: string, attempts: number, cause?: string, dueAt?: string }} record
 */
function propagation({ target, change, state, attempts, cause, dueAt }) {
  const more = [
    `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`,
    ...(cause === undefined ? [] : [cause]),
    ...(dueAt === undefined ? [] : [`again at ${dueAt.slice(0, 19).replace("T", " ")}`]),
  ];
  return el("p", {}, `${target}: ${state} (${more.join("; ")}), ${change}`);
}

/**
 * @param {string} colour
 * @param {string} title
 * @param {Node | string | null} badge
 * @param {...(Node | string | null | false)} content
 */
function step(colour, title, badge, ...content) {
  return el(
    "li",
    { class: `step ${colour}` },
    el("div", { class: "card" }, el("div", { class: "head" }, el("h3", {}, title), badge), ...content),
  );
}

/** @param {Journey} journey */
function connection({ connection, envelope, sizeBytes, receivedAt }) {
  const { ip, rdns, helo, tls } = connection;
  return step(
    "good",
    "Connection",
    pill("done", "250 accepted"),
    facts([
      ["from", `${ip}${rdns === undefined ? "" : ` (${rdns})`}, calling itself ${helo}`],
      ["TLS", tls ? `${tls.protocol}, ${tls.cipher}` : "none: it came in clear"],
      ["received", time(receivedAt)],
      ["envelope sender", envelope.from || "<> (the null sender: a report, never to be answered)"],
      [
        "recipients",
        el(
          "ul",
          { class: "plain" },
          envelope.to.map((address) => el("li", {}, safe(address))),
        ),
      ],
      ["size", count(sizeBytes, "octet")],
    ]),
  );
}

/** SES has no verdict for it: what a forwarder sealed is shown, and nothing follows from it. */
const arcSays = { pass: "the seals of its forwarders hold", fail: "the seals of its forwarders do not hold" };

/** @param {Verification | null} found */
function verification(found) {
  if (found === null) return step("wait", "Authentication and scan", pill("pending", "under way"));
  const { authentication, verdicts, scanDetail } = found;
  const { spf, dkim, dmarc, arc } = authentication;
  const signatures = dkim.map(
    (entry) => `${entry.result} by ${entry.domain || "nobody"}${entry.aligned ? ", aligned" : ""}`,
  );
  const policy = dmarc.policy === undefined ? "" : `, policy ${dmarc.policy}`;
  const bad = [verdicts.spam, verdicts.virus, verdicts.dmarc].includes("FAIL");
  /** @type {(name: string, verdict: string, text: string) => HTMLElement} */
  const line = (name, verdict, text) =>
    el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, pill(verdict)), el("td", {}, safe(text)));
  return step(
    bad ? "bad" : "good",
    "Authentication and scan",
    null,
    el(
      "table",
      { class: "verdicts" },
      el("caption", { class: "unseen" }, "Verdicts"),
      el(
        "tbody",
        {},
        line("SPF", verdicts.spf, `${spf.result} for ${spf.domain || "no domain"}`),
        line("DKIM", verdicts.dkim, signatures.join("; ") || "not signed"),
        line("DMARC", verdicts.dmarc, `${dmarc.result} for ${dmarc.domain || "no author domain"}${policy}`),
        arc && arc.result !== "none" && line("ARC", arc.result.toUpperCase(), arcSays[arc.result]),
        line("Spam", verdicts.spam, scanDetail.spam),
        line("Virus", verdicts.virus, scanDetail.virus),
      ),
    ),
  );
}

const fates = {
  runs: "matched",
  "no-match": "did not match",
  disabled: "disabled",
  tls: "needs TLS",
  stopped: "not reached",
  waiting: "waiting",
};

/** @param {JourneyRule} rule */
function rule({ rule: name, fate, reason, perRecipient, actions }) {
  const failed = actions.some((action) => action.fate === "failed");
  return step(
    failed ? "bad" : tone(fate),
    `Rule ${name}`,
    pill(fate, fates[fate]),
    el("p", { class: "meta" }, safe(reason)),
    el(
      "details",
      { "data-key": `rule ${name}`, open: fate === "no-match" },
      el("summary", {}, `Why, for ${count(perRecipient.length, "recipient")}`),
      el(
        "ul",
        { class: "plain" },
        perRecipient.map((entry) =>
          el(
            "li",
            {},
            el("b", {}, safe(entry.recipient)),
            `${entry.matches ? " matches: " : ": no: "}${safe(entry.reason)}`,
          ),
        ),
      ),
    ),
    fate !== "no-match" && fate !== "disabled" && el("ol", { class: "actions" }, actions.map(action)),
  );
}

/** @param {JourneyAction} action */
function action({ type, target, fate, reason, log }) {
  const attempts = log && log.attempts > 1 ? `, ${log.attempts} attempts` : "";
  return el(
    "li",
    {},
    el("div", { class: "head" }, el("b", {}, type), pill(fate), el("code", {}, safe(target))),
    log &&
      el("div", { class: "meta" }, safe(log.result), " · ", time(log.startedAt), `, ${log.durationMs} ms${attempts}`),
    log !== null &&
      log.metrics.PublishFailure > 0 &&
      el(
        "div",
        { class: "meta" },
        `PublishFailure ${log.metrics.PublishFailure}${log.metrics.PublishExpired > 0 ? ", PublishExpired 1: given up" : ""}`,
      ),
    log?.dueAt && el("div", { class: "meta" }, "tried again at ", time(log.dueAt)),
    reason !== "" && !log?.result.includes(reason.replace(/^it /, "")) && el("div", { class: "meta" }, safe(reason)),
  );
}

/** @param {JourneyRecipient} entry */
function recipient({
  recipient: address,
  state,
  stream,
  decision,
  attempts,
  outcome,
  cause,
  duplicateOf,
  detail,
  updatedAt,
}) {
  return el(
    "section",
    { class: `card branch ${tone(state)}` },
    el("div", { class: "head" }, el("h3", {}, safe(address)), pill(state)),
    el(
      "div",
      { class: "flow" },
      el(
        "div",
        {},
        el("h4", {}, "Decision"),
        decision
          ? facts([
              ["nature", `${decision.nature.kind}, ${Math.round(decision.nature.confidence * 100)} % sure`],
              ["evidence", lines(decision.nature.evidence, "code")],
              ["safety", decision.safety.kind],
              ["because", lines(decision.safety.reasons)],
              ["trust", decision.trust],
              ["reasons", lines(decision.reasons)],
            ])
          : el("p", { class: "meta" }, state === "done" ? "None: its rules told the router nothing." : "Not yet."),
      ),
      el(
        "div",
        {},
        el("h4", {}, stream === null ? "No stream" : `Stream ${stream}`),
        facts([
          ["outcome", outcome],
          ["cause", cause],
          ["attempts", attempts > 0 ? String(attempts) : null],
          ["duplicate of", duplicateOf && el("a", { href: `#/message/${duplicateOf}` }, duplicateOf)],
          ...Object.entries(detail),
          ["last change", time(updatedAt)],
        ]),
        state === "quarantined" && el("p", {}, el("a", { href: "#/quarantine" }, "Held: release it")),
      ),
    ),
  );
}

/**
 * @param {readonly string[]} texts
 * @param {string} [as]
 */
function lines(texts, as = "span") {
  if (texts.length === 0) return null;
  return el(
    "ul",
    { class: "plain" },
    texts.map((text) => el("li", {}, el(as, {}, safe(text)))),
  );
}
