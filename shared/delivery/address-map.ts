import { createHash } from "node:crypto";
import type { ForwardVia, ImapAccount, ResolvedConfig, ResolvedStream } from "../config/types.ts";
import { foldCase, formatMailAddress, type MailAddress, parseMailAddress } from "../mail/address.ts";
import type { MailboxTarget } from "../ports.ts";

export type DeliveryTarget =
  | MailboxTarget
  | { readonly kind: "forward"; readonly to: string; readonly via: ForwardVia };

// A group of groups must not become a mail bomb; the configuration has far fewer.
const maxTargets = 200;

/**
 * Where mail for a recipient goes, each place once. The address map is asked with the label, then without it, then for the
 * whole domain; an address that it does not hold has a Maildir named after its local part, and after the domain too
 * where that is not the first one. Aliases and groups are followed, and what leads back to itself ends there.
 */
export function targetsOf(
  { domains }: Pick<ResolvedConfig, "domains">,
  { delivery }: Pick<ResolvedStream, "delivery">,
  recipient: string,
): readonly DeliveryTarget[] {
  const targets = new Map<string, DeliveryTarget>();
  const seen = new Set<string>();
  const follow = (text: string): void => {
    if (seen.has(text) || targets.size >= maxTargets) return;
    seen.add(text);
    const parsed = parseMailAddress(text);
    const address = parsed && foldCase(parsed);
    const entries = address && lookUp(delivery, address);
    if (entries === undefined) {
      add({ kind: "maildir", name: address ? derivedName(address) : hashedName(text) });
      return;
    }
    for (const entry of entries) {
      if (entry.kind === "address") follow(entry.address);
      else add(entry);
    }
  };
  const add = (target: DeliveryTarget) => {
    targets.set(targetKey(target), target);
  };
  const derivedName = (address: MailAddress) => nameOf(withoutLabel(address), domains[0]);
  follow(recipient);
  return [...targets.values()];
}

/** The same for the same place, whatever name the configuration has for it; never a secret. */
export function targetKey(target: DeliveryTarget): string {
  switch (target.kind) {
    case "maildir":
      return `maildir ${target.name}${target.folder === undefined ? "" : `/${target.folder}`}`;
    case "imap":
      return `${imapKey(target.account)}/${target.folder}`;
    case "forward":
      return `forward ${target.to}`;
    default:
      return target satisfies never;
  }
}

function imapKey({ user, host, port }: ImapAccount): string {
  return `imap ${user}@${host}:${port}`;
}

function lookUp(delivery: ResolvedStream["delivery"], address: MailAddress) {
  const keys = [formatMailAddress(address), formatMailAddress(withoutLabel(address)), `@${address.domain}`];
  const key = keys.find((candidate) => Object.hasOwn(delivery, candidate));
  return key === undefined ? undefined : delivery[key];
}

function withoutLabel({ localPart, domain }: MailAddress): MailAddress {
  const plus = localPart.indexOf("+");
  return plus > 0 ? { localPart: localPart.slice(0, plus), domain } : { localPart, domain };
}

// The name of a folder on any file system: no separator, no dot in front, at the end or twice, bounded.
const plain = /^[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9_-])){0,63}$/;
// What the derived names below begin with or hold; nobody's local part may look like one of them.
const reserved = /^x-|_at_/;

/** Senders choose what stands in front of the "@" of a catch-all: only what is plain becomes a name as it is. */
function nameOf(address: MailAddress, firstDomain: string | undefined): string {
  const { localPart, domain } = address;
  if (!plain.test(localPart) || reserved.test(localPart)) return hashedName(formatMailAddress(address));
  if (domain === firstDomain) return localPart;
  const name = `${localPart}_at_${domain}`;
  return plain.test(name) ? name : hashedName(formatMailAddress(address));
}

function hashedName(text: string): string {
  return `x-${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}
