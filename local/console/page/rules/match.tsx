import { useState } from "preact/hooks";
import type { MatchAnswer } from "../../streams-api.ts";
import { get, wordsOf } from "../shell/api.ts";
import { Lines } from "../show/facts.tsx";
import { Pill } from "../show/pill.tsx";
import { safe } from "../show/text.ts";

const natures = ["human", "bounce", "complaint", "auto-reply", "mdn", "list", "unsubscribe-request", "machine"];

/** What would match? Asked without a mail being sent. */
export function Match() {
  const [to, setTo] = useState("");
  const [nature, setNature] = useState("human");
  const [ip, setIp] = useState("203.0.113.25");
  const [tls, setTls] = useState(false);
  const [answer, setAnswer] = useState<MatchAnswer | { readonly error: string }>();
  const ask = async (event: Event) => {
    event.preventDefault();
    const query = new URLSearchParams({ ip, nature, ...(tls && { tls: "1" }) });
    for (const address of to.split(/[\s,]+/)) if (address !== "") query.append("to", address);
    setAnswer(await get<MatchAnswer>(`/match?${query}`).catch((error: unknown) => ({ error: wordsOf(error) })));
  };
  return (
    <section aria-labelledby="match">
      <h3 id="match">What would match?</h3>
      <form class="card fields" onSubmit={ask}>
        <div class="match">
          <label>
            Recipients
            <input
              type="text"
              required
              placeholder="support@example.com"
              value={to}
              onInput={(event) => setTo(event.currentTarget.value)}
            />
          </label>
          <label>
            Nature
            <select value={nature} onChange={(event) => setNature(event.currentTarget.value)}>
              {natures.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            From IP address
            <input type="text" value={ip} onInput={(event) => setIp(event.currentTarget.value)} />
          </label>
          <label class="check">
            <input type="checkbox" checked={tls} onChange={(event) => setTls(event.currentTarget.checked)} />
            TLS
          </label>
          <button type="submit" class="main">
            Ask
          </button>
        </div>
        <div role="status">{answer && <Answer answer={answer} />}</div>
      </form>
    </section>
  );
}

function Answer({ answer }: { answer: MatchAnswer | { readonly error: string } }) {
  if ("error" in answer) return <p class="bad">{answer.error}</p>;
  return (
    <>
      {answer.client.refused && <p class="bad">The client is refused: {safe(answer.client.reason)}</p>}
      {answer.recipients.map(({ recipient, accepted, reply, reason, stream, outcome, reasons }) => (
        <div key={recipient} class="matched">
          <div class="head">
            <b>{safe(recipient)}</b>
            <Pill state={accepted ? "done" : "failed"} text={accepted ? "accepted" : "refused"} />
            {accepted && (
              <span>
                → <b>{stream ?? "no stream"}</b> {outcome !== null && `(${safe(outcome)})`}
              </span>
            )}
          </div>
          {!accepted && <p class="bad">{safe(reply)}</p>}
          <p class="meta">{safe(reason)}</p>
          <Lines of={reasons} />
        </div>
      ))}
      {answer.rules.length > 0 && (
        <ul class="plain">
          {answer.rules.map(({ ruleIndex, rule, fate, reason }) => (
            <li key={ruleIndex}>
              <b>{safe(rule)}</b> <Pill state={fate} text={fate === "runs" ? "runs" : fate} />{" "}
              <span class="meta">{safe(reason)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
