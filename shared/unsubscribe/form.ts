import { parseStructuredValue } from "../mail/content-type.ts";

/**
 * The fields of a form, as RFC 8058 §3.2 lets senders of a one-click write them: `application/x-www-form-urlencoded` or
 * `multipart/form-data` (RFC 7578). The first one of a name counts. Text that is neither gives no fields.
 */
export function parseForm(contentType: string | undefined, body: Uint8Array): ReadonlyMap<string, string> {
  const { value, parameters } = parseStructuredValue(contentType ?? "application/x-www-form-urlencoded");
  const text = new TextDecoder().decode(body);
  const fields = new Map<string, string>();
  const add = (name: string, content: string) => {
    if (!fields.has(name)) fields.set(name, content);
  };
  if (value === "application/x-www-form-urlencoded") {
    for (const [name, content] of new URLSearchParams(text.trim())) add(name, content);
  } else if (value === "multipart/form-data" && parameters["boundary"] !== undefined) {
    for (const part of text.split(`--${parameters["boundary"]}`).slice(1)) {
      // Behind the last boundary stands "--" and nothing that counts.
      if (part.startsWith("--")) break;
      const [, head = "", content = ""] = /^\r?\n([\s\S]*?)\r?\n\r?\n([\s\S]*?)\r?\n$/.exec(part) ?? [];
      const named = /^content-disposition:\s*form-data(?=;)[^\r\n]*[;\s]name=(?:"([^"\r\n]*)"|([^\s;"]+))/im.exec(head);
      const name = named?.[1] ?? named?.[2];
      if (name !== undefined) add(name, content);
    }
  }
  return fields;
}
