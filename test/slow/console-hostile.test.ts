import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConsoleBrowser, hasChromium, needsChromium, startConsoleBrowser } from "./console-browser.ts";
import { htmlAttacks } from "./html-attacks.ts";

// What a stranger may write in a mail's HTML, in its subject and its names. `TRAP` is a server that notes whoever asks it.

const bodies: Readonly<Record<string, string>> = {
  script: `<script>top.document.title="owned";fetch("TRAP/script")</script><script src="TRAP/s.js"></script>`,
  handlers: `<img src=x onerror="fetch('TRAP/onerror')"><body onload="fetch('TRAP/onload')"><details open ontoggle="fetch('TRAP/toggle')">`,
  picture: `<img src="TRAP/pixel.png"><img srcset="TRAP/srcset.png 2x"><picture><source srcset="TRAP/source.png"><img></picture>`,
  style: `<style>@import url(TRAP/import.css); body{background:url(TRAP/background.png)} @font-face{font-family:f;src:url(TRAP/f.woff)} *{font-family:f}</style>text`,
  inlineStyle: `<p style="background-image:url(TRAP/inline.png);list-style:url('TRAP/list.png')">text</p><table background="TRAP/table.png"><td background="TRAP/td.png">x</table>`,
  link: `<link rel=stylesheet href="TRAP/l.css"><link rel=prefetch href="TRAP/prefetch"><link rel=dns-prefetch href="TRAP"><link rel=icon href="TRAP/i.ico"><link rel=preload as=image href="TRAP/preload.png">`,
  frames: `<iframe src="TRAP/frame"></iframe><iframe srcdoc="<script>fetch('TRAP/srcdoc')</script>"></iframe><object data="TRAP/object"></object><embed src="TRAP/embed"><frameset><frame src="TRAP/f2"></frameset>`,
  media: `<video src="TRAP/v.mp4" poster="TRAP/poster.png" autoplay></video><audio src="TRAP/a.mp3" autoplay></audio><video><track src="TRAP/t.vtt" default></video>`,
  svg: `<svg onload="fetch('TRAP/svg')"><image href="TRAP/svg.png"/><script>fetch("TRAP/svgscript")</script><use href="TRAP/use.svg#a"/><foreignObject><script>1</script></foreignObject></svg>`,
  refresh: `<meta http-equiv="refresh" content="0;url=TRAP/refresh"><base href="TRAP/base/"><img src="relative.png">`,
  form: `<form action="TRAP/form"><input name=q autofocus onfocus="this.form.submit()"><button>go</button></form><isindex action="TRAP/isindex">`,
  javascript: `<a href="javascript:fetch('TRAP/js')" id=a>click</a><a href="data:text/html,<script>fetch('TRAP/data')</script>">d</a>`,
  mutation: `<noscript><p title="</noscript><img src=x onerror=fetch('TRAP/noscript')>"></noscript><math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=fetch('TRAP/mxss')&gt;">`,
  broken: `<img src="TRAP/unclosed.png" onerror="fetch('TRAP/u')" <b><<script>fetch("TRAP/x")//<</script><scr<script>ipt>fetch("TRAP/nested")</scr</script>ipt>`,
  clobber: `<form id=app name=location><input name=hash id=main></form><img name=fetch><a id=search href="TRAP/clobber">x</a>`,
};
const long = process.env["MAILWEIR_LONG"] === "1";
const names = [
  `<img src="TRAP/subject.png" onerror="document.title='owned'"><script>document.title='owned'</script>`,
  `"><iframe src=javascript:top.document.title='owned'>`,
  "\u202Egnp.exe\u202C {{7*7}} javascript:document.title='owned'",
];

describe.skipIf(!hasChromium)(needsChromium, () => {
  let at: ConsoleBrowser;
  let trap: Server;
  let trapped: string[];
  // As what a browser asked for something, and whether it said from where.
  const asked = new Set<string>();
  let origin: string;
  // A name that is looked up ahead, a connection that is opened ahead: no request follows, and the address of the reader is told.
  let connections = 0;

  beforeAll(async () => {
    trapped = [];
    trap = createServer((request, response) => {
      trapped.push(String(request.url));
      asked.add(`${request.headers["sec-fetch-dest"]}, ${request.headers.referer ?? "no referrer"}`);
      response.setHeader("access-control-allow-origin", "*");
      response.end("");
    });
    trap.on("connection", () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
    at = await startConsoleBrowser();
  });
  afterAll(async () => {
    await at?.close();
    trap?.close();
  });

  const armed = (text: string) => text.replaceAll("TRAP", origin);

  test.for(Object.keys(bodies))("hostile HTML, %s: no script runs, nothing is loaded from elsewhere", async (name) => {
    const html = `<p>before ${name}</p>${armed(bodies[name] ?? "")}`;
    const { sesMessageId } = await at.mailweir.inject({ to: "ann@example.com", subject: name, html });
    const { page, close } = await at.open(`/message/${sesMessageId}/html`, { width: 1440, scheme: "light" });
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await page.frameLocator("iframe.mail-html").getByText(`before ${name}`).waitFor();
    for (const link of await page.frameLocator("iframe.mail-html").locator("a").all()) {
      const href = (await link.getAttribute("href")) ?? "";
      expect(href).not.toMatch(/^\s*(?:javascript|data|vbscript):/i);
    }
    // What would run, runs by now: the page itself has asked for the rest of the message and drawn it.
    await page.getByText(/from elsewhere/).waitFor();
    await page.waitForLoadState("networkidle").catch(() => undefined);
    expect(trapped).toEqual([]);
    expect(dialogs).toEqual([]);
    expect(await page.title()).toBe(`${name} · Mailweir`);
    expect(new URL(page.url()).origin).toBe(at.mailweir.http);
    expect(page.context().pages()).toHaveLength(1);
    await close();
  });

  test("pictures are the only thing that is loaded when one asks for it", async () => {
    const styles = Object.entries(htmlAttacks()).flatMap(([name, body]) => (name.startsWith("style") ? [body] : []));
    const html = `<p>before all</p>${[...Object.values(bodies), ...styles].map(armed).join("\n")}`;
    const { sesMessageId } = await at.mailweir.inject({ to: "ann@example.com", subject: "All of it", html });
    const { page, close } = await at.open(`/message/${sesMessageId}/html?remote=1`, { width: 1440, scheme: "light" });
    await page.frameLocator("iframe.mail-html").getByText("before all").waitFor();
    await expect.poll(() => trapped.length).toBeGreaterThan(0);
    await page.waitForLoadState("networkidle").catch(() => undefined);
    // What a style asks for as a cursor or a mask is a picture, too.
    expect([...asked]).toEqual(["image, no referrer"]);
    expect(trapped.filter((url) => !/\.(?:png|cur)$|^\/(?:o|mask|filter)\.svg$/.test(url))).toEqual([]);
    expect(await page.title()).toBe("All of it · Mailweir");
    await close();
    trapped.length = 0;
  });

  test("a list of attacks, each the body of a mail: nothing leaves, nothing runs, in the console or opened by its address", async () => {
    // A sample; all of them with MAILWEIR_LONG=1, and what is left of each in test/local/console/mail-document.test.ts.
    const attacks = Object.entries(htmlAttacks()).filter(
      ([attack], number) => long || number % 2 === 0 || attack.startsWith("the end of style"),
    );
    const { page, faults, close } = await at.open("/", { width: 1440, scheme: "light" });
    const alone = await page.context().newPage();
    const ran: string[] = [];
    let name = "";
    for (const one of [page, alone]) {
      one.on("dialog", (dialog) => {
        ran.push(`${name}: a dialog`);
        void dialog.dismiss();
      });
      // The frame may run nothing; that it had to be told so means that something came through.
      one.on("console", (message) => {
        if (/Blocked script|allow-scripts|script-src|javascript:/i.test(message.text()))
          ran.push(`${name}: ${message.text()}`);
      });
    }
    const before = connections;
    for (const [number, [attack, body]] of attacks.entries()) {
      name = attack;
      const html = `<p>before</p>${armed(body)}`;
      const { sesMessageId } = await at.mailweir.inject({ to: "ann@example.com", subject: attack, html });
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#/message/${sesMessageId}/html`);
      await page.locator(`iframe.mail-html[src*="${sesMessageId}"]`).waitFor();
      await page.frameLocator("iframe.mail-html").getByText("before").waitFor({ state: "attached" });
      // By its address alone it is the same document, whose policy is all that guards it.
      if (long || number % 8 === 0) await alone.goto(`${at.mailweir.http}/api/messages/${sesMessageId}/html`);
      expect(connections, attack).toBe(before);
      if (long || number % 8 === 0) expect(new URL(alone.url()).origin, attack).toBe(at.mailweir.http);
      expect(new URL(page.url()).origin, attack).toBe(at.mailweir.http);
    }
    // The policy stops what styles ask for before a connection is made.
    expect(trapped).toEqual([]);
    expect(connections).toBe(before);
    expect(ran).toEqual([]);
    expect(faults).toEqual([]);
    await close();
  });

  test.for(names)("a subject and an author's name are text wherever they stand: %s", async (name) => {
    const text = armed(name);
    const mail = {
      to: ["ann@example.com", "support@example.com"],
      subject: text,
      from: { name: text, address: "x@sender.example" },
      text,
      attachments: [{ fileName: text.replace(/[/\\]/g, "_"), content: "x" }],
    };
    const { sesMessageId } = await at.mailweir.inject(mail);
    await at.mailweir.settled();
    const { page, faults, close } = await at.open("/", { width: 390, scheme: "dark" });
    const plain = /owned/;
    const places = [
      "/",
      `/message/${sesMessageId}`,
      `/message/${sesMessageId}/text`,
      `/message/${sesMessageId}/headers`,
    ];
    for (const place of [...places, `/message/${sesMessageId}/attachments`, "/tickets"]) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#${place}`);
      await page.locator("main").getByText(plain).first().waitFor();
      expect(await page.locator("main img, main script, main iframe").count()).toBe(0);
      expect(await page.locator("main").innerText()).not.toMatch(/[\u202a-\u202e]/);
      expect(await page.title()).not.toBe("owned");
    }
    expect(trapped).toEqual([]);
    expect(faults).toEqual([]);
    await close();
  });
});
