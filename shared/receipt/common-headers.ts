import { decodeWords } from "../mail/encoded-words.ts";
import { type Header, headerValue, headerValues } from "../mail/headers.ts";
import { splitAddressList } from "./address-list.ts";
import type { SesCommonHeaders } from "./notification.ts";

/**
 * `mail.commonHeaders` (ses-receiving.md §6.3) from all headers of the stored message, SES's block included. A missing
 * header has no key, and so has one that names no address.
 */
export function commonHeaders(headers: readonly Header[]): SesCommonHeaders {
  const returnPath = headerValue(headers, "Return-Path");
  const from = addressTexts(headers, "From");
  const sender = headerValue(headers, "Sender");
  const replyTo = addressTexts(headers, "Reply-To");
  const date = headerValue(headers, "Date");
  const to = addressTexts(headers, "To");
  const cc = addressTexts(headers, "Cc");
  const bcc = addressTexts(headers, "Bcc");
  const messageId = headerValue(headers, "Message-ID");
  const subject = headerValue(headers, "Subject");
  return {
    ...(returnPath !== undefined && { returnPath: returnPath.trim().replace(/^<(.*)>$/, "$1") }),
    ...(from.length > 0 && { from }),
    ...(sender !== undefined && { sender }),
    ...(replyTo.length > 0 && { replyTo }),
    ...(date !== undefined && { date }),
    ...(to.length > 0 && { to }),
    ...(cc.length > 0 && { cc }),
    ...(bcc.length > 0 && { bcc }),
    ...(messageId !== undefined && { messageId }),
    ...(subject !== undefined && { subject: decodeWords(subject) }),
  };
}

/** `mail.destination`: the addresses of To and Cc without display names. Not the recipients. */
export function destination(headers: readonly Header[]): string[] {
  return ["To", "Cc"].flatMap((name) => entries(headers, name).flatMap(({ address }) => (address ? [address] : [])));
}

const addressTexts = (headers: readonly Header[], name: string) => entries(headers, name).map(({ text }) => text);

const entries = (headers: readonly Header[], name: string) =>
  headerValues(headers, name).flatMap((value) => splitAddressList(value));
