import type { Refusal } from "./refusal.ts";

/** What an operation answers: a list becomes `<member>` elements, `undefined` is left out. */
export type XmlValue =
  | string
  | boolean
  | Date
  | undefined
  | XmlMap
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue };
/** A map, written as `<entry>` elements with `<key>` and `<value>`. */
export class XmlMap {
  readonly entries: readonly (readonly [string, XmlFields])[];

  constructor(entries: readonly (readonly [string, XmlFields])[]) {
    this.entries = entries;
  }
}
export type XmlFields = Readonly<Record<string, XmlValue>>;

const namespace = "http://ses.amazonaws.com/doc/2010-12-01/";

/** The answer of a SES operation in the shape that SDKs read (ses-receiving.md §9.5). */
export function xmlResponse(action: string, result: XmlFields, requestId: string): string {
  return `<${action}Response xmlns="${namespace}">${element(`${action}Result`, result)}<ResponseMetadata>${element("RequestId", requestId)}</ResponseMetadata></${action}Response>`;
}

export function xmlError({ code, message, members, status }: Refusal, requestId: string): string {
  const type = status < 500 ? "Sender" : "Receiver";
  const error = element("Error", { Type: type, Code: code, Message: message, ...members });
  return `<ErrorResponse xmlns="${namespace}">${error}${element("RequestId", requestId)}</ErrorResponse>`;
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return "";
  return `<${name}>${content(value)}</${name}>`;
}

function content(value: Exclude<XmlValue, undefined>): string {
  if (typeof value === "string") return escapeXml(value);
  if (typeof value === "boolean") return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof XmlMap) {
    return value.entries.map(([key, inner]) => element("entry", { key, value: inner })).join("");
  }
  if (isList(value)) return value.map((item) => element("member", item)).join("");
  return Object.entries(value)
    .map(([name, inner]) => element(name, inner))
    .join("");
}

const isList = (value: unknown): value is readonly XmlValue[] => Array.isArray(value);

const named: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML 1.0 §2.2: other controls and lone surrogates cannot be written at all; AWS breaks off with a 500 there, we replace them. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"]/g, (character) => named[character] ?? "")
    .replace(/[\t\n\r]/g, (character) => `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`);
}
