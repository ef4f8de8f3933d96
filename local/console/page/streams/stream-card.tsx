import type { StreamsAnswer } from "../../streams-api.ts";
import { hrefOf } from "../shell/route.ts";
import { Facts } from "../show/facts.tsx";
import { Pill } from "../show/pill.tsx";
import { count, duration } from "../show/text.ts";
import { Chart } from "./chart.tsx";

export interface StreamCardProps {
  readonly stream: StreamsAnswer["streams"][number];
  readonly frame: { readonly from: string; readonly stepMinutes: number; readonly steps: number };
}

/** One stream: rate, failures and lag over time, and what is open in it now. */
export function StreamCard({ stream: one, frame }: StreamCardProps) {
  const { stream, worker, open, oldestAgeSeconds, queue, dead, totals, slices } = one;
  const failed = totals["failed"] ?? 0;
  return (
    <li class="card">
      <div class="head">
        <h3>
          <a href={hrefOf("stream", [stream])}>{stream === "none" ? "no stream" : stream}</a>
        </h3>
        {worker === null && stream !== "none" && <Pill state="off" tone="off" text="not configured any more" />}
        {failed > 0 && <Pill state="failed" text={`${failed.toLocaleString()} failed`} />}
        {dead > 0 && <Pill state="failed" text={count(dead, "dead letter")} />}
      </div>
      {slices.length === 0 ? (
        <p class="meta">Nothing happened in this time.</p>
      ) : (
        <>
          <Chart
            title="Rate"
            unit={(value) => `${value.toLocaleString()} in ${frame.stepMinutes} min`}
            bars={slices.map(({ from, decided, failed: bad }) => ({ from, value: Math.max(decided, bad), bad }))}
            {...frame}
          />
          <Chart
            title="Lag, receipt to end"
            unit={duration}
            bars={slices.map(({ from, maxLagMs }) => ({ from, value: maxLagMs ?? 0 }))}
            {...frame}
          />
        </>
      )}
      <Facts
        of={[
          [
            "open",
            open === 0
              ? "nothing"
              : `${open.toLocaleString()}, the oldest since ${duration((oldestAgeSeconds ?? 0) * 1000)}`,
          ],
          ["queue", queue && `${queue.visible} waiting, ${queue.inFlight} in work, ${queue.delayed} later`],
          [
            "ever",
            Object.entries(totals)
              .map(([state, quantity]) => `${quantity.toLocaleString()} ${state}`)
              .join(", "),
          ],
        ]}
      />
    </li>
  );
}
