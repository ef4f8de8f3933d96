import { setupNotificationId } from "../ses-message-id.ts";

/**
 * The key under which an S3 action stores a message (ses-receiving.md §5.3): SES puts a slash between prefix and id where
 * the prefix does not end in one, and keeps a leading slash.
 */
export function objectKey(prefix: string | undefined, sesMessageId: string): string {
  if (prefix === undefined || prefix === "") return sesMessageId;
  return prefix.endsWith("/") ? prefix + sesMessageId : `${prefix}/${sesMessageId}`;
}

/** Whether an object is SES's proof that it may write, not a mail. */
export function isSetupNotificationKey(key: string): boolean {
  return key.slice(key.lastIndexOf("/") + 1) === setupNotificationId;
}

/** A key as S3 writes it into events: octets percent-encoded, a space as `+`, slashes kept. */
export function encodeEventKey(key: string): string {
  return encodeURIComponent(key.toWellFormed())
    .replace(/%2F/g, "/")
    .replace(/%20/g, "+")
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The reverse; `undefined` when the percent-encoding is broken. */
export function decodeEventKey(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replace(/\+/g, " "));
  } catch {
    // URIError: a lone percent sign, or octets that are not UTF-8.
    return undefined;
  }
}
