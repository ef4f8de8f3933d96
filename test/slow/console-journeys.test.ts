import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ConsoleBrowser,
  hasChromium,
  type Look,
  needsChromium,
  shoot,
  startConsoleBrowser,
} from "./console-browser.ts";

// What people come to the console for, one journey each, as they would go it: with the mouse, on a phone, or by keyboard alone.

let at: ConsoleBrowser;
let turn = 0;

describe.skipIf(!hasChromium)(needsChromium, () => {
  beforeAll(async () => {
    at = await startConsoleBrowser();
  });
  afterAll(() => at?.close());

  interface Scene {
    readonly page: Page;
    readonly look: Look;
    /** A word that is in no other journey's mail. */
    readonly word: string;
  }

  const looks: readonly Look[] = ([390, 1440] as const).flatMap((width) =>
    (["light", "dark"] as const).map((scheme) => ({ width, scheme })),
  );

  /** Four people go each journey at once, each with mails of their own: they hardly hinder one another, and the machine waits less. */
  function journey(number: number, title: string, path: string, walk: (scene: Scene) => Promise<void>): void {
    const go = async (look: Look) => {
      const { page, foreign, faults, close } = await at.open(path, look);
      const word = `w${number}x${++turn}`;
      await walk({ page, look, word }).finally(() => shoot(page, `${number}-${look.width}-${look.scheme}`));
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(sideways).toBeLessThanOrEqual(0);
      expect(faults).toEqual([]);
      // One journey asks for pictures.
      expect(foreign.filter((url) => !url.startsWith("https://pictures.example/"))).toEqual([]);
      await close();
    };
    test(`${number}. ${title}`, async () => {
      const ends = await Promise.allSettled(looks.map(go));
      for (const [index, end] of ends.entries()) {
        const look = `${looks[index]?.width} px, ${looks[index]?.scheme}`;
        if (end.status === "rejected") throw new Error(`${look}: ${end.reason?.message}`, { cause: end.reason });
      }
    });
  }

  /** A ticket by default, from somebody who is who they say. */
  const inject = async (subject: string, more: Parameters<ConsoleBrowser["mailweir"]["inject"]>[0] = {}) => {
    const mail = await at.mailweir.inject({ to: "support@example.com", text: "Hello.", ...more, subject });
    await at.mailweir.settled();
    return mail;
  };
  // One at a time: each moves the clock of all.
  let advancing = Promise.resolve();
  const advanced = () => {
    advancing = advancing.then(() => at.mailweir.advance({ hours: 12 }));
    return advancing;
  };
  const go = (page: Page, path: string) =>
    page.evaluate((hash) => {
      location.hash = hash;
    }, `#${path}`);
  const link = (page: Page, name: string) => page.locator("main").getByRole("link", { name });

  journey(1, "New mail appears without a reload, and the tabs count it", "/", async ({ page, word }) => {
    await page.getByText("live", { exact: true }).waitFor();
    await at.mailweir.inject({ to: "support@example.com", subject: `New ${word}` });
    await link(page, `New ${word}`).waitFor({ timeout: 5_000 });
    await page.locator("li", { hasText: word }).getByText("ticket-opened").waitFor();
    await page.getByRole("navigation", { name: "Streams" }).getByText("ticket").waitFor();
  });

  journey(2, "By keyboard alone: a search with a suggested operator", "/", async ({ page, word }) => {
    await inject(`Wanted ${word}`, { from: `${word}@sender.example` });
    await inject(`Other ${word}`);
    await link(page, `Other ${word}`).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("fr");
    await page.getByRole("option", { name: "from:" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.keyboard.type(word);
    await page.keyboard.press("Enter");
    await link(page, `Wanted ${word}`).waitFor();
    await expect.poll(() => link(page, `Other ${word}`).count()).toBe(0);
    expect(page.url()).toContain(`q=from%3A${word}`);
  });

  journey(
    3,
    "A search that cannot be read says where and what it expects; mended, it finds",
    "/",
    async ({ page, word }) => {
      await inject(`Kept ${word}`);
      const field = page.getByRole("combobox", { name: "Search messages" });
      await field.fill(`${word} is:lost`);
      const alert = page.getByRole("alert");
      await alert.waitFor();
      expect(await alert.innerText()).toMatch(/At character \d+: "is:lost": expected failed/);
      await field.fill(`${word} is:done`);
      await link(page, `Kept ${word}`).waitFor();
      expect(await alert.count()).toBe(0);
      await field.fill(`${word} nowhereatall`);
      await page.getByText("Nothing matches").waitFor();
      await page.getByRole("link", { name: "Show everything" }).click();
      await link(page, `Kept ${word}`).waitFor();
    },
  );

  journey(4, "A stream's tab shows only that stream", "/", async ({ page, word }) => {
    await inject(`Door ${word}`);
    await inject(`Letter ${word}`, { to: "ann@example.com" });
    await link(page, `Letter ${word}`).waitFor();
    await page
      .getByRole("navigation", { name: "Streams" })
      .getByRole("link", { name: /^personal/ })
      .click();
    await link(page, `Letter ${word}`).waitFor();
    await expect.poll(() => link(page, `Door ${word}`).count()).toBe(0);
  });

  journey(
    5,
    "Scrolling goes on to the oldest, nothing twice, while new mail comes on top",
    "/",
    async ({ page, word }) => {
      for (let number = 0; number < 70; number++) {
        await at.mailweir.inject({ to: "ann@example.com", subject: `Row ${word} ${number}.` });
      }
      await go(page, `/?q=${word}`);
      await link(page, `Row ${word} 69.`).waitFor();
      const oldest = link(page, `Row ${word} 0.`);
      for (let tries = 0; tries < 40 && (await oldest.count()) === 0; tries++) {
        await page.mouse.wheel(0, 4_000);
        await page.waitForTimeout(100);
      }
      await oldest.waitFor();
      await at.mailweir.inject({ to: "ann@example.com", subject: `Row ${word} 70.` });
      await link(page, `Row ${word} 70.`).waitFor();
      expect(await page.locator("[data-row]").count()).toBe(71);
    },
  );

  journey(6, "Why nothing arrived: the refusal, with the reply and the reason", "/", async ({ page, look, word }) => {
    await at.mailweir.inject({ to: `${word}@elsewhere.example` }).catch(() => undefined);
    if (look.width < 500) await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("link", { name: "Refusals" }).click();
    const refusal = page.locator("li", { hasText: `${word}@elsewhere.example` });
    await refusal.getByText(/^550 5\.1\.1/).waitFor();
    await refusal.getByText(/not under a verified domain/).waitFor();
  });

  journey(
    7,
    "By keyboard alone: from the list to why a mail went where it went, and back",
    "/",
    async ({ page, word }) => {
      await inject(`First ${word}`);
      await inject(`Second ${word}`, { to: ["support@example.com", "old@example.com"] });
      // Others' mail comes meanwhile, and would stand between ours.
      await go(page, `/?q=${word}`);
      await link(page, `Second ${word}`).waitFor();
      await link(page, `First ${word}`).waitFor();
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      await page.keyboard.press("k");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(`Second ${word}`);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Rule reject-1" }).waitFor();
      await page.getByText("old@example.com is to be rejected").waitFor();
      await page.getByText('"ticket" takes support@example.com').waitFor();
      await tabTo(page, page.locator("summary", { hasText: "Why, for 2 recipients" }).first());
      await page.keyboard.press("Enter");
      await page.locator("details[open] li", { hasText: "support@example.com" }).first().waitFor();
      await page.keyboard.press("Escape");
      await link(page, `First ${word}`).waitFor();
    },
  );

  journey(8, "What the author wrote is told from quotation and signature", "/", async ({ page, word }) => {
    const text = `Yes, ${word}.\n\nOn Tue, 4 Aug 2026 at 09:15, Support <support@example.com> wrote:\n> Is it the left one?\n\n-- \nAnn Sender`;
    const { sesMessageId } = await inject(`Re: door ${word}`, { text });
    await go(page, `/message/${sesMessageId}`);
    await page.getByRole("link", { name: "Text", exact: true }).click();
    expect(await page.locator(".segment.reply").innerText()).toContain(`Yes, ${word}.`);
    expect(await page.locator(".segment.quote").innerText()).toContain("> Is it the left one?");
    expect(await page.locator(".segment.signature").innerText()).toContain("Ann Sender");
    expect(await page.locator(".segment.reply").innerText()).not.toContain("left one");
  });

  journey(9, "A mail's HTML is shown; it says what it would load, and does not", "/", async ({ page, word }) => {
    const picture = `https://pictures.example/seen-${word}.png`;
    const asked: string[] = [];
    // Only what the browser really sends comes here: what the policy blocks never does.
    await page.route("https://pictures.example/**", (route) => {
      asked.push(route.request().url());
      return route.fulfill({ contentType: "image/png", body: "" });
    });
    const html = `<h1>Hello ${word}</h1><img src="${picture}">`;
    const { sesMessageId } = await inject(`HTML ${word}`, { html });
    await go(page, `/message/${sesMessageId}/html`);
    const frame = page.frameLocator("iframe.mail-html");
    await frame.getByText(`Hello ${word}`).waitFor();
    await page.getByText("1 picture from elsewhere not loaded").waitFor();
    expect(await page.locator("iframe.mail-html").getAttribute("sandbox")).toBe("allow-popups");
    expect(asked).toEqual([]);
    await page.getByRole("link", { name: "Load them" }).click();
    await expect.poll(() => asked).toEqual([picture]);
    await page.getByRole("link", { name: "Block them again" }).click();
    await page.getByText("1 picture from elsewhere not loaded").waitFor();
  });

  journey(10, "Every header as it came, and the bytes to keep", "/", async ({ page, word }) => {
    const { sesMessageId } = await inject(`Headers ${word}`, { headers: { "X-Order": word } });
    await go(page, `/message/${sesMessageId}`);
    await page.getByRole("link", { name: /^Headers/ }).click();
    await page.locator("dt", { hasText: "X-Order" }).waitFor();
    await page.getByText(word, { exact: true }).waitFor();
    await page.getByRole("link", { name: "Raw", exact: true }).click();
    await page.locator("pre.raw", { hasText: `X-Order: ${word}` }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download as received" }).click();
    const bytes = await readFile(await (await download).path(), "utf8");
    expect(bytes).toContain(`X-Order: ${word}\r\n`);
  });

  journey(11, "The MIME tree, and an attachment that comes out as it went in", "/", async ({ page, word }) => {
    const content = `price;${word}\r\n1;2\r\n`;
    const { sesMessageId } = await inject(`Files ${word}`, {
      attachments: [{ fileName: `list-${word}.csv`, contentType: "text/csv", content }],
    });
    await go(page, `/message/${sesMessageId}/parts`);
    await page.getByText("multipart/mixed").waitFor();
    await page.getByRole("link", { name: /^Attachments/ }).click();
    const download = page.waitForEvent("download");
    await page
      .locator("ul.list")
      .getByRole("link", { name: `list-${word}.csv` })
      .click();
    expect(await readFile(await (await download).path(), "utf8")).toBe(content);
  });

  journey(12, "A forged author: what was checked, in words", "/", async ({ page, word }) => {
    const { sesMessageId } = await inject(`Forged ${word}`, { authentication: "fail" });
    await go(page, `/message/${sesMessageId}/authentication`);
    const row = page.locator("li", { has: page.getByRole("heading", { name: "DMARC" }) });
    await row.getByText("Who wrote it is not proven").waitFor();
    await row.getByText("refuse what fails").waitFor();
    await row.getByText("FAIL", { exact: true }).waitFor();
  });

  journey(
    13,
    "By keyboard alone: a mail is written as somebody else, with a check result of choice",
    "/",
    async ({ page, word }) => {
      await page.getByText("live", { exact: true }).waitFor();
      await page.keyboard.press("c");
      const subject = page.getByLabel("Subject");
      await subject.waitFor();
      await tabTo(page, subject);
      await page.keyboard.type(`Written ${word}`);
      await page.keyboard.press("Tab");
      await page.keyboard.type("By hand.");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await tabTo(page, page.getByLabel("SPF"));
      await page.keyboard.type("fail");
      await tabTo(page, page.getByRole("button", { name: "Send", exact: true }));
      await page.keyboard.press("Enter");
      const accepted = page.getByRole("link", { name: "Accepted: see its journey" });
      await accepted.waitFor();
      await tabTo(page, accepted);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: `Written ${word}` }).waitFor();
      await page.getByText(/fail for sender\.example/).waitFor();
      await page.getByText(/compose: not over SMTP/).waitFor();
    },
  );

  journey(14, "The customer writes again: the reply joins the ticket", "/", async ({ page, word }) => {
    const { sesMessageId } = await inject(`Leak ${word}`);
    await go(page, `/message/${sesMessageId}`);
    await page.getByText("Write again as ann@sender.example").click();
    await page.getByLabel("Text").fill(`Still leaking ${word}.`);
    await page.getByRole("button", { name: "Send as the customer" }).click();
    await page.getByRole("link", { name: "Accepted: see its journey" }).click();
    await page.getByRole("heading", { name: `Re: Leak ${word}` }).waitFor();
    await page
      .locator("main")
      .getByText("ticket-joined")
      .or(page.getByText(/joined|ticket-updated|added/))
      .first()
      .waitFor();
    await go(page, `/tickets?text=${word}`);
    await link(page, `Leak ${word}`).first().click();
    await page.getByText(`Still leaking ${word}.`).waitFor();
  });

  journey(
    15,
    "An .eml file is put in, twice, each with a Message-ID of its own",
    "/compose",
    async ({ page, word }) => {
      const eml = `From: Ann <ann@sender.example>\r\nTo: support@example.com\r\nSubject: File ${word}\r\nMessage-ID: <${word}@sender.example>\r\n\r\nFrom a file.\r\n`;
      const file = { name: `${word}.eml`, mimeType: "message/rfc822", buffer: Buffer.from(eml) };
      const chooser = page.getByLabel("Drop files here, or choose them");
      await chooser.setInputFiles(file);
      await page.getByText(`${word}.eml: Accepted`).first().waitFor();
      await chooser.setInputFiles(file);
      await expect.poll(() => page.getByText(`${word}.eml: Accepted`).count()).toBe(2);
      await at.mailweir.settled();
      await go(page, `/?q=${word}`);
      await expect.poll(() => link(page, `File ${word}`).count()).toBe(2);
      expect(await page.getByText("duplicate").count()).toBe(0);
    },
  );

  journey(16, "The cast: an absence note is recognised and answers nobody", "/compose", async ({ page }) => {
    await page.getByRole("button", { name: "Play out-of-office" }).click();
    await page.getByRole("link", { name: "Accepted: see its journey" }).click();
    await page
      .getByText(/^auto-reply, \d+ % sure$/)
      .first()
      .waitFor();
    await page
      .getByText(/Auto-Submitted: auto-replied/)
      .first()
      .waitFor();
  });

  journey(17, "The cast: a mail loop is refused, and the refusal tells why", "/compose", async ({ page }) => {
    await page.getByRole("button", { name: "Play loop" }).click();
    await page.getByText(/Refused: 554/).waitFor();
    await page.getByRole("link", { name: "Why?" }).click();
    await page.locator("main li").first().getByText(/^554/).waitFor();
  });

  journey(18, "By keyboard alone: a held mail is released and becomes a ticket", "/repair", async ({ page, word }) => {
    const { sesMessageId } = await inject(`Prize ${word}`, { authentication: { spam: "FAIL" } });
    const row = page.locator("li", { hasText: `Prize ${word}` });
    await row.getByText("spam verdict FAIL").waitFor();
    await tabTo(page, row.getByRole("button", { name: "Release to ticket" }));
    await page.keyboard.press("Enter");
    await expect.poll(() => row.count()).toBe(0);
    await at.mailweir.settled();
    await go(page, `/message/${sesMessageId}`);
    await page.getByText("ticket-opened").first().waitFor();
  });

  journey(
    19,
    "A worker failed: its cause is shown, and after it was mended the message is tried again",
    "/repair",
    async ({ page, word }) => {
      at.refusedWords.add(word);
      const { sesMessageId } = await inject(`Bill ${word}`, { to: "invoices@example.com" });
      await advanced();
      const row = page.getByRole("region", { name: "Failed" }).locator("li", { hasText: `Bill ${word}` });
      await row.getByText("the accounts are closed").waitFor();
      at.refusedWords.delete(word);
      await row.getByRole("button", { name: `Try again: Bill ${word}` }).click();
      await expect.poll(() => row.count()).toBe(0);
      await at.mailweir.settled();
      await go(page, `/message/${sesMessageId}`);
      await page.getByText("filed", { exact: true }).first().waitFor();
    },
  );

  journey(20, "A replay is looked at first: nothing changes, and it is applied", "/", async ({ page, word }) => {
    const { sesMessageId } = await inject(`Again ${word}`, { to: "invoices@example.com" });
    await go(page, `/message/${sesMessageId}`);
    await page.getByText("Replay", { exact: true }).click();
    await page.getByRole("button", { name: "Dry run" }).click();
    await page.getByText("as recorded").waitFor();
    await page.getByRole("button", { name: "Apply to 1" }).click();
    await page.getByText("1 replayed").waitFor();
  });

  journey(
    21,
    "What would match? The rules that run, and where it would go, without a mail",
    "/rules",
    async ({ page }) => {
      await page.getByLabel("Recipients").fill("support@example.com, old@example.com, x@elsewhere.example");
      await page.getByRole("button", { name: "Ask" }).click();
      const of = (address: string) => page.locator(".matched", { hasText: address });
      await of("support@example.com").getByText("accepted", { exact: true }).waitFor();
      expect(await of("support@example.com").innerText()).toContain("ticket");
      await of("x@elsewhere.example").getByText("refused", { exact: true }).waitFor();
      await page.getByLabel("Nature").selectOption("auto-reply");
      await page.getByRole("button", { name: "Ask" }).click();
      await of("support@example.com").getByText("auto-reply").first().waitFor();
    },
  );

  journey(
    22,
    "The rules as a picture: hits rise, and the doctor's findings stand by",
    "/rules",
    async ({ page, word }) => {
      const store = page.locator("li.step", { has: page.getByRole("heading", { name: "store", exact: true }) });
      await store.waitFor();
      const hits = async () => Number((await store.locator(".hits b").first().innerText()).replace(/\D/g, ""));
      const before = await hits();
      await inject(`Hit ${word}`);
      await expect.poll(hits).toBeGreaterThan(before);
      await store.getByText("s3://").waitFor();
      await page.getByText("test-scanner").waitFor();
    },
  );

  journey(
    23,
    "The streams: rate, lag and what is open, as charts that say the same in words",
    "/streams",
    async ({ page, word }) => {
      await inject(`Chart ${word}`);
      const card = page.locator("li.card", { has: page.getByRole("link", { name: "ticket", exact: true }) });
      await card.getByRole("img", { name: /^Rate: at most \d+ in \d+ min$/ }).waitFor();
      expect(await card.locator("svg").first().locator("rect").count()).toBeGreaterThan(0);
      await page.getByRole("link", { name: "7 days" }).click();
      await card.getByRole("img", { name: /^Lag, receipt to end: at most/ }).waitFor();
      await card.getByRole("link", { name: "ticket", exact: true }).click();
      await link(page, `Chart ${word}`).waitFor();
    },
  );

  journey(
    24,
    "A ticket is answered, noted upon and closed; the answer is in the outbox",
    "/tickets",
    async ({ page, word }) => {
      await inject(`Help ${word}`);
      await link(page, `Help ${word}`).first().click();
      await page.getByLabel("Answer, or note that only you see").fill(`An answer ${word}.`);
      await page.getByRole("button", { name: "Send answer" }).click();
      await page.locator("li.answer", { hasText: `An answer ${word}.` }).waitFor();
      await page.getByLabel("Answer, or note that only you see").fill(`A note ${word}.`);
      await page.getByRole("button", { name: "Keep as a note" }).click();
      await page.locator("li.note", { hasText: `A note ${word}.` }).waitFor();
      await page.getByRole("button", { name: "Close", exact: true }).click();
      await page.getByRole("button", { name: "Open again" }).waitFor();
      await go(page, "/outbox");
      await page
        .getByText(/^reply \d+/)
        .first()
        .waitFor();
    },
  );

  journey(
    25,
    "By keyboard alone: the help, every view from the menu, and a complaint's suppression removed",
    "/",
    async ({ page, look, word }) => {
      await page.getByText("live", { exact: true }).waitFor();
      await page.keyboard.press("?");
      await page.getByRole("dialog").getByText("next in the list").waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
      const views = ["Refusals", "Compose", "Repair", "Rules", "Streams", "Tickets", "Outbox", "Suppressions"];
      for (const [index, view] of views.entries()) {
        // From the top at first, then back up from the view that was opened.
        const back = index === 0 ? "Tab" : "Shift+Tab";
        if (look.width < 500) {
          await tabTo(page, page.getByRole("button", { name: "Menu" }), back);
          await page.keyboard.press("Enter");
        }
        const entry = page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: view });
        await tabTo(page, entry, look.width < 500 ? "Tab" : back);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 2, name: view === "Compose" ? "Compose and play" : view }).waitFor();
      }
      const address = `${word}@reader.example`;
      await tabTo(page, page.getByLabel("Address", { exact: true }));
      await page.keyboard.type(address);
      await tabTo(page, page.getByRole("button", { name: "Suppress", exact: true }));
      await page.keyboard.press("Enter");
      const remove = page.getByRole("button", { name: `Remove ${address}` });
      await remove.waitFor();
      await tabTo(page, remove);
      await page.keyboard.press("Enter");
      await expect.poll(() => remove.count()).toBe(0);
    },
  );

  journey(
    26,
    "A dead letter says which mail it is; put back after the worker was mended, it does its work",
    "/repair",
    async ({ page, word }) => {
      at.refusedWords.add(word);
      await inject(`Dead ${word}`, { to: "invoices@example.com" });
      await advanced();
      const letters = page.getByRole("region", { name: "Dead letters" });
      const letter = letters.locator("li", { hasText: `Dead ${word}` });
      await letter.getByText("given up by mailweir-stream-invoices").waitFor();
      at.refusedWords.delete(word);
      await letter.getByRole("button", { name: `Put back: Dead ${word}` }).click();
      await expect.poll(() => letter.count()).toBe(0);
      await at.mailweir.settled();
      await go(page, `/?q=${word}`);
      await page
        .locator("li", { hasText: `Dead ${word}` })
        .getByText("filed", { exact: true })
        .waitFor();
      await go(page, "/repair");
      await page.getByText("Replay a search").waitFor();
      await expect.poll(() => page.locator("li", { hasText: `Dead ${word}` }).count()).toBe(0);
    },
  );

  let refused: Promise<void> | undefined;
  let atTheEnd = 0;
  const refuseMany = async () => {
    for (let number = 0; number < 120; number++) {
      await at.mailweir.inject({ to: `many.${number}.@elsewhere.example` }).catch(() => undefined);
    }
  };
  journey(
    27,
    "By keyboard alone: a long list page by page, while more comes, and back",
    "/refusals",
    async ({ page, word }) => {
      refused ??= refuseMany();
      await refused;
      const refusal = (name: string) => page.locator("ul.list > li", { hasText: `${name}.@elsewhere.example` });
      await refusal("many.119").waitFor();
      expect(await page.locator("ul.list > li").count()).toBe(50);
      for (const oldest of ["many.70", "many.20"]) {
        await refusal(oldest).waitFor();
        await tabTo(page, page.getByRole("link", { name: "More refusals" }));
        await page.keyboard.press("Enter");
        await expect.poll(() => refusal(oldest).count()).toBe(0);
      }
      await refusal("many.0").waitFor();
      expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("older refusals");
      await page.keyboard.press("j");
      expect(await page.evaluate(() => document.activeElement?.matches("li:first-child [data-row]"))).toBe(true);
      // When all are there, one more comes, of which an older page takes no notice.
      atTheEnd += 1;
      await expect.poll(() => atTheEnd, { timeout: 240_000 }).toBe(looks.length);
      await at.mailweir.inject({ to: `${word}.@elsewhere.example` }).catch(() => undefined);
      await tabTo(page, page.getByRole("link", { name: "Back to the first" }));
      expect(await refusal("many.0").count()).toBe(1);
      await page.keyboard.press("Enter");
      await refusal(word).waitFor();
    },
  );
});

/** Tab until it has the keyboard, as one without a mouse does. */
async function tabTo(page: Page, target: ReturnType<Page["locator"]>, key = "Tab"): Promise<void> {
  await target.first().waitFor();
  for (let presses = 0; presses < 100; presses++) {
    if (await target.first().evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error("the keyboard does not reach it");
}
