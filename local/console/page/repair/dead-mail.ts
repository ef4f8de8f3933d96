/** The mail that a queue's message is about. */
export interface DeadMail {
  readonly sesMessageId: string;
  readonly subject: string | null;
  readonly recipients: readonly string[];
}

/**
 * Which mail a queue's message is about, where it says so: a stream's message does, and so does the store notice that
 * comes by a topic. Anything may lie in a queue.
 */
export function mailOf(body: string): DeadMail | undefined {
  const message = parsed(body);
  if (message === undefined) return undefined;
  if (typeof message["sesMessageId"] === "string") {
    const headers = objectOf(message["headers"]);
    const recipients = message["recipients"];
    return {
      sesMessageId: message["sesMessageId"],
      subject: textOf(headers?.["subject"]),
      recipients: Array.isArray(recipients) ? recipients.filter((each) => typeof each === "string") : [],
    };
  }
  const notice = typeof message["Message"] === "string" ? parsed(message["Message"]) : message;
  const mail = objectOf(notice?.["mail"]);
  if (typeof mail?.["messageId"] !== "string") return undefined;
  return {
    sesMessageId: mail["messageId"],
    subject: textOf(objectOf(mail["commonHeaders"])?.["subject"]),
    recipients: [],
  };
}

type Fields = Readonly<Record<string, unknown>>;

const textOf = (value: unknown) => (typeof value === "string" ? value : null);
const objectOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null ? (value as Fields) : undefined;

function parsed(text: string): Fields | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}
