import { lookup as systemLookup } from "node:dns";
import { request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP, isIPv4, isIPv6, type LookupFunction } from "node:net";
import { MailweirError } from "../errors.ts";
import type { WebAnswer, Webhooks, WebRequest } from "../ports.ts";

export class WebhookError extends MailweirError {
  readonly code = "ERR_WEBHOOK";
  readonly retryable = true;
}

/** All addresses of a host. */
export type LookupAll = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/**
 * A POST that cannot be turned against the network it comes from (OWASP: server-side request forgery). The host's
 * addresses are looked up once, all of them must be public or allowed, and the connection goes to one of those: a name
 * that answers differently the second time gains nothing. Redirects are not followed; of the answer only the head counts.
 */
export function createWebhooks(lookupAll: LookupAll = lookupBySystem): Webhooks {
  const request = async ({ url, allowPrivate, timeoutMs, ...rest }: Omit<Outgoing, "signal"> & Guard) => {
    const target = new URL(url);
    const allowed = toBlockList(allowPrivate);
    const host = target.hostname.replace(/^\[|\]$/g, "");
    const signal = AbortSignal.timeout(timeoutMs);
    const addresses = isIP(host) !== 0 ? [{ address: host, family: isIP(host) }] : await resolveHost(host, lookupAll);
    const refused = addresses.find(({ address }) => isSpecial(address) && !inList(allowed, address));
    const first = addresses[0];
    if (refused !== undefined || first === undefined) {
      throw new WebhookError(
        refused === undefined
          ? `${host} has no address`
          : `${host} is ${refused.address}, which is no public address: list it in allowPrivate if it is meant`,
      );
    }
    return send(target, first, { ...rest, signal });
  };
  return {
    async post(of) {
      const { status, retryAfter } = await request({ ...of, method: "POST" });
      return { status, ...(retryAfter !== undefined && { retryAfter }) };
    },
    request,
  };
}

interface Guard {
  readonly url: string;
  readonly allowPrivate: readonly string[];
  readonly timeoutMs: number;
}

interface Outgoing {
  readonly method: WebRequest["method"];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Without it only the head is read. */
  readonly maxAnswerBytes?: number;
  readonly signal: AbortSignal;
}

function send(
  target: URL,
  { address, family }: { readonly address: string; readonly family: number },
  { method, headers, body, signal, maxAnswerBytes }: Outgoing,
): Promise<WebAnswer> {
  const pinned: LookupFunction = (_host, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
  const options: RequestOptions = {
    method,
    headers: {
      ...headers,
      ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
      connection: "close",
    },
    lookup: pinned,
    // A connection of its own: one from a pool was looked up by somebody else.
    agent: false,
    maxHeaderSize: 16_384,
    signal,
  };
  return new Promise((resolve, reject) => {
    const request = target.protocol === "https:" ? httpsRequest(target, options) : httpRequest(target, options);
    const failed = (cause: NodeJS.ErrnoException) => {
      const why = signal.aborted ? "did not answer in time" : `could not be reached (${cause.code ?? cause.name})`;
      reject(new WebhookError(`${target.host} ${why}`, { cause }));
    };
    request.on("response", (response) => {
      const retryAfter = response.headers["retry-after"];
      const link = [response.headers.link ?? []].flat().join(", ");
      const head = {
        status: response.statusCode ?? 0,
        ...(retryAfter !== undefined && { retryAfter }),
        ...(link !== "" && { link }),
      };
      if (maxAnswerBytes === undefined) {
        resolve({ ...head, body: new Uint8Array() });
        response.on("error", () => undefined);
        response.destroy();
        return;
      }
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on("data", (chunk: Buffer) => {
        sizeBytes += chunk.length;
        chunks.push(chunk);
        if (sizeBytes <= maxAnswerBytes) return;
        reject(new WebhookError(`${target.host} answered with more than ${maxAnswerBytes} octets`));
        response.destroy();
      });
      response.on("end", () => resolve({ ...head, body: new Uint8Array(Buffer.concat(chunks)) }));
      response.on("error", failed);
    });
    request.on("error", failed);
    request.end(body);
  });
}

async function resolveHost(host: string, lookupAll: LookupAll) {
  try {
    return await lookupAll(host);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "no address";
    throw new WebhookError(`${host} could not be looked up (${code})`, { cause });
  }
}

const lookupBySystem: LookupAll = (host) =>
  new Promise((resolve, reject) => {
    systemLookup(host, { all: true, verbatim: true }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    );
  });

/** Whether the address is none that a stranger on the Internet could be reached by (IANA special-purpose registries). */
export function isSpecial(address: string): boolean {
  if (isIPv4(address)) return special.check(address, "ipv4");
  if (!isIPv6(address)) return true;
  // What is no global unicast (2000::/3) is something else, now or in future; IPv4 in disguise is refused whole.
  return !globalUnicast.check(address, "ipv6") || special.check(address, "ipv6");
}

const special = toBlockList([
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
  ...["192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
  ...["224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
]);
const globalUnicast = toBlockList(["2000::/3"]);

function toBlockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = "", bits] = block.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function inList(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}
