import { expect, test } from "vitest";
import { languageOfMail } from "../../../shared/mail/language.ts";

test.for<[string, string | undefined]>([
  ["Hello, I would like to know what became of the order. Thanks for your help", "en"],
  ["Guten Tag, ich habe die Rechnung nicht bekommen. Bitte schicken Sie sie mir noch einmal.", "de"],
  ["Bonjour, je ne reçois pas les factures. Merci pour votre aide", "fr"],
  ["Hola, no he recibido el pedido. Gracias por la ayuda", "es"],
  ["Buongiorno, non ho ricevuto il pacco. Grazie per la risposta", "it"],
  ["Olá, não recebi a encomenda. Obrigado", "pt"],
  ["Hallo, ik heb het pakket niet ontvangen. Bedankt voor de hulp", "nl"],
  ["Dzień dobry, nie dostałem faktury. Proszę o odpowiedź", "pl"],
  ["Hej, jag har inte fått paketet. Tack för hjälpen", "sv"],
  ["Merhaba, bu sipariş için bir fatura lütfen", "tr"],
  ["Здравствуйте, где мой заказ?", "ru"],
  ["Доброго дня, де моє замовлення? Дякую, чекаю відповіді", "uk"],
  ["注文した商品がまだ届いていません。", "ja"],
  ["我还没有收到订单。", "zh"],
  ["주문한 상품이 아직 오지 않았습니다", "ko"],
  ["Καλησπέρα, πού είναι η παραγγελία μου;", "el"],
  ["איפה ההזמנה שלי", "he"],
  ["أين طلبي", "ar"],
  ["ok", undefined],
  ["", undefined],
  ["1207 1208 1209", undefined],
])("%j is written in %j", ([text, language]) => {
  expect(languageOfMail(text)).toBe(language);
});

test("a declared language counts where the words are too few", () => {
  const headers = [{ name: "Content-Language", value: "fr-CA, en" }];
  expect(languageOfMail("ok", headers)).toBe("fr");
  expect(languageOfMail("Bitte schicken Sie mir die Rechnung nicht", headers)).toBe("de");
  expect(languageOfMail("ok", [{ name: "Content-Language", value: "xx<script>" }])).toBeUndefined();
});

test("a text of a megabyte costs no more than its beginning", () => {
  expect(languageOfMail("the and you ".repeat(100_000))).toBe("en");
});
