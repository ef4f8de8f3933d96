import { createHash } from "node:crypto";
import type { ResolvedConfig } from "../config/types.ts";
import { formatMailAddress, normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { composeMail } from "../outgoing/compose-mail.ts";
import type { OutgoingMail } from "../ports.ts";
import type { KeyRing } from "../tokens/key-ring.ts";
import { createTokens } from "../tokens/tokens.ts";
import { createLinks } from "./link.ts";
import { everything } from "./list-id.ts";
import { createPersonOf } from "./person.ts";
import { textsFor } from "./texts/texts.ts";
import { writeUnsubscribeToken } from "./unsubscribe-token.ts";

export interface NoticeDraft {
  /** `ask`: do you want it? `done`: it was done. */
  readonly kind: "ask" | "done";
  /** The person's, normalised. */
  readonly address: string;
  readonly list: string;
  readonly language: string | undefined;
  /** The address of ours that was written to. */
  readonly recipient: string;
  /** Of the request, with angle brackets. */
  readonly inReplyTo?: string;
  readonly id: string;
  readonly date: Date;
}

/**
 * A mail of ours about a request: in the request's language, marked as automatic, from the null sender, so that no
 * responder and no loop answers it (RFC 3834 §3.1.7, §5). It quotes nothing: whoever forges a request must not make us
 * carry their words. `undefined` when there would be no way to answer our question.
 */
export async function composeNotice(
  config: Pick<ResolvedConfig, "streams" | "unsubscribe">,
  ring: KeyRing,
  draft: NoticeDraft,
): Promise<OutgoingMail | undefined> {
  const { kind, address, list } = draft;
  const texts = textsFor(draft.language);
  const from = plainAddress(config, draft.recipient);
  const tokenAddress = addressWith(config, from, () =>
    writeUnsubscribeToken(createTokens(ring), "confirm", { person: createPersonOf(ring)(address), list }),
  );
  const { url } = config.unsubscribe;
  const link = url === undefined ? undefined : `${url}/${createLinks(ring).seal({ address, list })}`;
  if (kind === "ask" && tokenAddress === undefined && link === undefined) return undefined;
  const name = list === everything ? undefined : (config.unsubscribe.lists[list]?.name ?? list);
  const about = { ...(name !== undefined && { list: name }), ...(link !== undefined && { link }) };
  const domain = from.slice(from.lastIndexOf("@") + 1);
  const raw = await composeMail({
    from: { address: from },
    to: [address],
    subject: kind === "ask" ? texts.askSubject : texts.doneSubject,
    text: `${kind === "ask" ? texts.askText(about) : texts.doneText(about)}\n`,
    messageId: `<${createHash("sha256").update(draft.id).digest("hex").slice(0, 32)}@${domain}>`,
    date: draft.date,
    ...(draft.inReplyTo !== undefined && { references: [draft.inReplyTo] }),
    headers: {
      ...(kind === "ask" && tokenAddress !== undefined && { "Reply-To": tokenAddress }),
      "Auto-Submitted": "auto-replied",
      "X-Auto-Response-Suppress": "All",
      "Content-Language": texts.language,
    },
  });
  return { id: draft.id, kind: "confirmation", envelopeSender: "", recipients: [address], raw };
}

function plainAddress({ streams }: Pick<ResolvedConfig, "streams">, recipient: string): string {
  const plain = normaliseAddress(recipient).replace(/\+[^@]*@/, "@");
  const own = streams.filter(({ worker }) => worker === "unsubscribe").flatMap(({ recipients }) => recipients);
  // A reply diverted from another address is answered from the address that is there for it.
  return own.includes(plain) ? plain : (own.find((condition) => condition.includes("@")) ?? plain);
}

/** The address with a token in it, if there is room (RFC 5321 §4.5.3.1.1); else another one of the stream. */
function addressWith(
  { streams }: Pick<ResolvedConfig, "streams">,
  from: string,
  token: () => string,
): string | undefined {
  const own = streams.filter(({ worker }) => worker === "unsubscribe").flatMap(({ recipients }) => recipients);
  for (const candidate of [from, ...own]) {
    const address = parseMailAddress(candidate);
    if (address === undefined || !own.includes(candidate) || !/^[a-z0-9._-]{1,12}$/.test(address.localPart)) continue;
    return formatMailAddress({ localPart: `${address.localPart}+${token()}`, domain: address.domain });
  }
  return undefined;
}
