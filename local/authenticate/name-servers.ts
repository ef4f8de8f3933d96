import dns from "node:dns";
import { isIP } from "node:net";
import type { Clock } from "../../shared/ports.ts";
import { DnsError, type DnsErrorCode } from "./dns-error.ts";
import type { DnsRecords } from "./resolver.ts";

/** One question to one name server. Rejects with an error whose `code` is one of `node:dns`'s. */
export type NameServerQuery = (server: string, name: string, type: string, timeoutMs: number) => Promise<DnsRecords>;

export interface NameServers {
  ask(name: string, type: string): Promise<DnsRecords>;
}

/**
 * Name servers in order of preference, each left alone for `holdMs` once it was silent. Silence on one name alone is not
 * enough: a domain whose own servers are slow must not blind us to the others. So half-way a second question is sent,
 * one that any recursive server knows; only a server that answers neither is held.
 */
export function createNameServers(options: {
  readonly servers?: readonly string[];
  readonly timeoutMs: number;
  readonly holdMs: number;
  readonly clock: Clock;
  readonly query?: NameServerQuery;
}): NameServers {
  const { holdMs, clock } = options;
  const { query, abandon } = options.query ? { query: options.query, abandon: () => {} } : nodeQuery();
  for (const server of options.servers ?? []) checkServer(server);
  const current = options.servers ? () => options.servers ?? [] : systemServers(clock, holdMs);
  const heldUntil = new Map<string, number>();

  const isHeld = (server: string) => (heldUntil.get(server) ?? 0) > clock.now().getTime();
  const hold = (server: string) => {
    heldUntil.set(server, clock.now().getTime() + holdMs);
    // What is still asked there would keep its socket, and a process that wants to end, for seconds.
    abandon(server);
  };

  const askServer = async (server: string, name: string, type: string, shareMs: number): Promise<DnsRecords> => {
    let alive = false;
    let probe: NodeJS.Timeout | undefined;
    let limit: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      probe = setTimeout(() => {
        const heard = () => {
          alive = true;
        };
        query(server, ".", "NS", shareMs).then(heard, (error: unknown) => {
          if (!isSilence(codeOf(error))) heard();
        });
      }, shareMs / 2);
      limit = setTimeout(() => reject(new DnsError("ETIMEOUT", `${server} did not answer in ${shareMs} ms`)), shareMs);
    });
    try {
      return await Promise.race([query(server, name, type, shareMs), silence]);
    } catch (error) {
      if (isSilence(codeOf(error)) && !alive) hold(server);
      throw error;
    } finally {
      clearTimeout(probe);
      clearTimeout(limit);
    }
  };

  return {
    async ask(name, type) {
      const servers = current();
      // A second server has to be reached within the same time, or a dead first one would use up the message's budget.
      const shareMs = Math.floor(options.timeoutMs / Math.max(1, servers.length));
      let failure: DnsError | undefined;
      for (const server of servers) {
        if (isHeld(server)) continue;
        try {
          return await askServer(server, name, type, shareMs);
        } catch (error) {
          const code = codeOf(error);
          failure = new DnsError(code, `${type} ${name} at ${server}: ${code}`, { cause: error });
          if (code === "ENOTFOUND" || code === "ENODATA") throw failure;
        }
      }
      throw (
        failure ??
        new DnsError(
          "ETIMEOUT",
          servers.length === 0
            ? "no name server is configured: name some in local.dns.servers, or a zone file in local.dns.zone"
            : `no name server answers (${servers.join(", ")}): not asked again for up to ${holdMs / 1000} s`,
        )
      );
    },
  };
}

/** The system's servers, read anew now and then: a laptop changes its network. */
function systemServers(clock: Clock, everyMs: number): () => readonly string[] {
  let servers: readonly string[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.now().getTime();
    if (now - readAt >= everyMs) {
      servers = new dns.promises.Resolver().getServers();
      readAt = now;
    }
    return servers;
  };
}

function nodeQuery(): { readonly query: NameServerQuery; readonly abandon: (server: string) => void } {
  const resolvers = new Map<string, dns.promises.Resolver>();
  return {
    async query(server, name, type, timeoutMs) {
      let resolver = resolvers.get(server);
      if (!resolver) {
        resolver = new dns.promises.Resolver({ timeout: timeoutMs, tries: 1 });
        resolver.setServers([server]);
        resolvers.set(server, resolver);
      }
      return (await resolver.resolve(name, type)) as DnsRecords;
    },
    abandon(server) {
      resolvers.get(server)?.cancel();
      resolvers.delete(server);
    },
  };
}

function codeOf(error: unknown): DnsErrorCode {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "ENOTFOUND":
    case "ENODATA":
    case "ESERVFAIL":
    case "EREFUSED":
    case "ETIMEOUT":
    case "ECONNREFUSED":
    case "ECANCELLED":
      return code;
    case "EBADNAME":
      // A name that cannot exist in the DNS does not exist.
      return "ENOTFOUND";
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return "ECONNREFUSED";
    default:
      return "EBADRESP";
  }
}

const isSilence = (code: DnsErrorCode) => code === "ETIMEOUT" || code === "ECONNREFUSED";

function checkServer(server: string): void {
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(server) ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(server);
  const address = isIP(server) ? server : match?.[1];
  if (!address || !isIP(address) || Number(match?.[2] ?? 53) > 65_535) {
    throw new TypeError(
      `${JSON.stringify(server)} is no name server: write an IP address, with a port "192.0.2.53:5353"`,
    );
  }
}
