import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Mailweir, startMailweir } from "../../testing/main.ts";

const executablePath = "/usr/bin/chromium";
export const hasChromium = existsSync(executablePath);
export const needsChromium = `the console in Chromium (needs ${executablePath})`;

export interface Look {
  readonly width: 390 | 1440;
  readonly scheme: "light" | "dark";
}

/** One engine and one browser for a whole file of tests. */
export interface ConsoleBrowser {
  readonly mailweir: Mailweir;
  /** Words of subjects at which the worker of `invoices@example.com` throws. */
  readonly refusedWords: Set<string>;
  open(path: string, look: Look): Promise<OpenPage>;
  close(): Promise<void>;
}

export interface OpenPage {
  readonly page: Page;
  /** Requests that left the console's origin, blocked ones too. */
  readonly foreign: readonly string[];
  /** What the page's own code did wrong. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export async function startConsoleBrowser(): Promise<ConsoleBrowser> {
  const refusedWords = new Set<string>();
  const mailweir = await startMailweir({
    clock: "ticking",
    now: new Date(),
    config: {
      domains: ["example.com"],
      streams: {
        ticket: { recipients: ["support@example.com"] },
        unsubscribe: { recipients: ["unsubscribe@example.com"] },
        invoices: {
          recipients: ["invoices@example.com"],
          worker: async ({ headers }) => {
            const words = (headers.subject ?? "").split(" ");
            if (words.some((word) => refusedWords.has(word))) throw new Error("the accounts are closed");
            return { outcome: "filed" };
          },
        },
        personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
      },
      rejects: [{ recipients: ["old@example.com"], template: "mailbox-does-not-exist" }],
    },
  });
  const browser: Browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
  return {
    mailweir,
    refusedWords,
    async open(path, { width, scheme }) {
      const context = await browser.newContext({
        viewport: { width, height: width < 500 ? 844 : 900 },
        colorScheme: scheme,
        reducedMotion: "reduce",
        acceptDownloads: true,
      });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      const foreign: string[] = [];
      const wrong: string[] = [];
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith(`${mailweir.http}/`) && !/^(?:data|about|blob):/.test(url)) foreign.push(url);
      });
      page.on("pageerror", (error) => wrong.push(error.message));
      await page.goto(`${mailweir.http}/#${path}`);
      return { page, foreign, faults: wrong, close: () => context.close() };
    },
    async close() {
      await browser.close();
      await mailweir.stop();
    },
  };
}

/** With MAILWEIR_SHOTS=folder every journey leaves its last picture there, to be looked at. */
export async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env["MAILWEIR_SHOTS"];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name.replace(/[^\w-]+/g, "-")}.png`, fullPage: true });
}
