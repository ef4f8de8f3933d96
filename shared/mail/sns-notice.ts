import type { RawRecipient } from "./failed-address.ts";

/**
 * Recipients of a bounce notification of Amazon SES that its SNS topic sent on by mail: the JSON is the text, with a footer
 * below it. Empty for anything else.
 */
export function readSnsNotice(text: string): RawRecipient[] {
  const start = text.search(/\S/);
  if (text[start] !== "{" || !/(?:notification|event)Type\\?"\s*:\s*\\?"Bounce/.test(text.slice(0, 20_000))) return [];
  // Sendmail breaks lines of more than 990 octets with "!" and a space.
  const json =
    text
      .slice(start, 200_000)
      .replace(/!\n ?/g, "")
      .split(/\n--\s*\n/, 1)[0] ?? "";
  const outer = parse(json);
  // The topic's own envelope, unless raw delivery is on.
  const message = field(outer, "Message");
  const notice = typeof message === "string" ? parse(message) : outer;
  const bounce = field(notice, "bounce");
  const recipients = field(bounce, "bouncedRecipients");
  if (!Array.isArray(recipients)) return [];
  return recipients.flatMap((recipient: unknown) => {
    const address = field(recipient, "emailAddress");
    if (typeof address !== "string") return [];
    const [action, status, diagnostic] = ["action", "status", "diagnosticCode"].map((name) => field(recipient, name));
    return {
      address: /<([^<>]+)>/.exec(address)?.[1] ?? address,
      ...(typeof action === "string" ? { action } : {}),
      ...(typeof status === "string" ? { status } : {}),
      diagnostic: typeof diagnostic === "string" ? diagnostic.replace(/^smtp;\s*/i, "") : "",
    };
  });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // Cut or damaged on the way: the rules for free text read it.
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
