import { createHash } from "node:crypto";
import type { ResolvedConfig, ResolvedStream } from "../config/types.ts";
import { foldCase, formatMailAddress, type MailAddress, parseMailAddress } from "../mail/address.ts";
import type { Claim, MailboxTarget, Ports } from "../ports.ts";

/**
 * The mailbox of a recipient: by the stream's address map with the label, then without it, else a Maildir named after the
 * local part without label, and after the domain too where it is not the first one.
 */
export function mailboxOf(
  { domains }: Pick<ResolvedConfig, "domains">,
  { delivery }: Pick<ResolvedStream, "delivery">,
  recipient: string,
): MailboxTarget {
  const parsed = parseMailAddress(recipient);
  if (parsed === undefined) return { kind: "maildir", name: hashedName(recipient) };
  const address = foldCase(parsed);
  const mapped = lookUp(delivery, address) ?? lookUp(delivery, withoutLabel(address));
  return { kind: "maildir", name: mapped ?? nameOf(withoutLabel(address), domains[0]) };
}

/**
 * Delivers the stored bytes, SES's header block on top, to the recipient's mailbox.
 *
 * @throws {StaleClaimError}
 */
export async function deliverPersonal(
  { mailboxes }: Pick<Ports, "mailboxes">,
  target: MailboxTarget,
  {
    claim,
    body,
    receivedAt,
  }: { readonly claim: Claim; readonly body: AsyncIterable<Uint8Array>; readonly receivedAt: Date },
): Promise<Readonly<Record<"mailbox" | "path", string>>> {
  const { path } = await mailboxes.deliver(claim, target, body, receivedAt);
  return { mailbox: target.name, path };
}

function lookUp(delivery: ResolvedStream["delivery"], address: MailAddress): string | undefined {
  const key = formatMailAddress(address);
  return Object.hasOwn(delivery, key) ? delivery[key]?.maildir : undefined;
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
