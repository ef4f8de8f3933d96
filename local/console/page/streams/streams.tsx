import type { EngineStatus } from "../../../store/engine-store.ts";
import type { StreamsAnswer } from "../../streams-api.ts";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { Facts } from "../show/facts.tsx";
import { Table } from "../show/table.tsx";
import { bytes, count } from "../show/text.ts";
import { StreamCard } from "./stream-card.tsx";

const order = ["received", "decided", "routed", "working", "done", "quarantined", "failed"];

const spans = [
  [1, "1 hour"],
  [24, "24 hours"],
  [168, "7 days"],
] as const;

/** How every stream does: rate, lag, failures, age of the oldest; then counts by state, queues, rules. */
export function Streams({ hours }: { hours: number }) {
  const { value, error } = useAnswer<EngineStatus>("/status");
  const { value: charts, error: undrawn } = useAnswer<StreamsAnswer>(`/streams?hours=${hours}`);
  const frame = charts && {
    from: charts.from,
    stepMinutes: charts.stepMinutes,
    steps: Math.floor((hours * 60) / charts.stepMinutes) + 1,
  };
  return (
    <>
      <h2>Streams</h2>
      <nav class="tabs" aria-label="Span">
        {spans.map(([span, title]) => (
          <a
            key={span}
            href={hrefOf("streams", [], { hours: String(span) })}
            aria-current={span === hours ? "true" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {(error ?? undrawn) !== undefined && <Failed error={error ?? undrawn} />}
      {charts && frame && (
        <ul class="cards wide">
          {charts.streams.map((stream) => (
            <StreamCard key={stream.stream} stream={stream} frame={frame} />
          ))}
        </ul>
      )}
      {value && <Counts status={value} />}
    </>
  );
}

function Counts({ status }: { status: EngineStatus }) {
  const states = order.filter((state) => Object.values(status.byStream).some((counts) => (counts[state] ?? 0) > 0));
  const busy = status.queues.filter((queue) => queue.visible + queue.inFlight + queue.delayed > 0);
  return (
    <>
      <h3>This machine</h3>
      <Facts
        of={[
          ["messages", status.messages.toLocaleString()],
          ["rules under way", status.unended.toLocaleString()],
          ["refusals", status.refusals.toLocaleString()],
          [
            "outgoing mail",
            Object.entries(status.outbox)
              .map(([state, mails]) => `${mails.toLocaleString()} ${state}`)
              .join(", "),
          ],
          ["mail kept", bytes(status.bytes)],
        ]}
      />
      <h3>Recipients by stream and state</h3>
      {states.length === 0 ? (
        <Empty title="No mail yet" hint="Send a first one." command="npx mailweir send --to support@example.com" />
      ) : (
        <Table
          name="Recipients by stream and state"
          heads={["stream", ...states]}
          rows={Object.entries(status.byStream).map(([name, counts]) => [
            name === "none" ? "no stream" : name,
            ...states.map((state) => counts[state] ?? 0),
          ])}
        />
      )}
      <h3>Actions by rule</h3>
      {Object.keys(status.rules).length === 0 ? (
        <p class="meta">No rule has run yet.</p>
      ) : (
        <Table
          name="Actions by rule"
          heads={["rule", "PublishSuccess", "PublishFailure", "PublishExpired"]}
          rows={Object.entries(status.rules).map(([name, counts]) => [
            name,
            counts.PublishSuccess,
            counts.PublishFailure,
            counts.PublishExpired,
          ])}
        />
      )}
      <h3>Queues</h3>
      {busy.length === 0 ? (
        <p class="meta">All {count(status.queues.length, "queue")} are empty.</p>
      ) : (
        <Table
          name="Queues"
          heads={["queue", "visible", "in flight", "delayed"]}
          rows={busy.map((queue) => [queue.name, queue.visible, queue.inFlight, queue.delayed])}
        />
      )}
    </>
  );
}
