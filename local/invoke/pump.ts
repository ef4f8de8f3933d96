/** Moves due work to where it is done. Woken by whoever made something due; asks the store, keeps nothing itself. */
export interface Pump {
  /** Takes what is due now, up to the pump's concurrency. Resolves when it has been taken, not when it is done. */
  tick(): Promise<void>;
  /** Resolves when nothing that this pump took is under way. */
  idle(): Promise<void>;
  /** Takes nothing more. */
  stop(): void;
}

/**
 * A pump over something that is taken in portions. At most `concurrency` portions are under way; each that ends looks for
 * more, so that a full queue runs at full speed without anybody asking again.
 *
 * @param take - removes or locks the next portion; `undefined` when there is none
 * @param work - never rejects
 */
export function createPump<Portion>(options: {
  readonly concurrency: number;
  take(): Promise<Portion | undefined>;
  work(portion: Portion): Promise<void>;
  onError(error: unknown): void;
}): Pump {
  const underWay = new Set<Promise<void>>();
  let stopped = false;
  let taking: Promise<void> | undefined;
  let again = false;

  const takeAll = async () => {
    do {
      again = false;
      while (!stopped && underWay.size < options.concurrency) {
        const portion = await options.take();
        if (portion === undefined) break;
        const work = options
          .work(portion)
          .catch(options.onError)
          .finally(() => {
            underWay.delete(work);
            void tick();
          });
        underWay.add(work);
      }
    } while (again && !stopped);
  };

  const tick = (): Promise<void> => {
    if (stopped) return Promise.resolve();
    if (taking) {
      again = true;
      return taking;
    }
    taking = takeAll()
      .catch(options.onError)
      .finally(() => {
        taking = undefined;
      });
    return taking;
  };

  return {
    tick,
    async idle() {
      while (underWay.size > 0 || taking) await Promise.all([...underWay, taking]);
    },
    stop() {
      stopped = true;
    },
  };
}
