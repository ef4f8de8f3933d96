import type { LocalLimits } from "../../shared/config/types.ts";
import type { Clock } from "../../shared/ports.ts";
import { replies, type SmtpReply } from "../../shared/receipt/replies.ts";
import type { EngineStore } from "../store/engine-store.ts";

export interface Full {
  readonly reply: SmtpReply;
  readonly reason: string;
}

export interface Capacity {
  /** Why no mail can be taken now; `undefined` when it can. Counts afresh at most once a second, and when near a limit. */
  full(declaredBytes: number): Full | undefined | Promise<Full | undefined>;
  /** One more message was accepted. */
  took(): void;
}

interface Seen {
  readonly at: number;
  readonly unended: number;
  readonly free: number;
}

const freshForMs = 1000;

/**
 * Whether there is room for more: unfinished messages and free disk. Asked at MAIL, so that a sender learns it before it
 * sends the data: 4yz means "try again later", and nothing is ever dropped (RFC 5321 §4.2.1).
 *
 * @param freeDiskBytes - of the disk that holds the data folder
 */
export function createCapacity(
  store: Pick<EngineStore, "countUnended">,
  freeDiskBytes: () => Promise<number>,
  limits: Pick<LocalLimits, "unfinished" | "freeDiskBytes">,
  clock: Clock,
): Capacity {
  let seen: Seen | undefined;
  let tookSince = 0;
  let looking: ReturnType<typeof lookAfresh> | undefined;

  const lookAfresh = async () => {
    tookSince = 0;
    const [unended, free] = await Promise.all([store.countUnended(), freeDiskBytes()]);
    seen = { at: clock.now().getTime(), unended, free };
    return seen;
  };
  // A hundred senders that ask at once look once.
  const look = () => {
    looking ??= lookAfresh().finally(() => {
      looking = undefined;
    });
    return looking;
  };

  const tooMany = ({ unended }: Seen) => unended + tookSince >= limits.unfinished;
  const judge = (now: Seen, declaredBytes: number): Full | undefined => {
    if (tooMany(now)) {
      const reason = `${now.unended + tookSince} accepted messages are unfinished, the limit is ${limits.unfinished}`;
      return { reply: replies.tryLater, reason };
    }
    if (now.free - declaredBytes < limits.freeDiskBytes) {
      const reason = `${now.free} octets are free on the data folder's disk, ${limits.freeDiskBytes} must stay free`;
      return { reply: replies.storageFull, reason };
    }
    return undefined;
  };

  return {
    full(declaredBytes) {
      const age = seen === undefined ? Number.POSITIVE_INFINITY : clock.now().getTime() - seen.at;
      // A clock that was set back makes no old count fresh.
      if (seen && age >= 0 && age < freshForMs && !tooMany(seen)) return judge(seen, declaredBytes);
      return look()
        .then((now) => (tooMany(now) ? look() : now))
        .then((now) => judge(now, declaredBytes));
    },
    took() {
      tookSince += 1;
    },
  };
}
