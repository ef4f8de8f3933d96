import type { FolderRuleConfig, ResolvedConfig } from "../config/types.ts";
import type { Claim, MailboxTarget, Ports } from "../ports.ts";
import { matchStream } from "../streams/match-stream.ts";
import type { MessageContent } from "../streams/message-content.ts";
import type { StreamMessage } from "../streams/stream-message.ts";
import { type DeliveryTarget, targetKey, targetsOf } from "./address-map.ts";
import { type ForwardPorts, forwardMail } from "./forward.ts";

export interface Delivery {
  readonly message: StreamMessage;
  readonly recipient: string;
  readonly claim: Claim;
  readonly content: MessageContent;
}

/**
 * Delivers to every target, each an effect of its own: one that fails holds up no other, and at the next attempt only
 * what failed is left to do. Answers what the journey shows.
 *
 * @throws what the first failing target threw, when all have been tried
 */
export async function deliverAll(
  ports: ForwardPorts & Pick<Ports, "mailboxes">,
  config: ResolvedConfig,
  delivery: Delivery,
  targets: readonly DeliveryTarget[],
): Promise<Readonly<Record<string, string>>> {
  const folder = await folderFor(config.personal.folders, delivery);
  const shown: Placed[] = [];
  const forwarded: string[] = [];
  const loops: string[] = [];
  const failures: unknown[] = [];
  for (const target of targets) {
    try {
      if (target.kind === "forward") {
        const result = await forwardMail(ports, config, delivery, target);
        if (result.kind === "sent") forwarded.push(result.shown);
        if (result.kind === "loop") loops.push(`${target.to}: ${result.because}`);
        if (result.kind !== "kept") continue;
        forwarded.push(result.because);
        // What does not leave must not be out of the person's reach.
        const [own] = targetsOf(config, { delivery: {} }, delivery.recipient);
        if (own === undefined || own.kind === "forward") continue;
        shown.push(await place(ports, delivery, own));
      } else shown.push(await place(ports, delivery, inFolder(target, folder)));
    } catch (error) {
      failures.push(error);
    }
  }
  // An attempt that was overtaken ends as such, whatever else went wrong in it.
  if (failures.length > 0) throw failures.find(isStale) ?? failures[0];
  const joined = (of: keyof Placed) => clip(shown.map((one) => one[of]).join(", "));
  return {
    ...(shown.length > 0 && { mailbox: joined("mailbox"), path: joined("path") }),
    ...(folder !== undefined && { folder }),
    ...(forwarded.length > 0 && { forwarded: clip(forwarded.join("; ")) }),
    ...(loops.length > 0 && { loop: clip(loops.join("; ")) }),
  };
}

interface Placed {
  readonly mailbox: string;
  readonly path: string;
}

async function place(ports: Pick<Ports, "mailboxes">, delivery: Delivery, target: MailboxTarget): Promise<Placed> {
  const { claim, content, message } = delivery;
  const { path } = await ports.mailboxes.deliver(claim, target, await content.raw(), new Date(message.receivedAt));
  return { mailbox: target.kind === "maildir" ? target.name : targetKey(target).replace(/^imap /, ""), path };
}

/** Rules sort what lies in the inbox; a target with a folder of its own has been sorted. */
function inFolder(target: MailboxTarget, folder: string | undefined): MailboxTarget {
  if (folder === undefined) return target;
  if (target.kind === "imap") return target.folder === "INBOX" ? { ...target, folder } : target;
  return { ...target, folder };
}

/** The folder of the first rule that matches. Headers are read only when there are rules. */
async function folderFor(
  rules: readonly FolderRuleConfig[],
  { message, recipient, content }: Delivery,
): Promise<string | undefined> {
  if (rules.length === 0) return undefined;
  const { nature, safety, trust } = message;
  const input = { recipient, headers: await content.headers(), judgement: { nature, safety, trust, complete: true } };
  return rules.find(({ match }) => matchStream(match, input).kind === "match")?.folder;
}

const isStale = (error: unknown) => (error as { readonly code?: unknown }).code === "ERR_STALE_CLAIM";

// The detail stands in the ledger's item, which is to stay small.
const clip = (text: string) => (text.length <= 300 ? text : `${text.slice(0, 297)}...`);
