import { expect, test } from "vitest";
import { showConfusables } from "../../../shared/mail/confusable.ts";

test.for([
  ["Ann <ann@bank.example>", "Ann <ann@bank.example>"],
  ["victim@b\u0430nk.example", "victim@xn--bnk-6cd.example"],
  // A whole domain of one foreign alphabet needs no Latin letter to look Latin.
  ["<info@\u0430\u0440\u0440\u04cf\u0435.example>", "<info@xn--80ak6aa92e.example>"],
  ["p\u0430yp\u0430l", "p[U+0430]yp[U+0430]l"],
  ["G\u03bf\u03bfgle invoice", "G[U+03BF][U+03BF]gle invoice"],
  // Honest texts of other alphabets, also beside Latin words.
  ["Привет, Ann", "Привет, Ann"],
  ["Καλημέρα", "Καλημέρα"],
  ["Größe 5 µm, naïve", "Größe 5 µm, naïve"],
  ["日本語のメール", "日本語のメール"],
  ["info@münchen.example", "info@xn--mnchen-3ya.example"],
  ["a@[::1]:80/x\u00e4", "a@[::1]:80/x\u00e4"],
  ["@\u00e4@\u00f6@", "@xn--4ca@xn--nda@"],
])("%j reads %j", ([text, shown]) => expect(showConfusables(text as string)).toBe(shown));

test("long and odd texts take no time to speak of", () => {
  for (const text of ["\u0430a".repeat(200_000), "@\u0430".repeat(20_000), `@${"\u0430".repeat(400_000)}`]) {
    const began = process.cpuUsage().user;
    showConfusables(text);
    expect((process.cpuUsage().user - began) / 1_000).toBeLessThan(10_000);
  }
});
