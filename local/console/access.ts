import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ApiKeyConfig, ApiKeyScope } from "../../shared/config/types.ts";

/** Why a request is not served. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly detail: string;
}

/** Whether a request may be served; `undefined` when it may. Reads its head only. */
export type Access = (request: IncomingMessage) => Refusal | undefined;

/**
 * On this machine: reading is free to whoever is on it, changing needs the engine's token, a key, or the console itself.
 *
 * @param token - of `engine.json`
 */
export function loopbackAccess(token: string, keys: readonly ApiKeyConfig[]): Access {
  return (request) => {
    // A page of somebody else's that has pointed its own name at this machine (DNS rebinding) sends that name.
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    if (!/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host) && host !== request.socket.localAddress) {
      return {
        status: 403,
        detail: `This server does not answer to the name "${host.slice(0, 100)}": use the address it printed at start.`,
      };
    }
    if (isRead(request) || sameSecret(givenKey(request)?.secret ?? "", token)) return undefined;
    const key = findKey(request, keys);
    if (key) return allows(key, request) ? undefined : beyond(key);
    return comesFromConsole(request, "http")
      ? undefined
      : {
          status: 403,
          detail:
            "Changes need the token from engine.json in the data folder or a key of local.apiKeys (Authorization: Bearer …), " +
            "or the console.",
        };
  };
}

/** From elsewhere: nothing without a key. The Host is not looked at, since no page under another name has the key. */
export function publicAccess(keys: readonly ApiKeyConfig[]): Access {
  return (request) => {
    const key = findKey(request, keys);
    if (!key) return { status: 401, detail: "This needs a key of local.apiKeys: Authorization: Bearer …" };
    if (!allows(key, request)) return beyond(key);
    // A browser adds a password that it knows by itself, also to what a page of somebody else's sends.
    if (isRead(request) || givenKey(request)?.scheme === "bearer" || comesFromConsole(request, "https"))
      return undefined;
    return { status: 403, detail: "Changes come from the console, or with Authorization: Bearer …" };
  };
}

/** What is kept of an API key, which has 256 random bits: a guess at it is no better than one at the key itself. */
export function hashApiKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

/** A form of another page can send neither this header nor our Origin. */
function comesFromConsole({ headers }: IncomingMessage, scheme: "http" | "https"): boolean {
  return headers.origin === `${scheme}://${headers.host}` && headers["x-mailweir"] === "1";
}

/** `Authorization: Bearer <key>`, or Basic with the key as the password, which is what browsers ask their user for. */
function givenKey({ headers }: IncomingMessage): { readonly scheme: string; readonly secret: string } | undefined {
  const [scheme = "", value = "", more] = (headers.authorization ?? "").split(" ");
  if (more !== undefined || value === "") return undefined;
  switch (scheme.toLowerCase()) {
    case "bearer":
      return { scheme: "bearer", secret: value };
    case "basic": {
      const pair = Buffer.from(value, "base64").toString("utf8");
      return { scheme: "basic", secret: pair.slice(pair.indexOf(":") + 1) };
    }
    default:
      return undefined;
  }
}

function findKey(request: IncomingMessage, keys: readonly ApiKeyConfig[]): ApiKeyConfig | undefined {
  const given = givenKey(request);
  if (!given) return undefined;
  const hash = hashApiKey(given.secret);
  // Each is compared, so that the time does not tell which one it was.
  return keys.filter(({ sha256 }) => sameSecret(hash, sha256))[0];
}

const paths: Readonly<Record<Exclude<ApiKeyScope, "read" | "all">, RegExp>> = {
  suppressions: /^\/api\/suppressions(?:\/|$)/,
  tickets: /^\/api\/tickets(?:\/|$)/,
  streams: /^\/api\/streams(?:\/|$)/,
};

function allows({ scopes }: ApiKeyConfig, request: IncomingMessage): boolean {
  return scopes.some((scope) => {
    if (scope === "all") return true;
    return scope === "read" ? isRead(request) : paths[scope].test(pathOf(request));
  });
}

/** The path that the router will see: without dot segments, escaped ones and backslashes among them. */
function pathOf({ url = "" }: IncomingMessage): string {
  return url.startsWith("/") ? (URL.parse(`http://localhost${url}`)?.pathname ?? "") : "";
}

function beyond({ name, scopes }: ApiKeyConfig): Refusal {
  return { status: 403, detail: `The key "${name}" is for ${scopes.join(", ")} only (local.apiKeys).` };
}

function sameSecret(given: string, wanted: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(wanted);
  return left.length === right.length && timingSafeEqual(left, right);
}
