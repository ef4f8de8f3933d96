import type { Clock } from "../../shared/ports.ts";
import { DnsError, isNegative } from "./dns-error.ts";
import { createNameServers, type NameServerQuery } from "./name-servers.ts";
import type { Zone } from "./zone.ts";

export interface MxRecord {
  readonly priority: number;
  readonly exchange: string;
}

/** `TXT`: one list of character-strings per record. `MX`: records. `A`, `AAAA`, `PTR`, `CNAME`, `NS`: strings. */
export type DnsRecords = readonly string[] | readonly (readonly string[])[] | readonly MxRecord[];

/**
 * One DNS question, in the shape that `node:dns` and mailauth use. Follows CNAMEs; never resolves with an empty list.
 *
 * @param name - absolute, with or without the final dot; a reverse name for `PTR`
 * @param type - `A`, `AAAA`, `MX`, `TXT`, `PTR`, `CNAME`
 * @throws {DnsError} `ENOTFOUND` no such name, `ENODATA` no such record, else a failure that may pass
 */
export type Resolver = (name: string, type: string) => Promise<DnsRecords>;

export interface SystemResolverOptions {
  /** `address` or `address:port`, asked in this order. Default: the name servers of the system. */
  readonly servers?: readonly string[];
  /** For one question, over all servers. Default 1500. */
  readonly timeoutMs?: number;
  /** How long a name server that did not answer is left alone. Default 30 000. */
  readonly holdMs?: number;
  readonly clock?: Clock;
  /** Asks one name server; the default is `node:dns`. */
  readonly query?: NameServerQuery;
}

const systemClock: Clock = { now: () => new Date() };

/**
 * The name servers of this machine, or those given. One that does not answer within its share of `timeoutMs` is not
 * asked again for `holdMs`; while all are held, questions fail at once. Make one for the whole process: it is where
 * the silence of a server is remembered.
 *
 * @throws {TypeError} when a server is not an IP address with an optional port
 */
export function systemResolver(options: SystemResolverOptions = {}): Resolver {
  const servers = createNameServers({
    ...(options.servers && { servers: options.servers }),
    timeoutMs: options.timeoutMs ?? 1500,
    holdMs: options.holdMs ?? 30_000,
    clock: options.clock ?? systemClock,
    ...(options.query && { query: options.query }),
  });
  return (name, type) => {
    const problem = badName(name);
    if (problem) return Promise.reject(problem);
    // c-ares reads a backslash as the start of an escape (RFC 1035 §5.1).
    return servers.ask(name.replaceAll("\\", "\\\\"), type);
  };
}

/** Answers from a zone that `loadZone` read; a name outside it does not exist. Touches no network. */
export function zoneResolver(zone: Zone): Resolver {
  return async (name, type) => {
    const problem = badName(name);
    if (problem) throw problem;
    return zone.lookup(name, type);
  };
}

export interface CacheOptions {
  readonly clock?: Clock;
  /** How long an answer is believed. Node's DNS client does not tell the TTL of TXT and MX. Default 60 000. */
  readonly positiveMs?: number;
  /** How long "no such name" and "no such record" are believed. Default 30 000. */
  readonly negativeMs?: number;
  /** Questions remembered at most. Default 5000. */
  readonly maxEntries?: number;
  /** Octets of names and answers remembered at most. Default 4 194 304. */
  readonly maxBytes?: number;
}

/**
 * Remembers answers for a bounded time, the least recently used leaving first, and asks once for questions that are
 * under way. Failures (time-outs, SERVFAIL) are not remembered.
 */
export function cachingResolver(inner: Resolver, options: CacheOptions = {}): Resolver {
  const { clock = systemClock, positiveMs = 60_000, negativeMs = 30_000 } = options;
  const { maxEntries = 5000, maxBytes = 4_194_304 } = options;
  const cache = new Map<string, { until: number; bytes: number; records: DnsRecords | DnsError }>();
  const underWay = new Map<string, Promise<DnsRecords>>();
  let bytes = 0;

  const forget = (key: string) => {
    bytes -= cache.get(key)?.bytes ?? 0;
    cache.delete(key);
  };
  const remember = (key: string, records: DnsRecords | DnsError, forMs: number) => {
    forget(key);
    const size = key.length + sizeOf(records);
    if (size > maxBytes || forMs <= 0) return;
    cache.set(key, { until: clock.now().getTime() + forMs, bytes: size, records });
    bytes += size;
    for (const oldest of cache.keys()) {
      if (cache.size <= maxEntries && bytes <= maxBytes) break;
      forget(oldest);
    }
  };

  return (name, type) => {
    const key = `${type.toUpperCase()} ${name.toLowerCase().replace(/\.$/, "")}`;
    const known = cache.get(key);
    if (known && known.until > clock.now().getTime()) {
      cache.delete(key);
      cache.set(key, known);
      return known.records instanceof DnsError ? Promise.reject(known.records) : Promise.resolve(known.records);
    }
    const asked = underWay.get(key);
    if (asked) return asked;
    const answer = inner(name, type).then(
      (records) => {
        remember(key, records, positiveMs);
        return records;
      },
      (error: unknown) => {
        if (error instanceof DnsError && isNegative(error)) remember(key, error, negativeMs);
        throw error;
      },
    );
    underWay.set(key, answer);
    const done = () => underWay.delete(key);
    answer.then(done, done);
    return answer;
  };
}

function sizeOf(records: DnsRecords | DnsError): number {
  if (records instanceof DnsError) return 100;
  let size = 100;
  for (const record of records) {
    if (typeof record === "string") size += record.length;
    else if (Array.isArray(record)) for (const part of record) size += part.length;
    else size += 100;
  }
  return size;
}

export interface BudgetOptions {
  /** From the first question on, all questions together. */
  readonly budgetMs: number;
  /** Without any answer for this long, the name servers count as out of reach. Default 1800. */
  readonly silenceMs?: number;
  /** Questions of one message. Default 250: SPF with full MX and PTR lists, ten signatures, an ARC chain, DMARC. */
  readonly maxQuestions?: number;
  readonly signal?: AbortSignal;
}

/**
 * One message's share of the resolver. When the budget is used up, every open and later question fails with
 * `ETIMEOUT`, so that a message whose DNS is out of reach is judged within two seconds.
 */
export function budgetResolver(inner: Resolver, options: BudgetOptions): Resolver & { readonly close: () => void } {
  const { budgetMs, silenceMs = 1800, maxQuestions = 250, signal } = options;
  const open = new Set<(error: DnsError) => void>();
  let asked = 0;
  let over: DnsError | undefined;
  let whole: NodeJS.Timeout | undefined;
  let silence: NodeJS.Timeout | undefined;

  const end = (error: DnsError) => {
    over ??= error;
    clearTimeout(whole);
    clearTimeout(silence);
    for (const fail of [...open]) fail(over);
  };
  const aborted = () => end(new DnsError("ECANCELLED", "the check was cancelled"));
  if (signal?.aborted) aborted();
  else signal?.addEventListener("abort", aborted, { once: true });

  const listen = () => {
    clearTimeout(silence);
    if (open.size === 0 || over) return;
    silence = setTimeout(
      () => end(new DnsError("ETIMEOUT", `no DNS answer for ${silenceMs} ms`)),
      Math.min(silenceMs, budgetMs),
    );
  };

  const resolve = (name: string, type: string) => {
    if (over) return Promise.reject(over);
    asked += 1;
    if (asked > maxQuestions) {
      return Promise.reject(new DnsError("ETIMEOUT", `more than ${maxQuestions} DNS questions for one message`));
    }
    whole ??= setTimeout(
      () => end(new DnsError("ETIMEOUT", `DNS took more than ${budgetMs} ms for one message`)),
      budgetMs,
    );
    return new Promise<DnsRecords>((done, failed) => {
      const fail = (error: DnsError) => {
        open.delete(fail);
        failed(error);
      };
      open.add(fail);
      if (open.size === 1) listen();
      inner(name, type).then(
        (records) => {
          if (open.delete(fail)) listen();
          done(records);
        },
        (error: unknown) => {
          if (open.delete(fail)) listen();
          failed(error);
        },
      );
    });
  };
  return Object.assign(resolve, {
    close: () => {
      signal?.removeEventListener("abort", aborted);
      end(new DnsError("ECANCELLED", "the check has ended"));
    },
  });
}

/** Names that cannot exist (RFC 1035 §2.3.4) are not sent; any printable octet can be in a label (RFC 2181 §11). */
function badName(name: string): DnsError | undefined {
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  const labels = bare.split(".");
  const fits = bare.length <= 253 && labels.every((label) => label.length > 0 && label.length <= 63);
  if (fits && /^[\x20-\x7e]+$/.test(bare)) return undefined;
  return new DnsError("ENOTFOUND", `${JSON.stringify(name.slice(0, 100))} cannot be a name in the DNS`);
}
