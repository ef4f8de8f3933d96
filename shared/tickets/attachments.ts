import type { ResolvedConfig } from "../config/types.ts";
import { encryptForSes } from "../encryption/encrypt-for-ses.ts";
import type { AttachmentPiece } from "../mail/parse-mail.ts";
import type { Attachment } from "../mail/parsed-mail.ts";
import type { ObjectRef, Ports, TicketAttachment } from "../ports.ts";

// A mail can hold thousands of tiny parts; the rest stays in the raw message.
const maxAttachments = 200;

export interface AttachmentShelf {
  /** Stores one attachment; for the parser's `onAttachment`. One that comes without its octets is left to `addLarge`. */
  add(attachment: Attachment, pieces: readonly Uint8Array[] | undefined): Promise<void>;
  /** Stores what came without octets and is not there yet; asks for the pieces only then. */
  addLarge(pieces: () => Promise<AsyncIterable<AttachmentPiece>>): Promise<void>;
  /** What was stored, in the order of the mail. */
  readonly stored: readonly TicketAttachment[];
}

/**
 * Stores the files of one mail as objects of their own. The key is made of the content, so that the same file of many
 * mails, or of a mail that is worked on again, is one object.
 */
export function attachmentShelf(
  ports: Pick<Ports, "objects" | "keys" | "random">,
  config: ResolvedConfig,
): AttachmentShelf {
  const stored: TicketAttachment[] = [];
  const large = new Map<number, TicketAttachment>();
  let ordinal = -1;
  return {
    stored,
    async add({ fileName, contentType, sizeBytes, sha256 }, pieces) {
      ordinal += 1;
      if (stored.length === maxAttachments) return;
      // No SES message id looks like this, so the safety net never takes it for a mail.
      const object = { bucket: config.names.bucket, key: `attachments/sha256-${sha256}` };
      const attachment = { fileName, contentType, sizeBytes, sha256, object };
      if ((await ports.objects.head(object)) === undefined) {
        if (pieces) await put(ports, config, object, each(pieces), sizeBytes);
        else large.set(ordinal, attachment);
      }
      stored.push(attachment);
    },
    async addLarge(open) {
      if (large.size === 0) return;
      const pieces = (await open())[Symbol.asyncIterator]();
      try {
        for (let next = await pieces.next(); large.size > 0 && !next.done; next = await pieces.next()) {
          const attachment = large.get(next.value.ordinal);
          if (!attachment) continue;
          large.delete(next.value.ordinal);
          await put(ports, config, attachment.object, upToItsEnd(next.value, pieces), attachment.sizeBytes);
        }
      } finally {
        await pieces.return?.();
      }
    },
  };
}

async function put(
  { objects, keys, random }: Pick<Ports, "objects" | "keys" | "random">,
  config: ResolvedConfig,
  object: ObjectRef,
  octets: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<void> {
  if (!config.encrypt) return objects.put(object, octets);
  // Where stored mail is encrypted, what was taken out of it is as well, in the same envelope.
  const encrypted = await encryptForSes(
    octets,
    {
      keyArn: config.names.kmsKeyArn,
      ruleName: config.ruleSet.name,
      account: config.accountId,
      sesMessageId: object.key.slice(object.key.lastIndexOf("/") + 1),
      sizeBytes,
    },
    keys,
    (length) => random.bytes(length),
  );
  return objects.put(object, encrypted.body, encrypted.metadata);
}

/** The rest of one attachment, whose first piece was read already. */
async function* upToItsEnd(first: AttachmentPiece, pieces: AsyncIterator<AttachmentPiece>): AsyncGenerator<Uint8Array> {
  for (let piece: AttachmentPiece | undefined = first; piece?.octets; ) {
    yield* each([piece.octets]);
    const next = await pieces.next();
    piece = next.done ? undefined : next.value;
  }
}

/** Bodies travel in pieces of at most 64 KB. */
async function* each(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    // A copy: a port may live in another thread, and cloning a view clones all that lies under it.
    for (let at = 0; at < piece.length; at += chunkBytes)
      yield Uint8Array.prototype.slice.call(piece, at, at + chunkBytes);
  }
}

const chunkBytes = 65_536;
