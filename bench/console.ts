// First content of the console in a real Chromium: `node bench/console.ts [messages] [looks]`. Prints milliseconds from navigation
// to the browser's first contentful paint and to the first message in the list, cold (the page is bundled) and warm.
import { chromium } from "playwright-core";
import { startMailweir } from "../testing/main.ts";

const messages = Number(process.argv[2] ?? 200);
const looks = Number(process.argv[3] ?? 11);

const mailweir = await startMailweir({
  clock: "ticking",
  now: new Date(),
  config: { domains: ["example.com"], streams: { ticket: { recipients: ["support@example.com"] } } },
});
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (let number = 0; number < messages; number++) {
    await mailweir.inject({ to: "support@example.com", subject: `Message ${number}` });
  }
  await mailweir.settled();
  const paints: number[] = [];
  const rows: number[] = [];
  for (let look = 0; look < looks; look++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${mailweir.http}/`, { waitUntil: "commit" });
    // Asked within the page, so that the way to it does not count.
    const row = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const ask = () =>
            document.querySelector("[data-row]") ? resolve(performance.now()) : requestAnimationFrame(ask);
          ask();
        }),
    );
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
    paints.push(paint);
    rows.push(row);
    await context.close();
  }
  const say = (name: string, [cold = 0, ...warm]: readonly number[]) => {
    const sorted = warm.toSorted((a, b) => a - b);
    const at = (part: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
    console.log(
      `${name}: cold ${Math.round(cold)} ms; warm p50 ${at(0.5)} ms, p95 ${at(0.95)} ms (${warm.length} looks)`,
    );
  };
  say("first contentful paint", paints);
  say(`first of ${messages} messages`, rows);
} finally {
  await browser.close();
  await mailweir.stop();
}
