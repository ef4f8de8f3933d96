import { existsSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUnsubscriber, type Unsubscriber } from "../../shared/unsubscribe/sender.ts";
import { type ConsoleEngine, startConsoleEngine } from "../local/console/console-engine.ts";

const executablePath = "/usr/bin/chromium";

describe.skipIf(!existsSync(executablePath))(`the one-click page in Chromium (needs ${executablePath})`, () => {
  let running: ConsoleEngine;
  let browser: Browser;
  let sender: Unsubscriber;
  beforeAll(async () => {
    running = await startConsoleEngine({ unsubscribe: { lists: { news: { name: "Weekly news" } } } });
    const secret = await running.engine.ports.secrets.keyRing();
    sender = createUnsubscriber({ secret, mailto: "unsubscribe@example.com", url: `${running.engine.http}/u` });
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(async () => {
    await browser?.close();
    await running?.close();
  });

  const looks = (["en-GB", "de-DE", "fr-FR"] as const).flatMap((locale) =>
    (["light", "dark"] as const).flatMap((colorScheme) =>
      ([320, 1440] as const).map((width) => ({ locale, colorScheme, width })),
    ),
  );
  test.for(
    looks,
  )("$locale, $colorScheme, $width px, without script: there and back by keyboard, no axe finding", async ({
    locale,
    colorScheme,
    width,
  }) => {
    const address = `ann-${locale}-${colorScheme}-${width}@sender.example`;
    const link = /<(http[^>]+)>/.exec(sender.headersFor({ address, list: "news" })["List-Unsubscribe"]!)![1]!;
    const context = await browser.newContext({
      locale,
      colorScheme,
      viewport: { width, height: 700 },
      javaScriptEnabled: false,
    });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("request", (request) => request.url().startsWith(running.engine.http) || faults.push(request.url()));
    const state = () => running.engine.ports.suppressions.check(sender.personOf(address), "news");
    const looksRight = async () => {
      // axe itself is a script: the same page, with scripts on.
      const scripted = await browser.newContext({
        locale,
        colorScheme,
        viewport: { width, height: 700 },
        bypassCSP: true,
      });
      const shown = await scripted.newPage();
      await shown.goto(link);
      const { violations } = await new AxeBuilder({ page: shown })
        .withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"])
        .analyze();
      expect(violations.map(({ id }) => id)).toEqual([]);
      expect(await shown.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
      await scripted.close();
    };
    await page.goto(link);
    expect(await page.locator("html").getAttribute("lang")).toBe(locale.slice(0, 2));
    await looksRight();
    expect(await state()).toBeUndefined();
    await page.keyboard.press("Tab");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    expect(await state()).toMatchObject({ reason: "one-click", address: address.toLowerCase() });
    await looksRight();
    await page.keyboard.press("Tab");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    expect(await state()).toBeUndefined();
    expect(faults).toEqual([]);
    await context.close();
  });
});
