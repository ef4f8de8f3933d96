import type { EngineStatus } from "../../../store/engine-store.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { Facts } from "../show/facts.tsx";
import { Table } from "../show/table.tsx";
import { bytes, count } from "../show/text.ts";

const order = ["received", "decided", "routed", "working", "done", "quarantined", "failed"];

/** How every stream does: counts by state, queues, rules. */
export function Streams() {
  const { value, error } = useAnswer<EngineStatus>("/status");
  return (
    <>
      <h2>Streams</h2>
      {error !== undefined && <Failed error={error} />}
      {value && <Counts status={value} />}
    </>
  );
}

function Counts({ status }: { status: EngineStatus }) {
  const states = order.filter((state) => Object.values(status.byStream).some((counts) => (counts[state] ?? 0) > 0));
  const busy = status.queues.filter((queue) => queue.visible + queue.inFlight + queue.delayed > 0);
  return (
    <>
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
