import { createHash } from "node:crypto";
import type { ResolvedConfig } from "../config/types.ts";
import { composeMail } from "../outgoing/compose-mail.ts";
import type { Ports } from "../ports.ts";
import { sesResults } from "../streams/read-ses-block.ts";
import type { DeliveryTarget } from "./address-map.ts";
import { composeForward } from "./compose-forward.ts";
import type { Delivery } from "./deliver-all.ts";
import { createMailLinks, mailLinkPath } from "./mail-link.ts";
import { pausedUntil } from "./pause-target.ts";
import { planForward } from "./plan-forward.ts";
import { createSrs } from "./srs.ts";

export type ForwardPorts = Pick<Ports, "outbox" | "secrets" | "suppressions" | "clock" | "tallies">;

/** The name under which forwarded mails are counted. */
export const forwardsSent = "forward-sent";

export type Forwarded =
  | { readonly kind: "sent"; readonly shown: string }
  /** It does not leave now: the recipient's own Maildir takes it. */
  | { readonly kind: "kept"; readonly because: string }
  /** It came back, or goes round: it is stored, and nobody gets it again. */
  | { readonly kind: "loop"; readonly because: string };

/** Forwards to one address, once per (SES message id, target); at least once where the next hop's answer is lost. */
export async function forwardMail(
  ports: ForwardPorts,
  config: ResolvedConfig,
  { message, recipient, content }: Delivery,
  target: DeliveryTarget & { readonly kind: "forward" },
): Promise<Forwarded> {
  const { sesMessageId, verdicts, envelope } = message;
  const { forwarding } = config.personal;
  const now = ports.clock.now();
  const { author } = message.headers;
  const headers = await content.headers();
  const results = sesResults(headers);
  const plan = planForward(
    {
      via: target.via,
      recipient,
      headers,
      sizeBytes: await content.sizeBytes(),
      verdicts,
      authorDomain: author?.address.slice(author.address.lastIndexOf("@") + 1).toLowerCase(),
      results,
    },
    forwarding,
  );
  if (plan.kind === "loop") return plan;
  const id = `${sesMessageId}/forward/${createHash("sha256").update(target.to).digest("hex").slice(0, 24)}`;
  if (plan.kind === "too-large") {
    const link = await linkTo(ports, config, message);
    await sendNotice(ports, config, {
      id: `${id}/too-large`,
      to: target.to,
      recipient,
      message,
      because: plan.because,
      ...(link !== undefined && { link }),
    });
    return { kind: "kept", because: `too large to forward: ${plan.because}` };
  }
  const paused = await pausedUntil(ports, target.to, now);
  if (paused !== undefined) return { kind: "kept", because: `forwarding to ${target.to} is paused until ${paused}` };

  const chunks: Uint8Array[] = [];
  for await (const chunk of await content.raw()) chunks.push(chunk);
  let raw = composeForward({
    raw: Buffer.concat(chunks),
    via: target.via,
    from: plan.from,
    recipient,
    sender: forwarding.from,
    author,
  });
  const receivedAt = new Date(message.receivedAt);
  if (target.via === "smarthost" && forwarding.key) {
    const { domain, selector, privateKeyFrom } = forwarding.key;
    const privateKey = await ports.secrets.read(privateKeyFrom);
    // Only who has a key loads what signs.
    const { signForward } = await import("./sign-forward.ts");
    // The time is the mail's own: an attempt after a crash gives the same octets.
    const signing = { sign: plan.from === "rewritten", results: results.replace(/^[^;]*;\s*/, ""), now: receivedAt };
    raw = await signForward(raw, { domain, selector, privateKey }, signing);
  }
  const srs = createSrs(await ports.secrets.keyRing(), forwarding.srsDomain);
  // A bounce goes back to the envelope sender only where SPF says that it is theirs: else it would be backscatter.
  const envelopeSender =
    target.via === "ses"
      ? forwarding.from
      : envelope.from === "" || verdicts.spf === "PASS"
        ? (srs.forward(envelope.from, receivedAt) ?? forwarding.from)
        : forwarding.from;
  const { messageId, repeated } = await ports.outbox.sendMail({
    id,
    kind: "forward",
    envelopeSender,
    recipients: [target.to],
    raw,
  });
  if (!repeated) await ports.tallies.add(forwardsSent);
  return { kind: "sent", shown: `${target.to} as ${messageId} (at least once), From ${plan.from}: ${plan.because}` };
}

/** The same at every attempt: it ends so long after the mail came. */
async function linkTo(
  { secrets }: Pick<Ports, "secrets">,
  { personal: { forwarding } }: ResolvedConfig,
  { sesMessageId, receivedAt }: Delivery["message"],
): Promise<string | undefined> {
  if (forwarding.linkUrl === undefined) return undefined;
  const until = new Date(Date.parse(receivedAt) + forwarding.linkDays * 86_400_000);
  const token = createMailLinks(await secrets.keyRing()).sign(sesMessageId, until);
  return token && `${forwarding.linkUrl}${mailLinkPath}${token}`;
}

async function sendNotice(
  { outbox }: Pick<Ports, "outbox">,
  config: ResolvedConfig,
  {
    id,
    to,
    recipient,
    message,
    because,
    link,
  }: {
    readonly id: string;
    readonly to: string;
    readonly recipient: string;
    readonly message: Delivery["message"];
    readonly because: string;
    readonly link?: string;
  },
): Promise<void> {
  const { from } = config.personal.forwarding;
  const domain = from.slice(from.lastIndexOf("@") + 1);
  const raw = await composeMail({
    from: { address: from },
    to: [to],
    subject: "A mail was too large to forward",
    text: [
      `A mail for ${recipient} is too large to be forwarded to you (${because}).`,
      "",
      `From: ${message.headers.author?.address ?? "unknown"}`,
      `Subject: ${(message.headers.subject ?? "").slice(0, 300)}`,
      `Received: ${message.receivedAt}`,
      "",
      ...(link === undefined
        ? []
        : [`Fetch it here within ${config.personal.forwarding.linkDays} days; whoever has the link can:`, link, ""]),
      `It is kept as ${message.sesMessageId}, and lies in the mailbox of ${recipient}.`,
      "",
    ].join("\r\n"),
    messageId: `<${createHash("sha256").update(id).digest("hex").slice(0, 40)}@${domain}>`,
    date: new Date(message.receivedAt),
    headers: { "Auto-Submitted": "auto-generated" },
  });
  await outbox.sendMail({ id, kind: "notice", envelopeSender: from, recipients: [to], raw });
}
