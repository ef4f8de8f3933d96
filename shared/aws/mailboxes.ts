import { createHash } from "node:crypto";
import type { ResolvedConfig } from "../config/types.ts";
import { targetKey } from "../delivery/address-map.ts";
import type { ImapMailboxes } from "../delivery/imap-mailbox.ts";
import { encryptForSes } from "../encryption/encrypt-for-ses.ts";
import type { Claim, Mailboxes, MailboxTarget, Ports } from "../ports.ts";
import type { Effects } from "./effects.ts";

/**
 * Mailboxes as folders of the bucket: `mailboxes/<name>/<when>-<SES id>-<recipient's hash>.eml`, encrypted where stored mail is.
 * Every attempt writes the same key, and the effect's note keeps a message that its owner moved away from coming again.
 */
export function createBucketMailboxes(
  { objects, keys, random }: Pick<Ports, "objects" | "keys" | "random">,
  effects: Effects,
  config: ResolvedConfig,
  imap: Pick<ImapMailboxes, "append">,
): Mailboxes {
  const { bucket, kmsKeyArn } = config.names;
  return {
    async deliver(claim, target, body, receivedAt) {
      const place = target.kind === "maildir" ? placeOf(target) : "";
      const effect = target.kind === "imap" ? `deliver ${targetKey(target)}` : `deliver ${place}`;
      const earlier = await effects.resultOf(claim, effect);
      if (earlier !== undefined) return { path: earlier, repeated: true };
      if (target.kind === "imap") {
        const { path, repeated } = await imap.append(target.account, target.folder, {
          sesMessageId: claim.sesMessageId,
          raw: await collect(body),
          receivedAt,
          check: () => effects.resultOf(claim, effect),
        });
        const { kind } = await effects.perform(claim, { name: effect, result: path }, []);
        return { path, repeated: repeated || kind === "repeated" };
      }
      const key = keyOf(claim, place, receivedAt);
      const path = `s3://${bucket}/${key}`;
      // Whoever was overtaken while the body came writes nothing, as far as that can be known before.
      const checked = endingWith(body, () => effects.resultOf(claim, effect));
      if (config.encrypt) {
        const encrypted = await encryptForSes(
          // The envelope's metadata state the length, and are written first.
          await collect(checked),
          {
            keyArn: kmsKeyArn,
            ruleName: config.ruleSet.name,
            account: config.accountId,
            sesMessageId: claim.sesMessageId,
          },
          keys,
          (length) => random.bytes(length),
        );
        await objects.put({ bucket, key }, encrypted.body, encrypted.metadata);
      } else await objects.put({ bucket, key }, checked);
      const { kind } = await effects.perform(claim, { name: effect, result: path }, []);
      return { path, repeated: kind === "repeated" };
    },
  };
}

function placeOf({ name, folder }: MailboxTarget & { readonly kind: "maildir" }): string {
  return folder === undefined ? name : `${name}/${folder}`;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* endingWith(body: AsyncIterable<Uint8Array>, check: () => Promise<unknown>): AsyncGenerator<Uint8Array> {
  yield* body;
  await check();
}

function keyOf({ sesMessageId, recipient }: Claim, name: string, receivedAt: Date): string {
  const who = createHash("sha256").update(recipient).digest("hex").slice(0, 16);
  const when = receivedAt.toISOString().replace(/[-:]|\.\d{3}/g, "");
  // No SES message id looks like this, so the safety net never takes it for a mail.
  return `mailboxes/${name}/${when}-${sesMessageId}-${who}.eml`;
}
