import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { normaliseRecipient } from "../receipt/match-recipient.ts";
import { place } from "./check-shape.ts";
import { type ConfigFault, didYouMean } from "./config-error.ts";
import type {
  DeliveryConfig,
  DeliveryEntry,
  ForwardVia,
  ImapAccount,
  ImapAccountConfig,
  ResolvedStream,
  SecretSource,
  StreamConfig,
} from "./types.ts";

/** What entries of the address map may name. */
export interface DeliveryPlaces {
  /** `personal.imap`. */
  readonly accounts: Readonly<Record<string, ImapAccountConfig>>;
  readonly onAws: boolean;
  readonly smarthost: boolean;
}

type Known = DeliveryPlaces & { readonly domains: readonly string[] };

/** The address map of one stream, every entry a list, every account complete. */
export function resolveDelivery(
  stream: StreamConfig,
  worker: ResolvedStream["worker"] | undefined,
  at: readonly PropertyKey[],
  known: Known,
  faults: ConfigFault[],
): Readonly<Record<string, readonly DeliveryEntry[]>> {
  if (stream.delivery === undefined) return {};
  if (worker !== "personal") {
    faults.push({
      at: place([...at, "delivery"]),
      problem: "only the personal worker delivers to mailboxes",
      suggestion: 'set worker: "personal", or remove delivery',
    });
  }
  const { domains } = known;
  const map = new Map<string, readonly DeliveryEntry[]>();
  for (const [address, config] of Object.entries(stream.delivery)) {
    const path = [...at, "delivery", address];
    // "@example.com" stands for everybody else of the domain.
    const domain = parseMailAddress(address.startsWith("@") ? `x${address}` : address)?.domain;
    if (domain === undefined || !isOurs(domain, domains)) {
      faults.push({
        at: place(path),
        problem: `"${address}" is not an address of your domains`,
        allowed: `an address such as ann@${domains[0] ?? "example.com"}, or @${domains[0] ?? "example.com"} for all others`,
      });
    }
    const isList = Array.isArray(config);
    const entries: readonly DeliveryConfig[] = isList ? config : [config as DeliveryConfig];
    map.set(
      address.startsWith("@") ? address.toLowerCase() : normaliseRecipient(address),
      entries.map((entry, index) => resolveEntry(entry, isList ? [...path, index] : path, known, faults)),
    );
  }
  for (const [address, entries] of map) checkCycle(address, entries, map, at, faults);
  return Object.fromEntries(map);
}

function resolveEntry(
  entry: DeliveryConfig,
  path: readonly PropertyKey[],
  known: Known,
  faults: ConfigFault[],
): DeliveryEntry {
  if (typeof entry === "string") {
    const domain = parseMailAddress(entry)?.domain;
    if (domain === undefined || !isOurs(domain, known.domains)) {
      faults.push({
        at: place(path),
        problem: `"${entry}" is not an address of your domains`,
        suggestion: `for mail that leaves write  { forward: ${JSON.stringify(entry)} }`,
      });
    }
    return { kind: "address", address: normaliseAddress(entry) };
  }
  if ("maildir" in entry) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(entry.maildir) || entry.maildir.includes("..")) {
      faults.push({
        at: place([...path, "maildir"]),
        problem: `"${entry.maildir}" cannot be a mailbox's folder name`,
        allowed: "letters, digits, dot, underscore, hyphen; at most 64; no path",
      });
    }
    return { kind: "maildir", name: entry.maildir };
  }
  if ("imap" in entry) {
    const folder = entry.folder ?? "INBOX";
    checkFolder(folder, [...path, "folder"], faults);
    const at = [...path, "imap"];
    if (typeof entry.imap !== "string") {
      return { kind: "imap", account: resolveAccount(entry.imap, at, known, faults), folder };
    }
    const account = Object.hasOwn(known.accounts, entry.imap) ? known.accounts[entry.imap] : undefined;
    if (account === undefined) {
      const suggestion = didYouMean(entry.imap, Object.keys(known.accounts));
      faults.push({
        at: place(at),
        problem: `there is no account "${entry.imap}" in personal.imap`,
        suggestion: suggestion ?? "add it there, or write the account here",
      });
    }
    // Faults of a named account are told once, at its own place.
    const complete = account ?? { host: "", user: "", passwordFrom: { env: "" } };
    return { kind: "imap", account: resolveAccount(complete, at, known, []), folder };
  }
  const forward = typeof entry.forward === "string" ? { to: entry.forward } : entry.forward;
  const at = [...path, "forward"];
  const domain = parseMailAddress(forward.to)?.domain;
  if (domain === undefined) {
    faults.push({ at: place(at), problem: `"${forward.to}" is no address`, allowed: "user@example.net" });
  } else if (isOurs(domain, known.domains)) {
    faults.push({
      at: place(at),
      problem: `${forward.to} is an address of your own domains: the mail would come back here`,
      suggestion: `write ${JSON.stringify(forward.to)} alone: an alias`,
    });
  }
  return { kind: "forward", to: normaliseAddress(forward.to), via: resolveVia(forward, at, known, faults) };
}

/** Pairs that cannot work are refused, not met at the first mail. */
function resolveVia(
  forward: { readonly via?: ForwardVia },
  at: readonly PropertyKey[],
  { onAws, smarthost }: Known,
  faults: ConfigFault[],
): ForwardVia {
  if (forward.via === "smarthost" && onAws) {
    faults.push({
      at: place([...at, "via"]),
      problem: "on AWS everything leaves through SES, which takes no mail with a stranger's From",
      suggestion: 'leave via out, or write via: "ses"',
    });
  } else if (forward.via === "smarthost" && !smarthost) {
    faults.push({
      at: place([...at, "via"]),
      problem: "there is no local.smarthost to forward through",
      suggestion: "add local.smarthost: { host, port, … }, or leave via out: then the mail is kept in the outbox",
    });
  }
  return forward.via ?? (!onAws && smarthost ? "smarthost" : "ses");
}

/** An account with its defaults; what could not work is a fault. */
export function resolveAccount(
  account: ImapAccountConfig,
  at: readonly PropertyKey[],
  { onAws }: Pick<DeliveryPlaces, "onAws">,
  faults: ConfigFault[],
): ImapAccount {
  const tls = account.tls ?? "implicit";
  if (tls === "none" && !/^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(account.host)) {
    faults.push({
      at: place([...at, "tls"]),
      problem: `"none" would send password and mail to ${account.host} in clear`,
      allowed: "implicit, starttls; none only with a loopback address",
    });
  }
  if (onAws && account.ca !== undefined) {
    faults.push({
      at: place([...at, "ca"]),
      problem: "functions on AWS have no such file",
      suggestion: "use a server whose certificate the system knows",
    });
  }
  checkSource(account.passwordFrom, [...at, "passwordFrom"], onAws, faults);
  return { ...account, tls, port: account.port ?? (tls === "implicit" ? 993 : 143) };
}

export function checkSource(
  source: SecretSource,
  at: readonly PropertyKey[],
  onAws: boolean,
  faults: ConfigFault[],
): void {
  const isLocal = "env" in source || "file" in source;
  if (isLocal !== onAws) return;
  faults.push({
    at: place(at),
    problem: onAws ? "no function on AWS has this source" : "this machine does not ask AWS for secrets",
    allowed: onAws ? "{ secretsManager } or { parameter }" : "{ env } or { file }",
  });
}

/** Names that are one path element in every mailbox format: no dot (Maildir++ and Dovecot separate by it), no wildcard. */
export function checkFolder(folder: string, at: readonly PropertyKey[], faults: ConfigFault[]): void {
  if (/^[^\p{Cc}/.%*\\"~#&]+(?:\/[^\p{Cc}/.%*\\"~#&]+){0,9}$/u.test(folder)) return;
  faults.push({
    at: place(at),
    problem: `"${folder}" cannot be a folder`,
    allowed: 'names separated by "/", without . % * \\ " ~ # &',
  });
}

function checkCycle(
  start: string,
  entries: readonly DeliveryEntry[],
  map: ReadonlyMap<string, readonly DeliveryEntry[]>,
  at: readonly PropertyKey[],
  faults: ConfigFault[],
): void {
  const seen = new Set<string>();
  const next = [...entries];
  for (let entry = next.pop(); entry !== undefined; entry = next.pop()) {
    if (entry.kind !== "address") continue;
    if (entry.address === start) {
      faults.push({
        at: place([...at, "delivery", start]),
        problem: `${start} leads back to itself`,
        suggestion: "let one of the addresses on the way have a mailbox",
      });
      return;
    }
    if (seen.has(entry.address)) continue;
    seen.add(entry.address);
    next.push(...(map.get(entry.address) ?? []));
  }
}

export function isOurs(domain: string, domains: readonly string[]): boolean {
  return domains.some((verified) => domain === verified || domain.endsWith(`.${verified}`));
}
