import { describe, expect, test } from "vitest";
import { readConfirmation, readRequest } from "../../../shared/unsubscribe/read-request.ts";

const lists = ["news", "product.updates"];
const subject = (text: string) => readRequest({ subject: text, text: "", isAnswer: false, lists });
const answer = (text: string) => readRequest({ subject: "Re: This week", text, isAnswer: true, lists });

describe("asks, in the words of", () => {
  test.for<[string, readonly string[]]>([
    [
      "English",
      [
        "unsubscribe",
        "UNSUBSCRIBE!!",
        "Please unsubscribe me from this list.",
        "Opt-out",
        "Unsubscribe request",
        "remove me from your mailing list, thanks",
      ],
    ],
    [
      "English, long",
      ["I would like to unsubscribe from all your emails please", "Stop sending me emails", "No more emails please"],
    ],
    [
      "German",
      [
        "Abmelden",
        "Bitte melden Sie mich vom Newsletter ab.",
        "Bitte tragen Sie mich aus Ihrem Verteiler aus",
        "Keine E-Mails mehr bitte",
      ],
    ],
    [
      "French",
      [
        "désinscription",
        "Merci de me désinscrire de votre liste de diffusion",
        "Veuillez me désabonner, cordialement",
        "Desinscrire",
      ],
    ],
    ["Spanish", ["Baja", "Por favor, darme de baja de la lista", "Quiero cancelar mi suscripción. Gracias"]],
    ["Portuguese", ["Descadastrar", "Gostaria de cancelar a inscrição", "Por favor, remova-me da lista"]],
    ["Italian", ["Cancellatemi dalla lista", "Vorrei disiscrivermi dalla newsletter"]],
    ["Dutch", ["Afmelden", "Schrijf mij uit", "Schrijf mij van deze lijst uit", "Graag uitschrijven"]],
    ["the North", ["Avregistrera", "Afmeld mig", "Meld meg av", "Peruuta tilaus"]],
    ["Polish, Czech, Hungarian", ["Proszę mnie wypisać", "Odhlásit odběr", "Leiratkozás", "Kérem, iratkozzanak le"]],
    ["Russian, Ukrainian", ["Отписаться", "Прошу отписать меня от рассылки", "Відписатися"]],
    ["Turkish, Greek, Romanian", ["Abonelikten çık", "Παρακαλώ διαγράψτε με από τη λίστα", "Vă rog dezabonați-mă"]],
    ["Japanese, Chinese, Korean", ["配信停止をお願いします", "请取消订阅，谢谢", "退訂", "수신거부 부탁드립니다"]],
    ["Arabic, Hebrew", ["إلغاء الاشتراك", "הסירו אותי מרשימת התפוצה בבקשה"]],
    ["bare words", ["Stop", "STOP.", "Remove", "stop it please"]],
  ])("%s", ([, texts]) => {
    for (const text of texts) {
      expect(subject(text).kind, text).toBe("asks");
      expect(answer(text).kind, text).toBe("asks");
    }
  });
});

test.for<[string, string | undefined]>([
  ["unsubscribe news", "news"],
  ["Unsubscribe from NEWS please", "news"],
  ["unsubscribe product.updates", "product.updates"],
  ["leave news", "news"],
  ["unsubscribe weekly-digest", "weekly-digest"],
  ["unsubscribe me", undefined],
])("a list is named: %s", ([text, list]) => {
  expect(subject(text)).toMatchObject({ kind: "asks", ...(list !== undefined && { list }) });
  expect(subject(text).list).toBe(list);
});

test.for<[string, string]>([
  ["Please do not unsubscribe me", "denies"],
  ["Don't unsubscribe me!", "denies"],
  ["Never unsubscribe me", "denies"],
  ["Bitte melden Sie mich nicht ab", "denies"],
  ["Ne pas me désinscrire", "denies"],
  ["No quiero darme de baja", "denies"],
  ["Не отписывайте меня", "denies"],
  ["I unsubscribed by mistake", "denies"],
  ["Resubscribe me, I pressed unsubscribe", "denies"],
  ["cancel my unsubscription", "mentions"],
  ["stop the unsubscribe", "mentions"],
  ["How do I unsubscribe?", "mentions"],
  ["unsubscribe?", "mentions"],
  ["Where is the unsubscribe link", "mentions"],
  ["Unsubscribe rates fell in May, see the attached slides", "mentions"],
  ["Please remove the sofa from my order", "else"],
  ["Leave request for next week", "else"],
  ["stop payment", "else"],
  ["cancel order 1207", "else"],
  ["Order 1207", "else"],
  ["Please cancel my request", "else"],
  ["Remove my account", "else"],
  ["Cancel my unsubscribe request", "mentions"],
  ["", "empty"],
  ["!!!", "empty"],
])("asks for nothing that a machine may do: %s", ([text, kind]) => {
  expect(subject(text).kind, "subject").toBe(kind);
  expect(answer(text).kind, "text").toBe(kind);
});

test("an answer's subject is somebody else's words", () => {
  for (const prefix of ["Re:", "AW:", "SV:", "[EXT] Re:", "回复：", "Fwd:", "Odp:"]) {
    const reading = readRequest({ subject: `${prefix} unsubscribe`, text: "I am away.", isAnswer: false });
    expect(reading.kind, prefix).toBe("else");
  }
});

test("what is long is read as far as a request goes, in no time", () => {
  for (const text of [
    "a".repeat(1_000_000),
    "unsubscribe ".repeat(100_000),
    "[".repeat(1_000_000),
    "melden sie mich ".repeat(50_000),
  ]) {
    const started = performance.now();
    expect(subject(text).kind).not.toBe("asks");
    expect(answer(text).kind).not.toBe("asks");
    expect(performance.now() - started).toBeLessThan(5_000);
  }
});

test.for<[string, boolean]>([
  ["Yes", true],
  ["yes please!", true],
  ["Ja", true],
  ["Oui.", true],
  ["はい", true],
  ["unsubscribe", true],
  ["No", false],
  ["Yes? What is this", false],
  ["Yes, but do not unsubscribe me from the other list", false],
  ["", false],
  ["I am out of the office", false],
])("a confirmation: %s is %s", ([text, expected]) => {
  expect(readConfirmation({ subject: "Re: Do you want to unsubscribe?", text, isAnswer: true })).toBe(expected);
});
