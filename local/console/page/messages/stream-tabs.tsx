import type { EngineStatus } from "../../../store/engine-store.ts";
import { hrefOf } from "../shell/route.ts";

/** One tab a stream, with the number of recipients in it. */
export function StreamTabs(props: { current: string | undefined; search: string; status: EngineStatus | undefined }) {
  const { current, search, status } = props;
  const streams = Object.entries(status?.byStream ?? {})
    .map(([name, states]) => ({ name, recipients: Object.values(states).reduce((sum, one) => sum + one, 0) }))
    .sort((left, right) => left.name.localeCompare(right.name));
  return (
    <nav class="tabs" aria-label="Streams">
      <a href={hrefOf("", [], { q: search })} aria-current={current === undefined ? "true" : undefined}>
        all <span class="count">{status?.messages.toLocaleString() ?? "…"}</span>
      </a>
      {streams.map(({ name, recipients }) => (
        <a
          key={name}
          href={hrefOf("stream", [name], { q: search })}
          aria-current={current === name ? "true" : undefined}
        >
          {name === "none" ? "no stream" : name} <span class="count">{recipients.toLocaleString()}</span>
        </a>
      ))}
    </nav>
  );
}
