import { existsSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConsoleEngine, mail, startConsoleEngine } from "../local/console/console-engine.ts";

const executablePath = "/usr/bin/chromium";
const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

describe.skipIf(!existsSync(executablePath))(`the console in Chromium (needs ${executablePath})`, () => {
  let running: ConsoleEngine;
  let browser: Browser;
  let broken: string;

  beforeAll(async () => {
    running = await startConsoleEngine();
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  });
  afterAll(async () => {
    await browser?.close();
    await running?.close();
  });

  test("an empty console says how to send a first mail, and shows it without a reload when it is sent", async () => {
    const { page, close } = await open(1440, "light", "/");
    await page.getByText("npx mailweir send --to support@example.com").waitFor();
    broken = await running.send(mail("Broken door"), ["support@example.com", "ann@example.com", "old@example.com"]);
    await page.getByRole("link", { name: "Broken door" }).waitFor({ timeout: 5_000 });
    await page.getByText("ticket-opened").waitFor({ timeout: 20_000 });
    await close();

    await running.send(mail("Win a prize", gtube), ["support@example.com"]);
    await running.send(mail(hostile), ["ann@example.com"], { helo: "<b>mx</b>" });
    await running.send(mail("Away", "x", { "Auto-Submitted": "auto-replied" }), ["unsubscribe@example.com"], {
      from: "",
    });
    await running.send(mail("Elsewhere"), ["ann@elsewhere.example"]).catch(() => undefined);
    await running.ended();
  });

  const places: [string, () => string, RegExp][] = [
    ["list", () => "/", /Broken door/],
    ["one stream", () => "/stream/ticket", /Broken door/],
    ["journey", () => `/message/${broken}`, /Mailbox does not exist/],
    ["refusals", () => "/refusals", /not under a verified domain/],
    ["repair", () => "/repair", /Win a prize/],
    ["its text", () => `/message/${broken}/text`, /what the author wrote/],
    ["its authentication", () => `/message/${broken}/authentication`, /That domain lets that client send its mail/],
    ["its headers", () => `/message/${broken}/headers`, /Message-ID/],
    ["its parts", () => `/message/${broken}/parts`, /text\/plain/],
    ["its bytes", () => `/message/${broken}/raw`, /Subject: Broken door/],
    ["a search that cannot be read", () => "/?q=is%3Alost", /expected failed/],
    ["compose", () => "/compose", /out-of-office/],
    ["tickets", () => "/tickets", /Broken door/],
    ["a ticket", () => "/ticket/1", /Send answer/],
    ["suppressions", () => "/suppressions", /May we write/],
    ["outbox", () => "/outbox", /bounce 1/],
    ["rules", () => "/rules", /only test strings/],
    ["streams", () => "/streams", /Recipients by stream and state/],
  ];
  // One page a place, turned from look to look: the checks cost enough.
  test.for(
    places,
  )("%s, at 390 and 1440 px, light and dark: no axe finding, nothing overflows, nothing foreign is loaded", async ([
    name,
    path,
    text,
  ]) => {
    const { page, foreign, faults, close } = await open(390, "light", path());
    for (const width of [390, 1440] as const) {
      for (const scheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
        await page.locator("main").getByText(text).first().waitFor();
        const { violations } = await new AxeBuilder({ page }).exclude("iframe").analyze();
        expect(violations.map(({ id, nodes }) => `${name}, ${width} px, ${scheme}, ${id}: ${nodes[0]?.html}`)).toEqual(
          [],
        );
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
      }
    }
    expect(foreign).toEqual([]);
    expect(faults.filter((fault) => !/status of 400/.test(fault))).toEqual([]);
    await close();
  });

  test("by keyboard alone: mail comes in, the focus stays; to the journey, a rule unfolded, and back", async () => {
    const { page, close } = await open(1440, "light", "/");
    const link = page.getByRole("link", { name: "Broken door" });
    await link.waitFor();
    await tabTo(page, link);
    await running.send(mail("While you look"), ["ann@example.com"]);
    await page.getByRole("link", { name: "While you look" }).waitFor();
    expect(await isFocused(link)).toBe(true);

    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Rule store" }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
    await tabTo(page, page.locator(".path summary").first());
    await page.keyboard.press("Enter");
    await page.locator("details[open] li", { hasText: "support@example.com matches" }).first().waitFor();
    await page.goBack();
    await link.waitFor();
    await close();
  });

  test("a subject that is HTML is shown as the text it is", async () => {
    const { page, close } = await open(1440, "light", "/");
    await page.getByRole("link", { name: hostile }).click();
    await page.getByRole("heading", { name: hostile }).waitFor();
    expect(await page.title()).not.toBe("owned");
    expect(await page.locator("main img, main script, main b:has-text('mx')").count()).toBe(0);
    await close();
  });

  test("a held mail is released from the page and leaves the list", async () => {
    const { page, close } = await open(390, "dark", "/repair");
    await page.getByRole("button", { name: "Release to ticket" }).click();
    await page.getByText("Nothing is held").waitFor({ timeout: 20_000 });
    await running.ended();
    const { messages } = (await (await running.fetch("/api/messages?stream=ticket")).json()) as { messages: unknown[] };
    expect(messages).toHaveLength(2);
    await close();
  });

  /** A page of its own, which notes every request that leaves the console's origin and every error. */
  async function open(width: number, colorScheme: "light" | "dark", path: string) {
    const context: BrowserContext = await browser.newContext({
      viewport: { width, height: width < 500 ? 844 : 900 },
      colorScheme,
    });
    const page: Page = await context.newPage();
    const foreign: string[] = [];
    const faults: string[] = [];
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${running.engine.http}/`) && !url.startsWith("data:")) foreign.push(url);
    });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(`${running.engine.http}/#${path}`);
    return { page, foreign, faults, close: () => context.close() };
  }
});

async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if (await isFocused(target)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error("the keyboard does not reach it");
}

const isFocused = (target: Locator) => target.evaluate((node) => node === document.activeElement);
