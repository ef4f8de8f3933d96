import { expect, test } from "vitest";
import { mailDocument } from "../../../local/console/mail-document.ts";
import { htmlAttacks } from "../../slow/html-attacks.ts";

// What a browser makes of the document: a style's text ends at its end tag and nowhere else.
const withoutStyles = (html: string) => html.replace(/<style[^>]*>[\s\S]*?<\/style[\s/>]/gi, "");

test.for(Object.entries(htmlAttacks()))("nothing but text, links and pictures is left of an attack: %s", async ([
  ,
  body,
]) => {
  const { html = "" } = (await mailDocument(`<p>before</p>${body}`, new Map())) ?? {};
  const seen = withoutStyles(html.slice(html.indexOf("<body>")));
  expect(seen).toContain("before");
  expect(seen).not.toMatch(
    /<(?:script|link|meta|base|iframe|frame|object|embed|applet|form|input|button|svg|math|style|template|video|audio|source|use|image)\b/i,
  );
  expect(seen).not.toMatch(
    /<[a-z][^>"']*(?:"[^"]*"[^>"']*)*\s(?:on\w+|srcset|ping|srcdoc|formaction|attributionsrc|id)\s*=/i,
  );
  expect(seen).not.toMatch(/<a\b[^>]*href="\s*(?!https?:|mailto:|tel:|\/|#)[a-z\\\x00-\x20]*:/i);
});

test("a style that stands by itself is kept, as word processors write it", async () => {
  const { html } =
    (await mailDocument("<style><!-- p > b {color: red} /* <body> */ --></style><p>x</p>", new Map())) ?? {};
  expect(html).toContain("<style><!-- p > b {color: red} /* <body> */ --></style>");
});
