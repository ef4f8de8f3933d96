import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress } from "../mail/address.ts";
import type { EffectOf, Ports, ReceiptMeta, RecipientRecord } from "../ports.ts";
import { limits as sesLimits } from "../receipt/limits.ts";
import { parseSesMessageId } from "../ses-message-id.ts";
import { type DeliveryTarget, targetsOf } from "./address-map.ts";
import { pauseTarget } from "./pause-target.ts";

type BouncePorts = Pick<Ports, "suppressions" | "secrets" | "propagations" | "ledger" | "outbox" | "clock">;

/** What the next hop said about a forwarded mail that it will not deliver. */
export interface ForwardBounce {
  /** Whether the address is gone, not only this mail unwelcome. */
  readonly isGone: boolean;
  /** Normalised. */
  readonly address: string;
  /** ISO 8601. */
  readonly at: string;
  readonly note: string;
  /** The id by which the next hop knows the mail. */
  readonly messageId: string;
}

const leaseMs = 90_000;

/**
 * A forwarded mail came back. The target is paused where it is gone, the journey of the mail says what happened, and who wrote
 * it is told, once, where that cannot hit somebody else: RFC 5321 §6.2 asks for a notice, and forged senders forbid it.
 * Everybody else's mail stays stored, and the journey says why nobody was told.
 *
 * @returns what was done, for the log
 */
export async function returnForward(
  ports: BouncePorts,
  config: ResolvedConfig,
  by: EffectOf,
  bounce: ForwardBounce,
): Promise<{ readonly target: string; readonly sender: string }> {
  const { address, at, note, messageId } = bounce;
  const target = bounce.isGone ? await pauseTarget(ports, by, { address, at, note }) : "not paused";
  const sent = await ports.outbox.forwardSentAs(messageId);
  const sesMessageId = parseSesMessageId(sent?.id.split("/")[0] ?? "");
  if (sent === undefined || sesMessageId === undefined) return { target, sender: "unknown mail" };
  const item = { change: sent.id, target: `forward:${address}`.slice(0, 100), sesMessageId };
  const begun = await ports.propagations.begin(item, leaseMs);
  if (begun.kind === "ended") return { target, sender: "repeated" };
  const attempt = begun.kind === "begun" ? begun.attempt : 0;
  const sender = await tellSender(ports, config, sesMessageId, bounce);
  const cause = `came back: ${note}; the target is ${target}; the sender ${sender}`.slice(0, 300);
  await ports.propagations.note({ change: item.change, target: item.target, attempt, state: "stopped", cause });
  return { target, sender };
}

async function tellSender(
  ports: BouncePorts,
  config: ResolvedConfig,
  sesMessageId: NonNullable<ReturnType<typeof parseSesMessageId>>,
  { address, isGone }: ForwardBounce,
): Promise<string> {
  const meta = await ports.ledger.meta(sesMessageId);
  const records = await ports.ledger.recipients(sesMessageId);
  const forwarded = records.filter((record) => targetsFor(config, record).some((target) => leadsTo(target, address)));
  const why =
    meta === undefined ? "is not told: nothing is known of the mail" : mayNotTell(meta, forwarded, ports, config);
  if (why !== undefined) return why;
  await ports.outbox.sendBounce({
    originalMessageId: sesMessageId,
    bounceSender: config.bounceSender,
    // The address that it was forwarded to is the recipient's own matter.
    recipients: forwarded.map(({ recipient }) => ({
      recipient,
      smtpReplyCode: "550",
      statusCode: isGone ? "5.1.1" : "5.0.0",
      message: "The mail could not be handed on to the recipient",
    })),
  });
  return "was told";
}

/** Why nobody is told; `undefined` when the sender may be. */
function mayNotTell(
  meta: ReceiptMeta,
  records: readonly RecipientRecord[],
  { clock }: Pick<Ports, "clock">,
  config: ResolvedConfig,
): string | undefined {
  if (records.length === 0) return "is not told: no recipient's mail goes there any more";
  // Another place has the mail: its recipient got it.
  if (records.some((record) => targetsFor(config, record).length > 1)) return "is not told: the mail has other places";
  if (meta.from === "") return "is not told: it was sent from <>";
  if (meta.verdicts.spf !== "PASS") return "is not told: SPF did not pass, so it may be somebody else";
  if (records.some(({ nature }) => nature.kind !== "human")) return "is not told: a program wrote it";
  const ageMs = clock.now().getTime() - Date.parse(meta.receivedAt);
  return ageMs >= sesLimits.sendBounceWindowMs ? "is not told: the mail is older than SES bounces" : undefined;
}

function targetsFor(config: ResolvedConfig, { stream, recipient }: RecipientRecord): readonly DeliveryTarget[] {
  const of = config.streams.find(({ name }) => name === stream);
  return of === undefined ? [] : targetsOf(config, of, recipient);
}

const leadsTo = (target: DeliveryTarget, address: string) =>
  target.kind === "forward" && normaliseAddress(target.to) === address;
