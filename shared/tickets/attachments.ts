import type { ResolvedConfig } from "../config/types.ts";
import { encryptForSes } from "../encryption/encrypt-for-ses.ts";
import type { Attachment } from "../mail/parsed-mail.ts";
import type { ObjectRef, Ports, TicketAttachment } from "../ports.ts";

// A mail can hold thousands of tiny parts; the rest stays in the raw message.
const maxAttachments = 200;

export interface AttachmentShelf {
  /** Stores one attachment and empties the list of its pieces; for the parser's `onAttachment`. */
  add(attachment: Attachment, pieces: Uint8Array[]): Promise<void>;
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
  return {
    stored,
    async add({ fileName, contentType, sizeBytes, sha256 }, pieces) {
      if (stored.length === maxAttachments) return;
      // No SES message id looks like this, so the safety net never takes it for a mail.
      const object = { bucket: config.names.bucket, key: `attachments/sha256-${sha256}` };
      if ((await ports.objects.head(object)) === undefined) await put(ports, config, object, pieces, sizeBytes);
      stored.push({ fileName, contentType, sizeBytes, sha256, object });
    },
  };
}

async function put(
  { objects, keys, random }: Pick<Ports, "objects" | "keys" | "random">,
  config: ResolvedConfig,
  object: ObjectRef,
  pieces: Uint8Array[],
  sizeBytes: number,
): Promise<void> {
  if (!config.encrypt) return objects.put(object, oneByOne(pieces));
  // Where stored mail is encrypted, what was taken out of it is as well, in the same envelope.
  const encrypted = await encryptForSes(
    oneByOne(pieces),
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

/** A port may live in another thread: what has crossed is let go, so that a large file is never there twice. */
async function* oneByOne(pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const [at, piece] of pieces.entries()) {
    pieces[at] = nothing;
    // A copy: cloning a view clones all that lies under it.
    for (let from = 0; from < piece.length; from += chunkBytes)
      yield Uint8Array.prototype.slice.call(piece, from, from + chunkBytes);
  }
  pieces.length = 0;
}

const chunkBytes = 65_536;
const nothing = new Uint8Array(0);
