import type { ResolvedConfig } from "../config/types.ts";
import type { Ports } from "../ports.ts";
import type { ReceivedNotice } from "../receipt/notice.ts";
import type { Arrival } from "./fan-out.ts";
import { storedObjectOf } from "./stored-object.ts";
import type { StreamContent } from "./stream-message.ts";

/** What a queue message may carry itself, in octets before base64. */
export const maxInlineBytes = 65_536;

/** A message as its notice tells it; the object is opened when somebody asks for `mail`. */
export function arrivalOf(
  ports: Pick<Ports, "objects" | "keys">,
  config: ResolvedConfig,
  notice: ReceivedNotice,
): Arrival {
  const { sesMessageId, receivedAt, source, recipients, verdicts, headers, headersTruncated } = notice;
  const content = contentOf(config, notice);
  // The notice's own content serves for judging at any size; what goes to a queue is another question.
  const readable: StreamContent = notice.content
    ? { kind: "inline", base64: Buffer.from(notice.content).toString("base64") }
    : content;
  return {
    sesMessageId,
    receivedAt,
    from: source,
    recipients,
    verdicts,
    headers,
    headersTruncated,
    content,
    // Headers decide nearly all mail: whoever opens one loads what opens and parses it.
    async mail() {
      const { messageContent } = await import("./message-content.ts");
      return messageContent(ports, sesMessageId, readable).mail();
    },
  };
}

/**
 * Inline only what the notice itself carried, small, and not where the configuration wants stored mail encrypted: a
 * queue would hold it in the clear.
 */
function contentOf(config: ResolvedConfig, { action, content, sesMessageId }: ReceivedNotice): StreamContent {
  if (content && content.length <= maxInlineBytes && !config.encrypt) {
    return { kind: "inline", base64: Buffer.from(content).toString("base64") };
  }
  if (action.type === "S3") return { kind: "s3", bucket: action.bucketName, key: action.objectKey };
  return { kind: "s3", ...storedObjectOf(config, sesMessageId) };
}

/**
 * A rule set without an S3 action leaves the mail in its notice only. What is too long for a queue is then stored here,
 * where the claim check says it is; what is stored already stays as it is.
 */
export async function storeContent(
  ports: Pick<Ports, "objects" | "keys" | "random">,
  config: ResolvedConfig,
  notice: ReceivedNotice,
): Promise<void> {
  const content = contentOf(config, notice);
  if (notice.content === undefined || content.kind === "inline") return;
  const stored = await ports.objects.head(content);
  if (stored !== undefined) return;
  if (!config.encrypt) return ports.objects.put(content, notice.content);
  const { encryptForSes } = await import("../encryption/encrypt-for-ses.ts");
  const encrypted = await encryptForSes(
    notice.content,
    {
      keyArn: config.names.kmsKeyArn,
      ruleName: config.ruleSet.name,
      account: config.accountId,
      sesMessageId: notice.sesMessageId,
    },
    ports.keys,
    (length) => ports.random.bytes(length),
  );
  return ports.objects.put(content, encrypted.body, encrypted.metadata);
}
