export interface Bar {
  /** ISO 8601. */
  readonly from: string;
  readonly value: number;
  /** How much of it is bad; drawn from below. */
  readonly bad?: number;
}

export interface ChartProps {
  readonly title: string;
  /** What stands beside the highest bar. */
  readonly unit: (value: number) => string;
  readonly bars: readonly Bar[];
  /** ISO 8601. */
  readonly from: string;
  readonly stepMinutes: number;
  readonly steps: number;
}

const width = 480;
const height = 72;

/** A row of bars over time, as high as the highest of them. Its text says the same. */
export function Chart({ title, unit, bars, from, stepMinutes, steps }: ChartProps) {
  const most = Math.max(...bars.map(({ value }) => value), 0);
  const start = Date.parse(from);
  const step = width / steps;
  const at = (bar: Bar) =>
    Math.min(steps - 1, Math.max(0, Math.floor((Date.parse(bar.from) - start) / 60_000 / stepMinutes))) * step;
  const tall = (value: number) => (most === 0 ? 0 : Math.max(value > 0 ? 2 : 0, (value / most) * (height - 4)));
  const clock = (ms: number) =>
    new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return (
    <figure class="chart">
      <figcaption>
        <b>{title}</b> <span class="meta">{most === 0 ? "nothing" : `at most ${unit(most)}`}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${most === 0 ? "nothing" : `at most ${unit(most)}`}`}
      >
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
        {bars.map((bar) => (
          <g key={bar.from}>
            <rect x={at(bar)} y={height - tall(bar.value)} width={Math.max(1.5, step - 1)} height={tall(bar.value)}>
              <title>{`${clock(Date.parse(bar.from))}: ${unit(bar.value)}`}</title>
            </rect>
            {(bar.bad ?? 0) > 0 && (
              <rect
                class="bad"
                x={at(bar)}
                y={height - tall(bar.bad ?? 0)}
                width={Math.max(1.5, step - 1)}
                height={tall(bar.bad ?? 0)}
              />
            )}
          </g>
        ))}
      </svg>
      <div class="axis meta" aria-hidden="true">
        <span>{clock(start)}</span>
        <span>now</span>
      </div>
    </figure>
  );
}
