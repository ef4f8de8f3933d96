import type { ResolvedConfig } from "../config/types.ts";
import { encryptForSes } from "../encryption/encrypt-for-ses.ts";
import type { Attachment } from "../mail/parsed-mail.ts";
import type { ObjectRef, Ports, TicketAttachment } from "../ports.ts";

// A mail can hold thousands of tiny parts; the rest stays in the raw message.
const maxAttachments = 200;

export interface AttachmentShelf {
  /** Stores one attachment; for the parser's `onAttachment`. */
  add(attachment: Attachment, octets: Uint8Array): Promise<void>;
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
    async add({ fileName, contentType, sizeBytes, sha256 }, octets) {
      if (stored.length === maxAttachments) return;
      // No SES message id looks like this, so the safety net never takes it for a mail.
      const object = { bucket: config.names.bucket, key: `attachments/sha256-${sha256}` };
      if ((await ports.objects.head(object)) === undefined) await put(ports, config, object, octets);
      stored.push({ fileName, contentType, sizeBytes, sha256, object });
    },
  };
}

async function put(
  { objects, keys, random }: Pick<Ports, "objects" | "keys" | "random">,
  config: ResolvedConfig,
  object: ObjectRef,
  bytes: Uint8Array,
): Promise<void> {
  if (!config.encrypt) return objects.put(object, inPieces(bytes));
  // Where stored mail is encrypted, what was taken out of it is as well, in the same envelope.
  const encrypted = await encryptForSes(
    bytes,
    {
      keyArn: config.names.kmsKeyArn,
      ruleName: config.ruleSet.name,
      account: config.accountId,
      sesMessageId: object.key.slice(object.key.lastIndexOf("/") + 1),
    },
    keys,
    (length) => random.bytes(length),
  );
  return objects.put(object, encrypted.body, encrypted.metadata);
}

/** A port may live in another thread: pieces cross one by one, while a whole file would be there twice. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    // A copy: cloning a view, which is what Buffer's own slice makes, clones all that lies under it.
    yield Uint8Array.prototype.slice.call(bytes, at, at + 65_536);
  }
}
