import { createHash } from "node:crypto";
import type { Texts } from "./texts/texts.ts";

export interface PageContent {
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** A form with one button; what it posts. */
  readonly form?: {
    readonly button: string;
    readonly field: readonly [name: string, value: string];
    readonly quiet?: boolean;
  };
}

const style = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --back: #fff; --button: #0b5cad; --on-button: #fff; --edge: #d0d7de; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --soft: #9da7b1; --back: #0d1117; --button: #58a6ff; --on-button: #0d1117; --edge: #3d444d; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1.0625rem/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; padding: 12vh 1.5rem 2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
p { margin: 0 0 1rem; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.5rem; border-radius: .5rem; cursor: pointer;
  border: 2px solid var(--button); background: var(--button); color: var(--on-button); }
button.quiet { background: transparent; color: var(--button); }
button:focus-visible { outline: 3px solid var(--text); outline-offset: 3px; }
form + p, p + form { margin-top: 1.5rem; }
`;

/** For the page's Content-Security-Policy: nothing but this very style. */
export const contentSecurityPolicy =
  `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; ` +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** One page: a heading, a few sentences, at most one button. No script, nothing from elsewhere. */
export function renderPage({ language }: Texts, { title, paragraphs, form }: PageContent): string {
  const button =
    form === undefined
      ? ""
      : `<form method="post"><input type="hidden" name="${escapeHtml(form.field[0])}" value="${escapeHtml(form.field[1])}">` +
        `<button type="submit"${form.quiet === true ? ' class="quiet"' : ""}>${escapeHtml(form.button)}</button></form>`;
  return (
    `<!doctype html>\n<html lang="${language}">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><style>${style}</style></head>\n` +
    `<body><main><h1>${escapeHtml(title)}</h1>${paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join("")}${button}</main></body>\n</html>\n`
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
