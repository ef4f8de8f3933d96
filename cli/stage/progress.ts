import { SingleBar } from "cli-progress";

export interface Progress {
  step(count?: number): void;
  /** A line for people, beside the bar. */
  note(text: string): void;
  end(): void;
}

/**
 * How far a long run is, on stderr: a bar on a terminal; elsewhere a line at each tenth (or each thousandth step where nobody
 * knows the whole).
 *
 * @param total - steps, where they are known
 */
export function createProgress(
  what: string,
  total: number | undefined,
  stream: Pick<NodeJS.WriteStream, "isTTY" | "write"> & NodeJS.WritableStream = process.stderr,
): Progress {
  let done = 0;
  if (stream.isTTY) {
    const bar = new SingleBar({
      stream,
      hideCursor: true,
      format: total === undefined ? `${what}  {value}` : `${what}  {bar}  {value} of {total}  {eta_formatted}`,
    });
    bar.start(total ?? 0, 0);
    return {
      step(count = 1) {
        done += count;
        bar.update(done);
      },
      note(text) {
        // The bar stands on its line: what is said goes above it.
        bar.stop();
        stream.write(`${text}\n`);
        bar.start(total ?? 0, done);
      },
      end: () => bar.stop(),
    };
  }
  const every = total === undefined ? 1_000 : Math.max(1, Math.ceil(total / 10));
  return {
    step(count = 1) {
      const before = Math.floor(done / every);
      done += count;
      if (Math.floor(done / every) > before) {
        stream.write(`${what}: ${done}${total === undefined ? "" : ` of ${total}`}\n`);
      }
    },
    note: (text) => stream.write(`${text}\n`),
    end: () => undefined,
  };
}
