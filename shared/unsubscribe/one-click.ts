import type { ResolvedConfig } from "../config/types.ts";
import type { Ports } from "../ports.ts";
import type { KeyRing } from "../tokens/key-ring.ts";
import { parseForm } from "./form.ts";
import { createLinks, type SealedRequest } from "./link.ts";
import { everything, listKeys } from "./list-id.ts";
import { contentSecurityPolicy, type PageContent, renderPage } from "./page.ts";
import { createPersonOf } from "./person.ts";
import { type Texts, textsForHeader } from "./texts/texts.ts";

/** A request, wherever it came from. Header names in lower case. */
export interface WebRequest {
  readonly id: string;
  readonly method: string;
  /** Without query. Its last part is the sealed link. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  readonly sourceIp: string;
}

export interface WebResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type OneClickPorts = Pick<Ports, "clock" | "suppressions" | "secrets" | "limits">;

/** Octets of a request's body that are looked at; RFC 8058 needs 26. */
export const maxBodyBytes = 16_384;

const methods = "GET, HEAD, POST, OPTIONS";
const minuteMs = 60_000;
const dayMs = 86_400_000;

/**
 * The page behind the HTTPS link. A POST acts at once, without cookie, login or redirect (RFC 8058 §3.2); nothing else
 * ever does: link scanners follow links. Whatever is repeated is answered alike and changes nothing more.
 */
export async function oneClick(
  ports: OneClickPorts,
  config: ResolvedConfig,
  request: WebRequest,
): Promise<WebResponse> {
  const texts = textsForHeader(request.headers["accept-language"]);
  const { method } = request;
  if (method === "OPTIONS") return { status: 204, headers: { ...safety, allow: methods }, body: "" };
  if (method !== "GET" && method !== "HEAD" && method !== "POST") {
    return { ...page(texts, 405, invalid(texts)), headers: { ...htmlHeaders(texts), allow: methods } };
  }
  const ring = await ports.secrets.keyRing();
  // Some programs tidy a link up by a slash at its end.
  const path = request.path.replace(/\/+$/, "");
  const sealed = path.slice(path.lastIndexOf("/") + 1);
  const link = createLinks(ring).open(sealed, ports.clock.now());
  if (link.kind === "invalid") {
    // Whoever tries links is slowed down; whoever has one is not: behind one address of a mail provider stand millions.
    const wait = !(await ports.limits.take(`one-click-invalid ${request.sourceIp}`, request.id, {
      max: 30,
      windowMs: minuteMs,
    }));
    return wait ? busy(texts) : page(texts, 404, invalid(texts));
  }
  const response =
    method === "POST"
      ? await act(ports, config, ring, link, request, texts)
      : await show(ports, config, ring, link, texts);
  return method === "HEAD" ? { ...response, body: "" } : response;
}

async function show(
  { suppressions }: OneClickPorts,
  config: ResolvedConfig,
  ring: KeyRing,
  { address, list }: SealedRequest,
  texts: Texts,
): Promise<WebResponse> {
  const current = await suppressions.check(createPersonOf(ring)(address), list);
  return page(texts, 200, current === undefined ? question(config, texts, list) : done(config, texts, list));
}

async function act(
  ports: OneClickPorts,
  config: ResolvedConfig,
  ring: KeyRing,
  link: SealedRequest & { readonly keyId: string },
  request: WebRequest,
  texts: Texts,
): Promise<WebResponse> {
  const { suppressions, limits, clock } = ports;
  const { address, list } = link;
  if (request.body.length > maxBodyBytes) return page(texts, 413, invalid(texts));
  const form = parseForm(request.headers["content-type"], request.body);
  const wish =
    form.get("List-Unsubscribe") === "One-Click" ? "leave" : form.get("action") === "return" ? "return" : undefined;
  if (wish === undefined) return page(texts, 400, question(config, texts, list));

  const person = createPersonOf(ring)(address);
  const current = await suppressions.check(person, list);
  if (wish === "leave" && current !== undefined && current.until === undefined)
    return page(texts, 200, done(config, texts, list));
  // Going to and fro by hand takes longer than this.
  if (!(await limits.take(`one-click ${person}`, request.id, { max: 20, windowMs: 10 * minuteMs }))) return busy(texts);
  const now = clock.now();
  const evidence = {
    note: [
      `${wish === "leave" ? "one-click" : "way back"} from ${request.sourceIp}`,
      request.headers["user-agent"]?.slice(0, 150),
    ]
      .filter((part) => part !== undefined)
      .join(", "),
    keepUntil: new Date(now.getTime() + config.unsubscribe.evidenceDays * dayMs).toISOString(),
  };
  const by = { effect: `one-click ${request.id}` };
  if (wish === "leave") {
    await suppressions.suppress(by, { person, address, list, reason: "one-click", since: now.toISOString(), evidence });
    return page(texts, 200, done(config, texts, list));
  }
  // Only what the person did the person takes back.
  for (const { list: kept } of await suppressions.of(person)) {
    if (!listKeys(list).includes(kept)) continue;
    await suppressions.remove(
      { effect: `${by.effect} ${kept}` },
      { person, list: kept, at: now.toISOString(), evidence, reasons: ["mailto", "one-click"] },
    );
  }
  const still = await suppressions.check(person, list);
  return page(texts, 200, returned(config, texts, list, still !== undefined));
}

const leave = ["List-Unsubscribe", "One-Click"] as const;

function question(config: ResolvedConfig, texts: Texts, list: string): PageContent {
  const { title, question: ask, button } = texts.page;
  return { title, paragraphs: [ask(nameOf(config, list))], form: { button, field: leave } };
}

function done(config: ResolvedConfig, texts: Texts, list: string): PageContent {
  const { doneTitle, done: said, backQuestion, backButton } = texts.page;
  return {
    title: doneTitle,
    paragraphs: [said(nameOf(config, list)), backQuestion],
    form: { button: backButton, field: ["action", "return"], quiet: true },
  };
}

function returned(config: ResolvedConfig, texts: Texts, list: string, still: boolean): PageContent {
  const { backTitle, back, stillSuppressed, doneTitle, button } = texts.page;
  if (still) return { title: doneTitle, paragraphs: [stillSuppressed] };
  return { title: backTitle, paragraphs: [back(nameOf(config, list))], form: { button, field: leave, quiet: true } };
}

function invalid({ page: { invalidTitle, invalid: text } }: Texts): PageContent {
  return { title: invalidTitle, paragraphs: [text] };
}

function busy(texts: Texts): WebResponse {
  const { busyTitle, busy: text } = texts.page;
  const response = page(texts, 429, { title: busyTitle, paragraphs: [text] });
  return { ...response, headers: { ...response.headers, "retry-after": "300" } };
}

function nameOf({ unsubscribe }: ResolvedConfig, list: string): string | undefined {
  return list === everything ? undefined : (unsubscribe.lists[list]?.name ?? list);
}

function page(texts: Texts, status: number, content: PageContent): WebResponse {
  return { status, headers: htmlHeaders(texts), body: renderPage(texts, content) };
}

function htmlHeaders({ language }: Texts): Readonly<Record<string, string>> {
  return {
    ...safety,
    "content-type": "text/html; charset=utf-8",
    "content-language": language,
    vary: "accept-language",
  };
}

const safety = {
  "cache-control": "no-store",
  "content-security-policy": contentSecurityPolicy,
  // The link is the permission: it must not travel on in a Referer.
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "noindex",
} as const;
