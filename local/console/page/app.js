// The console: plain DOM, no build, nothing from elsewhere. Everything that came in mail is put in as text, never as HTML.

const main = document.getElementById("main");
const live = document.getElementById("live");
let stream = null;
let shown = 50;

const get = async (path) => {
  const response = await fetch(`/api${path}`);
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? response.statusText);
  return body;
};

/** el("li", { class: "x" }, "text", otherElement) */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Characters that turn or hide text are shown as a dot: a stranger chose them.
const safe = (text) => String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
const when = (iso) => new Date(iso).toLocaleString();
const tone = (state) => (["done", "failed", "quarantined"].includes(state) ? state : "waiting");
const facts = (pairs) =>
  el("dl", {}, pairs.filter(([, value]) => value !== undefined && value !== null && value !== "").flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value instanceof Node ? value : safe(value))]));
const empty = (text, command) => el("div", { class: "empty" }, el("p", {}, text), command && el("p", {}, el("code", {}, command)));

async function showMessages() {
  const { messages, next } = await get(`/messages?limit=${shown}`);
  const streams = new Map();
  for (const message of messages) for (const { stream: name } of message.recipients) streams.set(name ?? "no stream", (streams.get(name ?? "no stream") ?? 0) + 1);
  const button = (name, label) => el("button", { type: "button", "aria-pressed": String(stream === name), onclick: () => { stream = name; render(); } }, label);
  const wanted = messages.filter((message) => stream === null || message.recipients.some((entry) => (entry.stream ?? "no stream") === stream));
  return [
    el("h2", {}, "Messages"),
    el("div", { class: "filters", role: "group", "aria-label": "Streams" }, button(null, `all (${messages.length})`), [...streams].sort().map(([name, count]) => button(name, `${name} (${count})`))),
    wanted.length === 0
      ? empty("No mail here yet. Send some:", "npx mailweir send --to support@example.com")
      : el("ul", { class: "list" }, wanted.map((message) =>
          el("li", {},
            el("a", { class: "subject", href: `#/message/${message.sesMessageId}` }, safe(message.subject) || "(no subject)"),
            el("div", { class: "meta" }, `${when(message.receivedAt)} · from ${safe(message.envelope.from) || "<> (null sender)"}`),
            message.recipients.map((entry) =>
              el("div", { class: "meta" }, `${safe(entry.recipient)} → ${entry.stream ?? "no stream"}: `, el("span", { class: `state ${tone(entry.state)}` }, entry.state),
                entry.outcome ? ` · ${safe(entry.outcome)}` : "", entry.cause ? ` · ${safe(entry.cause)}` : "", entry.duplicateOf ? ` · duplicate of ${entry.duplicateOf}` : "")),
          ))),
    next !== null && el("p", {}, el("button", { type: "button", onclick: () => { shown += 100; render(); } }, "Show older")),
  ];
}

async function showMessage(id) {
  const journey = await get(`/messages/${encodeURIComponent(id)}`);
  const { connection, verification } = journey;
  const tls = connection.tls ? `${connection.tls.protocol} ${connection.tls.cipher}` : "none (in clear)";
  const steps = [
    el("li", {}, el("h3", {}, "Connection"), facts([
      ["received", when(journey.receivedAt)], ["client", `${connection.ip}${connection.rdns ? ` (${connection.rdns})` : ""}`], ["HELO", connection.helo], ["TLS", tls],
      ["envelope sender", connection.from || "<> (null sender)"], ["recipients", journey.recipients.join(", ")], ["size", `${connection.sizeBytes.toLocaleString()} octets`],
    ])),
    el("li", { class: verification ? "" : "off" }, el("h3", {}, "Authentication and scan"), verification ? facts([
      ["SPF", `${verification.authentication.spf.result} for ${verification.authentication.spf.domain || "no domain"} → ${verification.verdicts.spf}`],
      ["DKIM", `${verification.authentication.dkim.map((entry) => `${entry.result} by ${entry.domain}${entry.aligned ? " (aligned)" : ""}`).join(", ") || "not signed"} → ${verification.verdicts.dkim}`],
      ["DMARC", `${verification.authentication.dmarc.result}${verification.authentication.dmarc.policy ? `, policy ${verification.authentication.dmarc.policy}` : ""} → ${verification.verdicts.dmarc}`],
      ["spam", `${verification.verdicts.spam}: ${verification.scanDetail.spam}`], ["virus", `${verification.verdicts.virus}: ${verification.scanDetail.virus}`],
    ]) : el("p", { class: "meta" }, "not done yet")),
    ...journey.rules.map((rule) => el("li", { class: rule.fate === "runs" ? "" : "off" },
      el("h3", {}, `Rule ${rule.rule}: ${rule.fate}`), el("p", { class: "meta" }, safe(rule.reason)),
      el("ul", { class: "plain" }, rule.perRecipient.map((entry) => el("li", {}, `${safe(entry.recipient)} ${entry.matches ? "matches" : "does not match"}: ${safe(entry.reason)}`))),
      rule.log.length > 0 && el("ul", { class: "plain" }, rule.log.map((entry) => el("li", {}, `${entry.actionType} `, el("span", { class: `state ${tone(entry.state)}` }, entry.state),
        ` · ${safe(entry.result)} · attempt ${entry.attempts}, ${entry.durationMs} ms${entry.dueAt ? ` · again at ${when(entry.dueAt)}` : ""}`))))),
    ...journey.decisions.map((record) => el("li", {}, el("h3", {}, `${safe(record.recipient)} → ${record.stream ?? "no stream"}`),
      record.nature ? facts([
        ["nature", `${record.nature.kind} (${Math.round(record.nature.confidence * 100)} % sure)`],
        ["because", el("ul", { class: "plain" }, record.nature.evidence.map((line) => el("li", {}, el("code", {}, safe(line)))))],
        ["safety", `${record.safety.kind}${record.safety.reasons.length ? `: ${record.safety.reasons.join("; ")}` : ""}`], ["trust", record.trust],
        ["decided", el("ul", { class: "plain" }, record.reasons.map((line) => el("li", {}, safe(line))))],
      ]) : null,
      facts([
        ["state", el("span", { class: `state ${tone(record.state)}` }, record.state)], ["outcome", record.outcome], ["cause", record.cause], ["attempts", String(record.attempts ?? "")],
        ["duplicate of", record.duplicateOf], ...Object.entries(record.detail ?? {}),
      ]))),
  ];
  return [
    el("h2", {}, `Journey of ${journey.sesMessageId}`),
    el("p", {}, el("a", { href: `/api/messages/${journey.sesMessageId}/raw` }, "stored message"), " · ", el("a", { href: `/api/messages/${journey.sesMessageId}/raw?without-ses-block=1` }, "as received")),
    el("ol", { class: "path" }, steps),
  ];
}

async function showRefusals() {
  const { refusals, total } = await get("/refusals?limit=200");
  return [
    el("h2", {}, `Refusals (${total})`),
    refusals.length === 0 ? empty("Nobody was refused. If a mail did not arrive and is not here, its sender never reached this machine.") :
      el("ul", { class: "list" }, refusals.map((entry) => el("li", {},
        el("div", { class: "subject" }, safe(entry.reply)), el("div", { class: "meta" }, `at ${entry.stage} · ${when(entry.at)} · ${entry.ip} (${safe(entry.helo)})`),
        el("div", { class: "meta" }, [entry.from !== undefined ? `from ${safe(entry.from) || "<>"}` : "", entry.recipient ? ` to ${safe(entry.recipient)}` : ""].join("")),
        el("div", {}, safe(entry.reason))))),
  ];
}

async function showQuarantine() {
  const { held } = await get("/quarantine?limit=200");
  const release = async (entry) => {
    await fetch(`/api/quarantine/${entry.sesMessageId}/${encodeURIComponent(entry.recipient)}/release`, { method: "POST", headers: { "x-mailweir": "1" } });
    render();
  };
  return [
    el("h2", {}, "Quarantine"),
    held.length === 0 ? empty("Nothing is held.") : el("ul", { class: "list" }, held.map((entry) => el("li", {},
      el("a", { class: "subject", href: `#/message/${entry.sesMessageId}` }, safe(entry.recipient)), el("div", { class: "meta" }, `held ${when(entry.heldAt)} · was meant for ${entry.intendedStream}`),
      el("ul", { class: "plain" }, entry.reasons.map((line) => el("li", {}, safe(line)))), el("p", {}, el("button", { type: "button", onclick: () => release(entry) }, "Release"))))),
  ];
}

async function showStatus() {
  const status = await get("/status");
  const states = [...new Set(Object.values(status.byStream).flatMap((entry) => Object.keys(entry)))];
  const table = (heads, rows) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads[0] }, el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, String(cell))))))));
  return [
    el("h2", {}, "Status"), facts([["messages", String(status.messages)], ["rules not ended", String(status.unended)], ["refusals", String(status.refusals)]]),
    el("h3", {}, "Streams"), table(["stream", ...states], Object.entries(status.byStream).map(([name, entry]) => [name, ...states.map((state) => entry[state] ?? 0)])),
    el("h3", {}, "Queues"), table(["queue", "visible", "in flight", "delayed"], status.queues.map((queue) => [queue.name, queue.visible, queue.inFlight, queue.delayed])),
  ];
}

let turn = 0;
async function render() {
  const mine = ++turn;
  const [, view = "", id] = location.hash.split("/");
  const pages = { "": showMessages, message: () => showMessage(id), refusals: showRefusals, quarantine: showQuarantine, status: showStatus };
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.dataset.view === (view === "" || view === "message" ? "messages" : view);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  let content;
  try {
    content = await (pages[view] ?? showMessages)();
  } catch (error) {
    content = [empty(error.message)];
  }
  // A later call has already drawn something newer.
  if (mine === turn) main.replaceChildren(...content.filter(Boolean));
}

addEventListener("hashchange", () => {
  render();
  main.focus();
});
const events = new EventSource("/api/events");
events.addEventListener("changed", render);
events.addEventListener("open", () => { live.textContent = "live"; });
events.addEventListener("error", () => { live.textContent = "not connected: is the engine running?"; });
render();
